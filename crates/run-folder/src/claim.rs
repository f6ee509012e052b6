use std::fs;
use std::path::Path;

use files::{Lease, Terms};

use crate::{FolderError, RunFolder};

/// The folder of a run that several processes might carry out, and that this one has.
#[derive(Debug)]
pub struct Claim {
    folder: RunFolder,
    lease: Lease,
}

impl Claim {
    /// Takes the folder of a run that no process has begun, or whose process is gone before it had written one of the files
    /// `ends`; `None` where another one has it, or it has come to its end. The processes may be on different machines.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn take(path: &Path, ends: &[&str]) -> Result<Option<Self>, FolderError> {
        if let Some(above) = path.parent() {
            fs::create_dir_all(above).map_err(FolderError::write(above))?;
        }
        let lease = Lease::take(path, ends, Terms::default()).map_err(FolderError::write(path))?;
        Ok(lease.map(|lease| Self { folder: RunFolder::of_another(path), lease }))
    }

    /// The folder. It is this process's for as long as the claim lives.
    #[must_use]
    pub fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// Removes the folder of a run that will not be finished, so that it can be taken again.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn release(self) -> Result<(), FolderError> {
        let Self { folder, lease } = self;
        lease.give_up().map_err(FolderError::write(folder.path()))
    }
}
