use std::io;
use std::path::{Path, PathBuf};

/// The file system refused: what was tried, where, and its own words.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}", path.display())]
pub struct Error {
    /// A verb, "create" or "write", that the path follows.
    pub action: &'static str,
    /// The file or folder asked for.
    pub path: PathBuf,
    /// The system's own words.
    pub source: io::Error,
}

impl Error {
    pub(crate) fn new(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self { action, path: path.to_owned(), source }
    }
}
