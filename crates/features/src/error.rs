use std::path::PathBuf;

use run_config::ConfigError;

/// Why images could not be made into batches.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration is at fault.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The pictures are at fault.
    #[error(transparent)]
    Images(images::Error),
    /// The data folder is not where it is named, but beside the configuration.
    #[error("{} does not exist; paths are relative to the folder that finetune is started in, and there is {}", path.display(), there.display())]
    DataElsewhere {
        /// As it is named.
        path: PathBuf,
        /// Where it is.
        there: PathBuf,
    },
    /// The data folder is not there, and is one that can be fetched.
    #[error("{} does not exist; it is a public image set, which this brings: {command}", root.display())]
    NotFetched {
        /// The data folder.
        root: PathBuf,
        /// What brings it.
        command: String,
    },
    /// More files are unreadable than the configuration puts up with.
    #[error("{count} of {total} pictures below {} cannot be read, more than data.max_unreadable = {limit} allows; the first is {first}", root.display())]
    TooManyUnreadable {
        /// Unreadable files.
        count: usize,
        /// All files.
        total: usize,
        /// The data folder.
        root: PathBuf,
        /// The configured share.
        limit: f64,
        /// Path and reason of the first.
        first: String,
    },
    /// A class has lost all its training images.
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
