use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::draft_name::{create_unique, parent};

/// A folder that is filled next to its final path; it is removed with what is in it unless [`FolderDraft::publish`] succeeds.
#[derive(Debug)]
pub struct FolderDraft {
    path: PathBuf,
    target: PathBuf,
}

impl FolderDraft {
    /// Creates an empty folder next to `target`, whose parents are created if need be.
    ///
    /// # Errors
    /// [`Error`] when the file system refuses.
    pub fn next_to(target: &Path) -> Result<Self, Error> {
        let parent = parent(target);
        fs::create_dir_all(parent).map_err(Error::io("create", parent))?;
        let created = create_unique(parent, |draft| fs::create_dir(draft));
        let (path, ()) = created.map_err(Error::io("create a folder in", parent))?;
        Ok(Self { path, target: target.to_owned() })
    }

    /// Where to write.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Renames the folder to its final path, in one step.
    ///
    /// # Errors
    /// [`Error`] of the kind [`ErrorKind::AlreadyExists`] when something is there, an empty folder aside; that stays as
    /// it is. Otherwise [`Error`] with the reason of the file system.
    pub fn publish(self) -> Result<(), Error> {
        let renamed = fs::rename(&self.path, &self.target).map_err(|error| match error.kind() {
            ErrorKind::DirectoryNotEmpty | ErrorKind::NotADirectory => ErrorKind::AlreadyExists.into(),
            _ => error,
        });
        renamed.map_err(Error::io("create", &self.target))
    }
}

impl Drop for FolderDraft {
    fn drop(&mut self) {
        // After `publish` nothing is at this path; otherwise what cannot be removed is only untidy.
        let _ = fs::remove_dir_all(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let names = fs::read_dir(folder).unwrap();
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    #[test]
    fn a_folder_appears_whole_or_leaves_nothing() {
        let home = tempfile::tempdir().unwrap();
        let target = home.path().join("way/letters");
        let draft = FolderDraft::next_to(&target).unwrap();
        fs::write(draft.path().join("a.png"), "a").unwrap();
        assert!(!target.exists());
        drop(draft);
        assert!(names(&home.path().join("way")).is_empty());

        let draft = FolderDraft::next_to(&target).unwrap();
        fs::write(draft.path().join("a.png"), "a").unwrap();
        draft.publish().unwrap();
        assert_eq!(names(&home.path().join("way")), ["letters"]);
        assert_eq!(names(&target), ["a.png"]);
    }

    #[test]
    fn what_is_there_is_never_retargetd() {
        let home = tempfile::tempdir().unwrap();
        let (folder, file) = (home.path().join("folder"), home.path().join("file"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("mine"), "").unwrap();
        fs::write(&file, "mine").unwrap();
        for target in [&folder, &file] {
            let error = FolderDraft::next_to(target).unwrap().publish().unwrap_err();
            assert_eq!((error.source.kind(), &error.path), (ErrorKind::AlreadyExists, target));
        }
        assert_eq!(names(&folder), ["mine"]);
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
        assert_eq!(names(home.path()).len(), 2);
    }
}
