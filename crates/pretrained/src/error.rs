use std::path::PathBuf;

use crate::{Digest, as_called};

/// Why weights or a data set could not be found or fetched; every message names the file or the name it is about.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The catalog text is not valid.
    #[error("the catalog of weights is not valid: {reason}")]
    Catalog {
        /// What is wrong, with the line where there is one.
        reason: String,
    },

    /// No weights are known for this architecture.
    #[error("no weights are known for {arch:?}; the nearest names are {}", .nearest.join(", "))]
    UnknownArch {
        /// What was asked for.
        arch: String,
        /// Known architectures, nearest name first.
        nearest: Vec<String>,
    },

    /// The architecture is known, these weights are not.
    #[error("{arch} has no weights called {name:?}; it has {}", .known.join(", "))]
    UnknownWeights {
        /// The architecture.
        arch: String,
        /// What was asked for.
        name: String,
        /// The weights it has.
        known: Vec<String>,
    },

    /// The file of a catalog entry is nowhere on this machine.
    #[error(
        "{file} (the weights {name} of {arch}) is in none of {}; fetch it with `{}`",
        list(.searched), as_called(&format!("fetch-weights {arch}"))
    )]
    NotFetched {
        /// The architecture.
        arch: String,
        /// Name of its weights.
        name: String,
        /// The file.
        file: String,
        /// The folders that were searched.
        searched: Vec<PathBuf>,
    },

    /// A name that no file on Hugging Face's hub can have, or one of a kind that is not read.
    #[error(
        "{name:?} is no file of Hugging Face's hub that can be used: {reason}; the form is hf:OWNER/NAME[@REV][:FILE]"
    )]
    HubName {
        /// What was asked for.
        name: String,
        /// What is wrong with it.
        reason: String,
    },

    /// A file of Hugging Face's hub is nowhere on this machine.
    #[error("{name} is in none of {}; fetch it with `{}`", list(.searched), as_called(&format!("fetch-weights {name}")))]
    HubNotFetched {
        /// The file, as it was named.
        name: String,
        /// The folders that were searched.
        searched: Vec<PathBuf>,
    },

    /// A file has the right name and the wrong content.
    #[error(
        "{} has the SHA-256 {found}, but {expected} is expected: it is cut short or another file; fetch it again",
        .path.display()
    )]
    WrongDigest {
        /// The file, or the address it came from.
        path: PathBuf,
        /// What its SHA-256 must be.
        expected: Digest,
        /// What it is, 64 hex digits.
        found: String,
    },

    /// A file could not be fetched.
    #[error("cannot fetch {from}: {reason}")]
    Fetch {
        /// The address, folder or package.
        from: String,
        /// What the server or program said, and what to do.
        reason: String,
    },

    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] files::Error),

    /// A package of Python, or the record of a file, that is truncated or otherwise inconsistent.
    #[error("{} is damaged: {reason}", .path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
}

fn list(paths: &[PathBuf]) -> String {
    let shown: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    shown.join(", ")
}
