use std::io;
use std::path::PathBuf;

use crate::Error;

/// Why a comparison could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// One of its runs failed.
    #[error(transparent)]
    Run(#[from] Error),
    /// Runs diverged; the others were carried out.
    #[error("{0}")]
    Diverged(String),
    /// A helper process could not be started, or waited for.
    #[error("cannot run a second process for the comparison: {0}; compare.jobs = 1 needs none")]
    Helper(#[source] io::Error),
    /// The record of a run cannot be read.
    #[error(transparent)]
    Read(#[from] files::Error),
    /// A file that is not a record of a run, or one of another version.
    #[error("{} is not a run summary: {message}", path.display())]
    ForeignSummary {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
}
