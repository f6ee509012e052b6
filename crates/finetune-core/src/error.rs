use std::path::{Path, PathBuf};

use crate::config::ConfigError;
use crate::model::ModelError;
use crate::train::divergence::Origin;
use crate::train::optimizer::StateError;

/// Why a run could not be carried out.
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
    /// A checkpoint, or the catalog.
    #[error(transparent)]
    Weights(#[from] pretrained::Error),
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
    /// Training went out of bounds.
    #[error(
        "{} in {phase}, epoch {epoch}, step {step}; {origin}: the learning rate is probably too high; try a tenth of it (train.learning_rate){}",
        ran_away(*loss), where_kept(kept.as_deref())
    )]
    Diverged {
        /// Step of the recipe.
        phase: String,
        /// Epoch within it, from 1.
        epoch: u32,
        /// Optimizer step within the run, from 1.
        step: u64,
        /// The loss.
        loss: f64,
        /// Where it began.
        origin: Origin,
        /// The file with the weights from before that epoch.
        kept: Option<PathBuf>,
    },
    /// Runs of a comparison went out of bounds; the others were carried out.
    #[error("{0}")]
    RunsDiverged(String),
    /// An optimizer's state that does not fit.
    #[error(transparent)]
    OptimizerState(#[from] StateError),
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

impl Error {
    /// For `map_err` on writing to `path`.
    pub(crate) fn write(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| Self::Write { path, source }
    }
}

fn ran_away(loss: f64) -> String {
    if loss.is_finite() { "training ran away".to_owned() } else { format!("the loss became {loss}") }
}

fn where_kept(file: Option<&Path>) -> String {
    file.map_or_else(String::new, |file| {
        format!("; the weights from before that epoch are kept in {}", file.display())
    })
}
