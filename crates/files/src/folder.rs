use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::Error;
use crate::draft_name::{create_unique, parent};

/// A folder that is filled beside its place; it is removed with what is in it unless [`FolderDraft::publish`] succeeds.
#[derive(Debug)]
pub struct FolderDraft {
    path: PathBuf,
    place: PathBuf,
}

impl FolderDraft {
    /// Creates an empty folder beside `place`, whose parents are created if need be.
    ///
    /// # Errors
    /// [`Error`] when the file system refuses.
    pub fn beside(place: &Path) -> Result<Self, Error> {
        let parent = parent(place);
        fs::create_dir_all(parent).map_err(Error::new("create", parent))?;
        let created = create_unique(parent, |draft| fs::create_dir(draft));
        let (path, ()) = created.map_err(Error::new("create a folder in", parent))?;
        Ok(Self { path, place: place.to_owned() })
    }

    /// Where to write.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Renames the folder to its place, in one step.
    ///
    /// # Errors
    /// [`Error`] of the kind [`ErrorKind::AlreadyExists`] when something is there, an empty folder aside; that stays as
    /// it is. Otherwise what the file system says.
    pub fn publish(self) -> Result<(), Error> {
        let renamed = fs::rename(&self.path, &self.place).map_err(|error| match error.kind() {
            ErrorKind::DirectoryNotEmpty | ErrorKind::NotADirectory => ErrorKind::AlreadyExists.into(),
            _ => error,
        });
        renamed.map_err(Error::new("create", &self.place))
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
        let place = home.path().join("way/letters");
        let draft = FolderDraft::beside(&place).unwrap();
        fs::write(draft.path().join("a.png"), "a").unwrap();
        assert!(!place.exists());
        drop(draft);
        assert!(names(&home.path().join("way")).is_empty());

        let draft = FolderDraft::beside(&place).unwrap();
        fs::write(draft.path().join("a.png"), "a").unwrap();
        draft.publish().unwrap();
        assert_eq!(names(&home.path().join("way")), ["letters"]);
        assert_eq!(names(&place), ["a.png"]);
    }

    #[test]
    fn what_is_there_is_never_replaced() {
        let home = tempfile::tempdir().unwrap();
        let (folder, file) = (home.path().join("folder"), home.path().join("file"));
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("mine"), "").unwrap();
        fs::write(&file, "mine").unwrap();
        for place in [&folder, &file] {
            let error = FolderDraft::beside(place).unwrap().publish().unwrap_err();
            assert_eq!((error.source.kind(), &error.path), (ErrorKind::AlreadyExists, place));
        }
        assert_eq!(names(&folder), ["mine"]);
        assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
        assert_eq!(names(home.path()).len(), 2);
    }
}
