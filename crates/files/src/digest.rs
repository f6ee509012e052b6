use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use sha2::{Digest as _, Sha256};

use crate::Error;

/// SHA-256 of a file as 64 lower-case hex digits, read piece by piece.
///
/// # Errors
/// Where the file cannot be opened or read.
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

/// A writer that computes the SHA-256 of what passes through it.
#[derive(Debug)]
pub struct Hashing<W> {
    to: W,
    hasher: Sha256,
}

impl<W: Write> Hashing<W> {
    /// Hashes what will be written to `to`.
    #[must_use]
    pub fn new(to: W) -> Self {
        Self { to, hasher: Sha256::new() }
    }

    /// SHA-256 of what was written, 64 hex digits.
    #[must_use]
    pub fn finish(self) -> String {
        hex::encode(self.hasher.finalize())
    }
}

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
