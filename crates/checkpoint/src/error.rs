use std::path::PathBuf;

use crate::Dtype;

/// Why a checkpoint could not be read or written; every message names the file, or the array's shape.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] files::Error),

    /// The file holds no checkpoint at all.
    #[error("{} is not a checkpoint: {found}", .path.display())]
    NotACheckpoint {
        /// The file.
        path: PathBuf,
        /// What was found instead, and what to do.
        found: String,
    },

    /// The file is a checkpoint that is truncated or otherwise inconsistent.
    #[error("{} is damaged: {reason}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },

    /// One tensor of the file cannot be read.
    #[error("{}: tensor {tensor:?}: {reason}", .path.display())]
    Tensor {
        /// The file.
        path: PathBuf,
        /// The tensor's name in the file.
        tensor: String,
        /// What does not fit.
        reason: String,
    },

    /// The file asks Python to call something that has no place in a checkpoint.
    #[error(
        "{} calls {callable} when Python unpickles it, which no checkpoint needs; nothing was run here, \
         and it should not be opened with Python either",
        .path.display()
    )]
    Hostile {
        /// The file.
        path: PathBuf,
        /// Dotted name of what would be called.
        callable: String,
    },

    /// The array holds another type of element than was asked for.
    #[error("an array of {found} cannot be read as {wanted}")]
    Dtype {
        /// What the array holds.
        found: Dtype,
        /// What was asked for.
        wanted: Dtype,
    },

    /// An array's bytes do not fit its shape.
    #[error("shape {shape:?} of {dtype} needs {wanted} bytes, not {found}")]
    Shape {
        /// Extents.
        shape: Vec<usize>,
        /// Element type.
        dtype: Dtype,
        /// Bytes the shape asks for; `usize::MAX` when more than can be counted.
        wanted: usize,
        /// Bytes there are.
        found: usize,
    },
}
