use std::path::PathBuf;

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
}
