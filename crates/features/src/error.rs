use std::path::PathBuf;

use run_config::ConfigError;

/// Why images could not be read or passed through frozen stages.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration is at fault.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The images are at fault.
    #[error(transparent)]
    Images(images::Error),
    /// The data folder does not exist, but one of its name lies next to the configuration.
    #[error("{} does not exist; paths are relative to the folder that finetune is started in: try {}", path.display(), there.display())]
    DataElsewhere {
        /// The path as given.
        path: PathBuf,
        /// The folder next to the configuration.
        there: PathBuf,
    },
    /// The data folder does not exist, and can be fetched.
    #[error("{} does not exist; it is a public data set, fetched by: {command}", root.display())]
    NotFetched {
        /// The data folder.
        root: PathBuf,
        /// Command that fetches it.
        command: String,
    },
    /// More files are unreadable than the configuration allows.
    #[error("{count} of {total} images below {} cannot be read, more than data.max_unreadable = {limit} allows; the first: {first}", root.display())]
    TooManyUnreadable {
        /// Unreadable files.
        count: usize,
        /// All files.
        total: usize,
        /// The data folder.
        root: PathBuf,
        /// The configured share, 0 to 1.
        limit: f64,
        /// Path and reason of the first.
        first: String,
    },
    /// No training image of a class can be read.
    #[error("class {class:?} has no readable training image below {}", root.display())]
    EmptyClass {
        /// The class.
        class: String,
        /// The data folder.
        root: PathBuf,
    },
    /// A libtorch call failed.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
    /// A libtorch call that tch has no function for failed.
    #[error(transparent)]
    TorchExtra(#[from] torch_extra::Error),
    /// Another process that trains along failed.
    #[error(transparent)]
    Team(#[from] team::Error),
    /// Stopped before anything was trained.
    #[error("interrupted before training began; nothing to keep")]
    Interrupted,
}

impl From<images::Error> for Error {
    fn from(error: images::Error) -> Self {
        let images::Error::Missing(root) = &error else { return Self::Images(error) };
        let here = std::env::current_dir().unwrap_or_default();
        match pretrained::data_sets::command_for(root, &here) {
            Some(command) => Self::NotFetched { root: root.clone(), command },
            None => Self::Images(error),
        }
    }
}

impl team::Failed for Error {
    fn failure(&self) -> team::Failure {
        let code = match self {
            Self::Config(_) => 2,
            Self::Interrupted => 130,
            _ => 1,
        };
        team::Failure { message: self.to_string(), code }
    }
}
