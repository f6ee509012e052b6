use std::path::PathBuf;

/// Why images could not be classified.
#[derive(Debug, thiserror::Error)]
pub enum PredictError {
    /// Images could not be read or prepared.
    #[error(transparent)]
    Features(#[from] features::Error),
    /// A libtorch call failed.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
    /// Not one file could be read.
    #[error("none of the {count} image(s) of {source_name} can be read")]
    NothingReadable {
        /// Files, folder or list as given.
        source_name: String,
        /// Number of files tried.
        count: usize,
    },
    /// Scores that are not finite.
    #[error("{}: the scores that {} gives for it are not finite numbers, so there is no prediction (try --precision float32, or train the model again)", image.display(), model.display())]
    NotFinite {
        /// The image.
        image: PathBuf,
        /// The model's file.
        model: PathBuf,
    },
}

impl From<images::Error> for PredictError {
    fn from(error: images::Error) -> Self {
        features::Error::from(error).into()
    }
}
