//! A folder that is filled next to the place where its content will appear, all of it or nothing.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

/// Begins the names of folders that are being filled.
const DRAFT: &str = ".unpacking-";

/// A folder that is being filled; it disappears with what is in it unless [`Draft::put`] is called.
pub(crate) struct Draft {
    folder: TempDir,
    into: PathBuf,
    _lock: File,
}

impl Draft {
    /// A new one in `into`, which is created; what interrupted calls left there is removed.
    pub(crate) fn new(into: &Path) -> Result<Self> {
        let cannot_make = || format!("cannot make a folder in {}", into.display());
        fs::create_dir_all(into).with_context(cannot_make)?;
        remove_stale(into);
        let folder = tempfile::Builder::new().prefix(DRAFT).tempdir_in(into).with_context(cannot_make)?;
        // Locked for as long as it is filled, so that another call can tell it from one left behind. A file system without
        // locks refuses that call's lock as well, and then nothing counts as stale.
        let lock = File::open(folder.path()).with_context(cannot_make)?;
        let _ = lock.try_lock();
        Ok(Self { folder, into: into.to_owned(), _lock: lock })
    }

    /// Where to write.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Moves its content to its place; what is there already is never replaced.
    pub(crate) fn put(self) -> Result<()> {
        put(self.folder.path(), &self.into)
    }
}

/// Moves what is in the draft to its place.
fn put(draft: &Path, into: &Path) -> Result<()> {
    let list =
        || fs::read_dir(draft)?.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<Vec<_>>>();
    let names = list().with_context(|| format!("cannot list {}", draft.display()))?;
    for place in names.iter().map(|name| into.join(name)) {
        ensure!(place.symlink_metadata().is_err(), "{} is there already: move it away", place.display());
    }
    for name in names {
        let place = into.join(&name);
        fs::rename(draft.join(&name), &place).with_context(|| format!("cannot make {}", place.display()))?;
    }
    Ok(())
}

/// Removes what interrupted calls left in `into`; what cannot be removed is only untidy, and stays.
fn remove_stale(into: &Path) {
    let Ok(entries) = fs::read_dir(into) else { return };
    for entry in entries.flatten() {
        let is_draft = entry.file_name().to_string_lossy().starts_with(DRAFT);
        // A link's own type is asked for: nothing outside is ever removed.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_draft && is_folder && File::open(entry.path()).is_ok_and(|folder| folder.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_interrupted_call_left_is_removed_and_nothing_else() {
        let into = tempfile::tempdir().unwrap();
        let at = |name: &str| into.path().join(name);
        for folder in [".unpacking-stale/small", ".unpacking-busy", "small", "elsewhere"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        fs::write(at(".unpacking-notes"), "mine").unwrap();
        std::os::unix::fs::symlink(at("elsewhere"), at(".unpacking-link")).unwrap();
        let busy = File::open(at(".unpacking-busy")).unwrap();
        busy.lock().unwrap();
        remove_stale(into.path());
        let gone = |name: &str| at(name).symlink_metadata().is_err();
        assert!(gone(".unpacking-stale"));
        for other in [".unpacking-busy", ".unpacking-notes", ".unpacking-link", "small", "elsewhere"] {
            assert!(!gone(other), "{other}");
        }
        drop(busy);
        remove_stale(into.path());
        assert!(gone(".unpacking-busy"));
    }
}
