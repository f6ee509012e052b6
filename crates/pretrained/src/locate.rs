//! Where the file of a catalog entry lies on this machine.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::{Digest, Entry, Error};
use files::sha256_of_file;

/// The path of an entry's file: in the first of `folders` that has it, else in PyTorch's own cache.
///
/// The file is read once, to compare its digest.
///
/// # Errors
/// [`Error::NotFetched`] with the folders that were searched and the command that fetches it; [`Error::WrongDigest`]
/// for a file of that name with another content; [`Error::Io`] if it cannot be read.
pub fn locate(entry: &Entry, folders: &[PathBuf]) -> Result<PathBuf, Error> {
    locate_with(entry, folders, torch_cache())
}

/// The folder in which PyTorch keeps what `torch.hub` and TorchVision download: `$TORCH_HOME/hub/checkpoints`, else
/// `$XDG_CACHE_HOME/torch/hub/checkpoints`, else `~/.cache/torch/hub/checkpoints`.
///
/// `None` if there is not even a home folder. Source: `_get_torch_home` in torch/hub.py.
#[must_use]
pub fn torch_cache() -> Option<PathBuf> {
    torch_cache_of(|name| env::var_os(name), env::home_dir())
}

pub(crate) fn locate_with(
    entry: &Entry,
    folders: &[PathBuf],
    cache: Option<PathBuf>,
) -> Result<PathBuf, Error> {
    let searched: Vec<PathBuf> = folders.iter().cloned().chain(cache).collect();
    let paths = searched.iter().map(|folder| folder.join(&entry.file));
    match paths.into_iter().find(|path| path.is_file()) {
        Some(path) => {
            check_digest(&path, &entry.digest())?;
            Ok(path)
        }
        None => Err(Error::NotFetched {
            arch: entry.arch.clone(),
            name: entry.name.clone(),
            file: entry.file.clone(),
            searched,
        }),
    }
}

/// The SHA-256 of a file that must have `expected`.
pub(crate) fn check_digest(path: &Path, expected: &Digest) -> Result<String, Error> {
    let found = sha256_of_file(path)?;
    if expected.accepts(&found) {
        return Ok(found);
    }
    Err(Error::WrongDigest { path: path.to_path_buf(), expected: expected.clone(), found })
}

fn torch_cache_of(variable: impl Fn(&str) -> Option<OsString>, home: Option<PathBuf>) -> Option<PathBuf> {
    let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let torch_home = set("TORCH_HOME").or_else(|| {
        let cache = set("XDG_CACHE_HOME").or_else(|| Some(home?.join(".cache")))?;
        Some(cache.join("torch"))
    })?;
    Some(torch_home.join("hub/checkpoints"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalog;
    use std::fs;

    #[test]
    fn torchs_cache_is_where_torch_says() {
        let home = || Some(PathBuf::from("/home/u"));
        let with = |set: &'static [(&str, &str)]| {
            let variable = move |name: &str| {
                let found = set.iter().find(|(key, _)| *key == name)?;
                Some(OsString::from(found.1))
            };
            torch_cache_of(variable, home()).unwrap()
        };
        assert_eq!(with(&[]), Path::new("/home/u/.cache/torch/hub/checkpoints"));
        assert_eq!(with(&[("XDG_CACHE_HOME", "/x")]), Path::new("/x/torch/hub/checkpoints"));
        let both = with(&[("XDG_CACHE_HOME", "/x"), ("TORCH_HOME", "/t")]);
        assert_eq!(both, Path::new("/t/hub/checkpoints"));
    }

    #[test]
    fn folders_come_before_the_cache_and_digests_are_checked() {
        let (mine, cache) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let mut entry = Catalog::builtin().default_for("resnet18").unwrap().clone();
        let folders = [mine.path().to_path_buf()];
        let find = |entry: &Entry| locate_with(entry, &folders, Some(cache.path().to_path_buf()));

        let missing = find(&entry).unwrap_err().to_string();
        assert!(missing.contains("cargo xtask fetch-weights resnet18"), "{missing}");

        // SHA-256 of "abc", from FIPS 180-2.
        (entry.sha256, entry.sha256_prefix) = (None, "ba7816bf".to_owned());
        fs::write(cache.path().join(&entry.file), "abc").unwrap();
        assert_eq!(find(&entry).unwrap(), cache.path().join(&entry.file));

        fs::write(mine.path().join(&entry.file), "abd").unwrap();
        let wrong = find(&entry).unwrap_err().to_string();
        assert!(wrong.contains("ba7816bf...") && wrong.contains("a52d159f"), "{wrong}");

        fs::write(mine.path().join(&entry.file), "abc").unwrap();
        assert_eq!(find(&entry).unwrap(), mine.path().join(&entry.file));
    }
}
