use std::io;
use std::path::{Path, PathBuf};

/// The file system refused: the action, the path, and the reason.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct Error {
    /// A verb, "create" or "write", that the path follows.
    pub action: &'static str,
    /// Path of the file or folder.
    pub path: PathBuf,
    /// Reason given by the system.
    pub source: io::Error,
}

impl Error {
    /// Adds the action and the path to an error of the system; for `map_err`.
    pub fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { action, path: path.to_owned(), source }
    }
}
