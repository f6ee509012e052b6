use std::path::PathBuf;

use run_config::ConfigError;
use zoo::source_weights::WeightsError;

use crate::model::ModelError;

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
    /// The catalog has no such weights, or they are not on this machine.
    #[error(transparent)]
    Weights(#[from] pretrained::Error),
    /// A checkpoint could not be read or written.
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    /// A checkpoint of another network.
    #[error(transparent)]
    Load(#[from] backbone::LoadError),
    /// Weights that would fit with another value of a key.
    #[error("{}: {key}: {message}", path.display())]
    WeightsOfOtherShape {
        /// The file.
        path: PathBuf,
        /// The key.
        key: String,
        /// Which tensor differs, and what would fit.
        message: String,
    },
    /// Weights of a network that is not in the zoo, or a changed one.
    #[error("{error}; {nearest}; `finetune inspect` shows what the file holds")]
    WeightsNearAnother {
        /// What differs.
        error: Box<backbone::LoadError>,
        /// The network that has most in common with them.
        nearest: String,
    },
    /// A model that cannot be used.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// Nothing came out of any file.
    #[error("none of the {count} picture(s) of {what} can be read")]
    NothingReadable {
        /// Files or folder.
        what: String,
        /// Files tried.
        count: usize,
    },
    /// Scores that nothing can be told from.
    #[error("{}: the scores that {} gives for it are no numbers; nothing is predicted with such a model (try --precision float32, or train it again)", image.display(), model.display())]
    ScoresAreNoNumbers {
        /// The image.
        image: PathBuf,
        /// The model's file.
        model: PathBuf,
    },
    /// A class of a data set that is none of the model's.
    #[error("class {class:?} of {} is none of the model's classes ({known}); leave it out (--classes), join it to one of them (--merge), or rename it", data.display())]
    ClassOfNoModel {
        /// The class.
        class: String,
        /// The data folder, or the list.
        data: PathBuf,
        /// The model's classes, in part.
        known: String,
    },
    /// A class of a data set, for a model whose classes have no names.
    #[error("{} names no classes, so that those of {} cannot be matched with its {outputs} outputs; fine-tune from it first, or save it with a list `classes` in the order of its outputs", model.display(), data.display())]
    NamelessClasses {
        /// The model's file.
        model: PathBuf,
        /// The data folder, or the list.
        data: PathBuf,
        /// Outputs of the head.
        outputs: usize,
    },
    /// libtorch refused something.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
    /// libtorch refused something that tch has no function for.
    #[error(transparent)]
    TorchExtra(#[from] torch_extra::Error),
    /// Runs of a comparison went out of bounds; the others were carried out.
    #[error("{0}")]
    RunsDiverged(String),
    /// A frozen stage changed, which must never be.
    #[error(
        "stage {stage} is frozen and yet it changed while training; this is a mistake in the program, and the model was not saved"
    )]
    FrozenStageMoved {
        /// The stage.
        stage: String,
    },
    /// The place for the results is taken.
    #[error("{} exists already and is not overwritten; name another place with --out, or remove it", .0.display())]
    FolderTaken(PathBuf),
    /// A single run, which cannot be resumed.
    #[error("{} is a single run, and only a comparison can be resumed; the nearest is a new run from its last weights: {command}", path.display())]
    SingleRun {
        /// The run's folder.
        path: PathBuf,
        /// What comes nearest.
        command: String,
    },
    /// A comparison cannot go on as another one.
    #[error("{} does not hold a comparison of this configuration; resume with the configuration and options it was begun with, or begin a new one with --out", .0.display())]
    OtherComparison(PathBuf),
    /// Two processes would carry out the same comparison.
    #[error("the comparison in {} is still being carried out; wait for it, or stop it first", .0.display())]
    StillRunning(PathBuf),
    /// Something could not be written.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// What.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Something could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// What.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A summary that is none of ours, or of another version.
    #[error("{} is no summary of a run: {message}", path.display())]
    ForeignSummary {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// Another process could not be started, or watched.
    #[error("cannot run a second process for the comparison: {0}; compare.jobs = 1 needs none")]
    Helper(#[source] std::io::Error),
    /// The report could not be written.
    #[error(transparent)]
    Report(#[from] report::Error),
    /// A record could not be turned into JSON or TOML.
    #[error("cannot write the {what}: {message}")]
    Serialise {
        /// Which.
        what: &'static str,
        /// Why.
        message: String,
    },
    /// An advice that does not suit the network, which must never be.
    #[error("the advised depth does not suit the network: {0}; this is a mistake in the program")]
    Advice(String),
    /// Stopped before anything was trained.
    #[error("interrupted before training began; nothing to keep")]
    Interrupted,
}

impl From<features::Error> for Error {
    fn from(error: features::Error) -> Self {
        match error {
            features::Error::Config(error) => Self::Config(error),
            features::Error::Interrupted => Self::Interrupted,
            other => Self::Features(other),
        }
    }
}

impl From<training::Error> for Error {
    fn from(error: training::Error) -> Self {
        match error {
            training::Error::Features(error) => error.into(),
            other => Self::Training(other),
        }
    }
}

impl From<WeightsError> for Error {
    fn from(error: WeightsError) -> Self {
        match error {
            WeightsError::NotFound(error) => Self::Weights(error),
            WeightsError::Unreadable(error) => Self::Checkpoint(error),
        }
    }
}

impl From<transferability::Error> for Error {
    fn from(error: transferability::Error) -> Self {
        Self::Torch(error.0)
    }
}

impl From<images::Error> for Error {
    fn from(error: images::Error) -> Self {
        features::Error::from(error).into()
    }
}

impl Error {
    /// For `map_err` on writing to `path`.
    pub(crate) fn write(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Write { path, source }
    }
}
