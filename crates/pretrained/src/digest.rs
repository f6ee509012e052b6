//! SHA-256 of a file, and what it is expected to be.

use std::fmt;
use std::fs::File;
#[cfg(any(feature = "checkpoints", feature = "fetch"))]
use std::io::Write;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::Error;

/// What is known beforehand of a file's SHA-256.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Digest {
    /// All 64 hex digits.
    Sha256(String),
    /// The first hex digits, as TorchVision puts them into file names.
    Sha256Prefix(String),
    /// All 64 hex digits of each file that will do; without any, none does.
    OneOf(Vec<String>),
    /// Nothing: every file passes.
    None,
}

impl Digest {
    /// Whether a file with this SHA-256 (64 hex digits, lower case) is the expected one.
    #[must_use]
    pub fn accepts(&self, sha256: &str) -> bool {
        match self {
            Self::Sha256(whole) => whole.eq_ignore_ascii_case(sha256),
            Self::Sha256Prefix(prefix) => {
                sha256.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
            }
            Self::OneOf(wholes) => wholes.iter().any(|whole| whole.eq_ignore_ascii_case(sha256)),
            Self::None => true,
        }
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha256(whole) => write!(f, "{whole}"),
            Self::Sha256Prefix(prefix) => write!(f, "{prefix}..."),
            Self::OneOf(wholes) if wholes.is_empty() => write!(f, "none that is known"),
            Self::OneOf(wholes) => write!(f, "{}", wholes.join(" or ")),
            Self::None => write!(f, "any"),
        }
    }
}

/// SHA-256 of a file as 64 lower-case hex digits, read piece by piece.
///
/// # Errors
/// [`Error::Io`] if the file cannot be read.
pub fn sha256_of_file(path: &Path) -> Result<String, Error> {
    let mut file = File::open(path).map_err(Error::io("open", path))?;
    sha256_of_reader(&mut file).map_err(Error::io("read", path))
}

fn sha256_of_reader(reader: &mut impl Read) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(hex::encode(hasher.finalize())),
            count => hasher.update(&buffer[..count]),
        }
    }
}

/// Passes bytes on and hashes them on the way.
#[cfg(any(feature = "checkpoints", feature = "fetch"))]
pub(crate) struct Hashing<W> {
    to: W,
    hasher: Sha256,
}

#[cfg(any(feature = "checkpoints", feature = "fetch"))]
impl<W: Write> Hashing<W> {
    pub(crate) fn new(to: W) -> Self {
        Self { to, hasher: Sha256::new() }
    }

    /// SHA-256 of what was written, 64 hex digits.
    pub(crate) fn finish(self) -> String {
        hex::encode(self.hasher.finalize())
    }
}

#[cfg(any(feature = "checkpoints", feature = "fetch"))]
impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let count = self.to.write(bytes)?;
        self.hasher.update(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
