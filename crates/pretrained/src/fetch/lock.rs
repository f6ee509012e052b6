//! A lock between processes: a file next to the download, locked by the operating system.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use crate::Error;

/// Held while it lives; the system releases it too if the process dies.
pub(super) struct Lock {
    file: File,
    path: PathBuf,
}

/// Takes the lock, calling `waiting` once if another process holds it.
pub(super) fn acquire(path: &Path, waiting: impl FnOnce()) -> Result<Lock, Error> {
    let mut waiting = Some(waiting);
    loop {
        let mut options = File::options();
        let file = options
            .create(true)
            .write(true)
            .truncate(false)
            .open(path)
            .map_err(files::Error::io("open", path))?;
        if let Err(error) = file.try_lock() {
            if !matches!(error, TryLockError::WouldBlock) {
                return Err(files::Error::io("lock", path)(error.into()).into());
            }
            if let Some(waiting) = waiting.take() {
                waiting();
            }
            file.lock().map_err(files::Error::io("lock", path))?;
        }
        // The process that held it before has deleted the file: the lock must be on the one that others will find.
        if is_still(path, &file) {
            return Ok(Lock { file, path: path.to_path_buf() });
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Deleted while it is still held; where `is_still` cannot tell, an empty file is left rather than a race.
        if cfg!(unix) {
            let _ = std::fs::remove_file(&self.path);
        }
        let _ = self.file.unlock();
    }
}

#[cfg(unix)]
fn is_still(path: &Path, file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (path.metadata(), file.metadata()) {
        (Ok(there), Ok(held)) => (there.dev(), there.ino()) == (held.dev(), held.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_still(_path: &Path, _file: &File) -> bool {
    true
}
