//! libtorch in the user's cache, once per user, and the link to it in the workspace.
//!
//! A folder appears under its final name only when it is complete: it is filled under another name, checked, and renamed. One
//! set-up works at a time; a second one waits for the lock and then finds what the first one made.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::{Context, Error, Result, anyhow, ensure};

use super::libtorch::{self, VERSION, Variant};
use super::{Found, archive, pip};
use crate::process::say;
use crate::workspace::{self, Workspace};

/// Ends the names of what is being filled or thrown away; the holder of the lock may delete it.
const PARTIAL: &str = ".partial";

/// The cache folder, locked for as long as this lives.
pub(super) struct Cache {
    folder: PathBuf,
    _lock: File,
}

impl Cache {
    /// Makes the folder, waits for other set-ups, and clears away what an interrupted one left.
    pub(super) fn open() -> Result<Self> {
        Self::open_at(workspace::cache_folder()?)
    }

    fn open_at(folder: PathBuf) -> Result<Self> {
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot make the cache folder {}", folder.display()))?;
        let lock = lock(&folder.join("set-up.lock"))?;
        let cache = Self { folder, _lock: lock };
        for path in cache.names_ending_with(PARTIAL)? {
            remove(&path)?;
        }
        Ok(cache)
    }

    /// An earlier set-up that still stands; for the CPU a CUDA build serves as well.
    pub(super) fn earlier(&self, variant: Variant) -> Result<Found> {
        let mut why = anyhow!("none in {}", self.folder.display());
        for have in [Variant::Cpu, Variant::Cuda].into_iter().filter(|have| *have >= variant) {
            for origin in [archive::ORIGIN, pip::ORIGIN] {
                let folder = self.place(have, origin);
                match libtorch::check_finished(&folder, variant) {
                    Ok(origin) => return Ok(found(format!("an earlier set-up, {origin}"), folder)),
                    Err(error) if folder.exists() => why = error,
                    Err(_) => {}
                }
            }
        }
        Err(why)
    }

