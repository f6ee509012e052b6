/// Features and labels that no linear classifier can be fitted on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A libtorch call failed.
    #[error("libtorch: {0}")]
    Libtorch(#[from] tch::TchError),
    /// One of these is missing or too many.
    #[error("{rows} rows of features for {labels} labels")]
    Rows {
        /// Number of rows of the features.
        rows: i64,
        /// Number of labels, groups or folds.
        labels: usize,
    },
    /// A label is not one of the classes.
    #[error("image {image} has the label {label}, and there are {classes} classes")]
    Label {
        /// Index of the image.
        image: usize,
        /// Its label.
        label: usize,
        /// Number of classes.
        classes: usize,
    },
    /// A feature is not a number, or infinite.
    #[error("the features of image {0} are not finite")]
    NotFinite(i64),
    /// No image can be classified by a model that was not fitted on it.
    #[error(
        "at least two classes need two images each, or two groups of images, of which one can be held out"
    )]
    TooFew,
}
