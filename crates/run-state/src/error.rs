use std::fmt;
use std::path::PathBuf;

use crate::difference::{Difference, Effect};

/// Why a state could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the folder could not be read or written.
    #[error(transparent)]
    File(#[from] files::Error),
    /// The file of a state could not be read or written.
    #[error(transparent)]
    Checkpoint(#[from] checkpoint::Error),
    /// Training could not go on from it.
    #[error(transparent)]
    State(#[from] training::StateError),
    /// A libtorch call failed.
    #[error("libtorch: {0}")]
    Torch(#[from] tch::TchError),
    /// A state that another version of the program wrote.
    #[error("{} was written by another version of this program (format {found}, this one has {}); resume with that version, or begin a new run", path.display(), crate::VERSION)]
    OtherVersion {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: u32,
    },
    /// A file that is not whole, or no state.
    #[error("{} is damaged: {problem}", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A record that could not be written as JSON or TOML.
    #[error("cannot write the run's state: {0}")]
    Serialise(String),
    /// Another process has the run.
    #[error("{} is still being worked on; wait for it, or stop it first", .0.display())]
    StillRunning(PathBuf),
    /// A frozen stage is not what it was.
    #[error(
        "stage {stage} is frozen, and its weights are not those that the run began with; begin a new run"
    )]
    OtherStage {
        /// The stage.
        stage: String,
    },
    /// A run that differs from what it was when it began.
    #[error("{0}")]
    CannotResume(Box<CannotResume>),
    /// The configuration of a resumed run is at fault.
    #[error(transparent)]
    Config(#[from] run_config::ConfigError),
    /// Libtorch could not be set up for the run.
    #[error(transparent)]
    TorchExtra(#[from] torch_extra::Error),
}

/// What differs since a run was begun, so that it cannot go on as it began.
#[derive(Debug)]
pub struct CannotResume {
    pub(crate) folder: PathBuf,
    pub(crate) differences: Vec<Difference>,
}

impl fmt::Display for CannotResume {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} cannot go on as it began:", self.folder.display())?;
        for difference in &self.differences {
            writeln!(f, "  {difference}")?;
        }
        match self.differences.iter().all(|difference| difference.effect != Effect::Decides) {
            true => f.write_str("Bits of the result will differ; --inexact goes on all the same."),
            false => f.write_str("Begin a new run, or undo this."),
        }
    }
}
