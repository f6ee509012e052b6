use std::path::PathBuf;

/// Why a race could not be set up or go on.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A data file is no TOML of the form expected.
    #[error("{file}: {message}")]
    DataFile {
        /// Name of the file.
        file: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// Without arms nothing can be decided.
    #[error("there are no arms to race")]
    NoArms,
    /// Images that no fold holds out.
    #[error("no image is held out: a race needs two images or groups in each of two classes")]
    NothingHeldOut,
    /// Results that do not belong to an arm and fold.
    #[error("results of {arm}, fold {fold}: {problem}")]
    Results {
        /// Name of the arm.
        arm: String,
        /// The fold, from 0.
        fold: usize,
        /// What is wrong with them.
        problem: String,
    },
    /// A file or folder could not be read or written.
    #[error(transparent)]
    Files(#[from] files::Error),
    /// The file of a cell that is not of this race.
    #[error("{} is not a cell of this search: {message}", path.display())]
    ForeignCell {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
}
