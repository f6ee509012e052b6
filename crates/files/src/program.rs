use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::{Error, sha256_of_file};

/// Returns the SHA-256 of the program that is running, 64 hex digits. It is computed once in a process.
///
/// # Errors
/// Where its file cannot be found or read.
pub fn running_program() -> Result<String, Error> {
    static DIGEST: OnceLock<String> = OnceLock::new();
    if let Some(known) = DIGEST.get() {
        return Ok(known.clone());
    }
    let digest = sha256_of_file(&program()?)?;
    Ok(DIGEST.get_or_init(|| digest).clone())
}

/// Path of the program's file. On Linux it leads to the one that runs, even where another has taken its name since.
fn program() -> Result<PathBuf, Error> {
    let own = Path::new("/proc/self/exe");
    if own.exists() {
        return Ok(own.to_owned());
    }
    std::env::current_exe().map_err(|source| Error { action: "find", path: own.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_running_program_is_known_by_its_bytes() {
        let file = std::env::current_exe().unwrap();
        assert_eq!(running_program().unwrap(), sha256_of_file(&file).unwrap());
        assert_eq!(running_program().unwrap(), running_program().unwrap());
    }
}
