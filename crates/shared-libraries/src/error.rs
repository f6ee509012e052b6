use std::path::PathBuf;

/// Why a program or library could not be read, or is not complete; every message names the file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be opened or read.
    #[error("cannot read {}: {error}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// It is no 64-bit ELF file, or a damaged one.
    #[error("{} is no shared library or program of 64-bit Linux: {reason}", .path.display())]
    NotElf {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A library that is named is nowhere.
    #[error("{} needs {name}, which is in none of {}", .path.display(), list(.searched))]
    NotFound {
        /// The file that names it.
        path: PathBuf,
        /// File name of the library.
        name: String,
        /// Folders that were searched.
        searched: Vec<PathBuf>,
    },
}

fn list(folders: &[PathBuf]) -> String {
    folders.iter().map(|folder| folder.display().to_string()).collect::<Vec<_>>().join(", ")
}
