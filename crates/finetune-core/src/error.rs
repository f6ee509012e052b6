use run_config::ConfigError;
use zoo::source_weights::WeightsError;

use run_folder::FolderError;
use trained_model::mismatch::MismatchError;
use trained_model::model_file::SaveError;

/// Why a run could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The configuration is at fault.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The images could not be made into batches.
    #[error(transparent)]
    Features(features::Error),
    /// Training failed.
    #[error(transparent)]
    Training(training::Error),
    /// The weights are not on this machine, or their file cannot be read.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// Weights that do not fit their network.
    #[error(transparent)]
    Mismatch(MismatchError),
    /// The results could not be written into their folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// A model could not be saved.
    #[error(transparent)]
    Save(#[from] SaveError),
    /// Another process that trains along failed, or processes could not meet.
    #[error(transparent)]
    Team(#[from] team::Error),
    /// A libtorch call failed.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
    /// A libtorch call that tch has no function for failed.
    #[error(transparent)]
    TorchExtra(#[from] torch_extra::Error),
    /// A frozen stage changed, which must never happen.
    #[error(
        "stage {stage} is frozen, but training changed it; this is a bug in the program, and the model was not saved"
    )]
    FrozenStageMoved {
        /// The stage.
        stage: String,
    },
    /// No linear classifier can be fitted on features.
    #[error(transparent)]
    Classifier(transferability::Error),
    /// `advise` chose a depth that the network does not have, which must never happen.
    #[error("the depth chosen by `advise` does not suit the network: {0}; this is a bug in the program")]
    Advice(String),
    /// A search could not be carried out.
    #[error(transparent)]
    Search(#[from] search::Error),
    /// A search was interrupted.
    #[error("the search was interrupted; finished cells are in {}, and `finetune search --resume {}` goes on with them", folder.display(), folder.display())]
    SearchInterrupted {
        /// Its folder.
        folder: std::path::PathBuf,
    },
    /// A helper process of a search could not be started, or waited for.
    #[error("cannot run a second process for the search: {0}; search.jobs = 1 needs none")]
    Helper(#[source] std::io::Error),
    /// The data could not be audited.
    #[error(transparent)]
    Audit(audit::Error),
    /// The state of a run could not be written or read.
    #[error(transparent)]
    State(run_state::Error),
    /// Interrupted before anything was trained.
    #[error("interrupted before training began; nothing to keep")]
    Interrupted,
}

impl From<features::Error> for Error {
    fn from(error: features::Error) -> Self {
        match error {
            features::Error::Config(error) => Self::Config(error),
            features::Error::Interrupted => Self::Interrupted,
            features::Error::Team(error) => Self::Team(error),
            other => Self::Features(other),
        }
    }
}

impl From<run_state::Error> for Error {
    fn from(error: run_state::Error) -> Self {
        match error {
            run_state::Error::Config(error) => Self::Config(error),
            run_state::Error::TorchExtra(error) => Self::TorchExtra(error),
            other => Self::State(other),
        }
    }
}

impl From<audit::Error> for Error {
    fn from(error: audit::Error) -> Self {
        match error {
            audit::Error::Interrupted => Self::Interrupted,
            other => Self::Audit(other),
        }
    }
}

impl From<training::Error> for Error {
    fn from(error: training::Error) -> Self {
        match error {
            training::Error::Features(error) => error.into(),
            training::Error::Team(error) => Self::Team(error),
            other => Self::Training(other),
        }
    }
}

impl From<pretrained::Error> for Error {
    fn from(error: pretrained::Error) -> Self {
        Self::Weights(error.into())
    }
}

impl From<checkpoint::Error> for Error {
    fn from(error: checkpoint::Error) -> Self {
        Self::Weights(error.into())
    }
}

impl From<MismatchError> for Error {
    fn from(error: MismatchError) -> Self {
        match error {
            MismatchError::Config(error) => Self::Config(error),
            other => Self::Mismatch(other),
        }
    }
}

impl From<backbone::LoadError> for Error {
    fn from(error: backbone::LoadError) -> Self {
        Self::Mismatch(error.into())
    }
}

impl From<transferability::Error> for Error {
    fn from(error: transferability::Error) -> Self {
        match error {
            transferability::Error::Libtorch(error) => Self::Torch(error),
            error => Self::Classifier(error),
        }
    }
}

impl From<images::Error> for Error {
    fn from(error: images::Error) -> Self {
        features::Error::from(error).into()
    }
}

impl team::Failed for Error {
    fn failure(&self) -> team::Failure {
        let code = match self {
            Self::Config(_) => 2,
            Self::Interrupted | Self::SearchInterrupted { .. } => 130,
            Self::Team(team::Error::Peer { failure: Some(failure), .. }) => failure.code,
            _ => 1,
        };
        team::Failure { message: self.to_string(), code }
    }
}
