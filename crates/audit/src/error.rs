/// Why a data set could not be audited.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Copies could not be looked for.
    #[error(transparent)]
    Copies(copies::Error),
    /// The probe could not be fitted.
    #[error(transparent)]
    Probe(#[from] transferability::Error),
    /// A libtorch call failed.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
    /// Features could not be computed.
    #[error(transparent)]
    Features(features::Error),
    /// Stopped; nothing was written.
    #[error("interrupted; nothing was written")]
    Interrupted,
}

impl From<features::Error> for Error {
    fn from(error: features::Error) -> Self {
        match error {
            features::Error::Interrupted => Self::Interrupted,
            other => Self::Features(other),
        }
    }
}

impl From<images::Error> for Error {
    fn from(error: images::Error) -> Self {
        features::Error::from(error).into()
    }
}

impl From<copies::Error> for Error {
    fn from(error: copies::Error) -> Self {
        match error {
            copies::Error::Interrupted => Self::Interrupted,
            other => Self::Copies(other),
        }
    }
}