    /// Lets `install` fill a fresh folder with `include` and `lib`, checks it and puts it in place.
    pub(super) fn fill(
        &self,
        variant: Variant,
        origin: &str,
        install: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<Found> {
        let place = self.place(variant, origin);
        let partial = with_suffix(&place, PARTIAL);
        fs::create_dir(&partial).with_context(|| format!("cannot make {}", partial.display()))?;
        let filled = install(&partial).and_then(|()| libtorch::finish(&partial, variant, origin));
        if let Err(error) = filled {
            remove(&partial)?;
            return Err(error);
        }
        self.put(&partial, &place)?;
        Ok(found(origin.to_owned(), place))
    }

    fn put(&self, partial: &Path, place: &Path) -> Result<()> {
        let old = with_suffix(place, &format!(".old{PARTIAL}"));
        let replaces = place.symlink_metadata().is_ok();
        let put = || -> io::Result<()> {
            if replaces {
                fs::rename(place, &old)?;
            }
            fs::rename(partial, place)
        };
        put().with_context(|| format!("cannot put {} in place", place.display()))?;
        if replaces { remove(&old) } else { Ok(()) }
    }

    fn place(&self, variant: Variant, origin: &str) -> PathBuf {
        let origin = if origin == pip::ORIGIN { "pip" } else { "archive" };
        self.folder.join(format!("libtorch-{VERSION}-{}-{origin}", variant.tag()))
    }

    fn names_ending_with(&self, suffix: &str) -> Result<Vec<PathBuf>> {
        let list = || -> io::Result<Vec<PathBuf>> {
            let paths = fs::read_dir(&self.folder)?.map(|entry| entry.map(|entry| entry.path()));
            paths
                .filter(|path| path.as_ref().map_or(true, |path| path.to_string_lossy().ends_with(suffix)))
                .collect()
        };
        list().with_context(|| format!("cannot list {}", self.folder.display()))
    }
}

/// What the workspace's link leads to, if it is a libtorch that serves.
pub(super) fn linked(workspace: &Workspace, variant: Variant) -> Option<Found> {
    let link = workspace.libtorch_link();
    let folder = link.canonicalize().ok()?;
    let origin = libtorch::check_finished(&folder, variant);
    // Someone may have put a libtorch there by hand.
    let by_hand = || libtorch::check_by_hand(&folder, variant).map(|()| "a folder of your own".to_owned());
    origin.or_else(|_| by_hand()).ok().map(|origin| found(format!(".libtorch ({origin})"), folder))
}

/// Makes the workspace's `.libtorch` lead to what was found.
pub(super) fn link(workspace: &Workspace, found: Found) -> Result<Found> {
    let Some(folder) = &found.folder else { return Ok(found) };
    let link = workspace.libtorch_link();
    let is_folder = link.symlink_metadata().is_ok_and(|file| file.is_dir());
    ensure!(!is_folder, "{} is a folder where a link is to be made: move it away", link.display());
    if link.canonicalize().ok() != folder.canonicalize().ok() {
        let new = with_suffix(&link, &format!(".{}", std::process::id()));
        let swap = || -> io::Result<()> {
            std::os::unix::fs::symlink(folder, &new)?;
            fs::rename(&new, &link)?;
            // Build scripts watch this file: it is newer now than whatever they made of the folder linked before.
            File::options().append(true).open(folder.join("build-version"))?.set_modified(SystemTime::now())
        };
        swap().with_context(|| format!("cannot link {} to {}", link.display(), folder.display()))?;
        say(format!("Linked {} to {}", link.display(), folder.display()));
    }
    Ok(found)
}

fn found(origin: String, folder: PathBuf) -> Found {
    Found { origin, folder: Some(folder) }
}

fn lock(path: &Path) -> Result<File> {
    let open = || File::options().create(true).truncate(false).write(true).open(path);
    let file = open().with_context(|| format!("cannot open {}", path.display()))?;
    let busy = |error: Error| error.context(format!("cannot lock {}", path.display()));
    match file.try_lock() {
        Ok(()) => return Ok(file),
        Err(TryLockError::WouldBlock) => say("Another set-up is running; waiting for it to end."),
        Err(TryLockError::Error(error)) => return Err(busy(error.into())),
    }
    file.lock().map_err(|error| busy(error.into()))?;
    Ok(file)
}

fn remove(path: &Path) -> Result<()> {
    let is_folder = path.symlink_metadata().is_ok_and(|file| file.is_dir());
    let removed = if is_folder { fs::remove_dir_all(path) } else { fs::remove_file(path) };
    removed.with_context(|| format!("cannot remove {}", path.display()))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use anyhow::bail;

    use super::*;

    fn workspace_in(folder: &Path) -> Workspace {
        Workspace { root: folder.to_owned() }
    }

    #[test]
    fn a_filled_folder_is_found_again_and_linked() {
        let home = tempfile::tempdir().unwrap();
        let cache = Cache::open_at(home.path().join("cache")).unwrap();
        assert!(cache.earlier(Variant::Cpu).is_err());
        let fake = |folder: &Path| {
            libtorch::write_fake(folder, "2.11.0", Variant::Cpu);
            Ok(())
        };
        let made = cache.fill(Variant::Cpu, pip::ORIGIN, fake).unwrap();
        let again = cache.earlier(Variant::Cpu).unwrap();
        assert_eq!(made.folder, again.folder);
        assert!(cache.earlier(Variant::Cuda).is_err(), "a CPU build cannot serve a GPU");

        let workspace = workspace_in(home.path());
        assert!(linked(&workspace, Variant::Cpu).is_none());
        link(&workspace, again).unwrap();
        assert!(linked(&workspace, Variant::Cpu).is_some());
        // Filling again replaces it; the link still leads to it.
        cache.fill(Variant::Cpu, pip::ORIGIN, fake).unwrap();
        assert!(linked(&workspace, Variant::Cpu).is_some());
    }

    #[test]
    fn a_failed_set_up_leaves_nothing_behind_and_an_interrupted_one_is_cleared() {
        let home = tempfile::tempdir().unwrap();
        let cache = Cache::open_at(home.path().to_owned()).unwrap();
        let failed = cache.fill(Variant::Cpu, pip::ORIGIN, |folder| {
            libtorch::write_fake(folder, "2.11.0", Variant::Cpu);
            bail!("the network is down")
        });
        assert!(failed.is_err());
        assert!(cache.names_ending_with(PARTIAL).unwrap().is_empty());
        fs::create_dir(home.path().join("libtorch-2.11.0-cpu-pip.partial")).unwrap();
        drop(cache);
        let cache = Cache::open_at(home.path().to_owned()).unwrap();
        assert!(cache.names_ending_with(PARTIAL).unwrap().is_empty());
    }

    #[test]
    fn a_real_folder_in_the_links_place_is_not_replaced() {
        let home = tempfile::tempdir().unwrap();
        let workspace = workspace_in(home.path());
        fs::create_dir(workspace.libtorch_link()).unwrap();
        let error = link(&workspace, found("a test".to_owned(), home.path().join("x"))).err().unwrap();
        assert!(error.to_string().contains("move it away"), "{error}");
    }
}
