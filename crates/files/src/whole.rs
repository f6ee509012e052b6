use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::Error;
use crate::draft_name::{create_unique, parent};

/// Bytes collected before they go to the file: models have hundreds of megabytes.
const BUFFER_BYTES: usize = 1 << 20;

/// Writes `bytes` as the file `path`, as [`write_with`] does.
///
/// # Errors
/// [`Error`] when the file system refuses.
pub fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<(), Error> {
    write_with(path, |file| file.write_all(bytes.as_ref()))
}

/// Writes the file `path` with what `fill` writes: under another name in the same folder, which is created if need be,
/// and renamed once the bytes are on disk.
///
/// After an error, a full disk for one, nothing is left behind and an earlier file of that name is untouched. When the
/// machine loses power, `path` is the earlier file or the whole new one. Its permissions are those of any new file.
///
/// # Errors
/// [`Error`] when the file system or `fill` refuses.
pub fn write_with(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Error> {
    let folder = parent(path);
    let fill = |file: &mut dyn Write| fill(file).map(|()| path.to_owned());
    draft(folder, fill).map_err(|error| in_place(error, path)).map(drop)
}

/// Writes a file into a folder, as [`write_with`] does, under the name that `fill` returns. Returns its path.
///
/// # Errors
/// [`Error`] when the file system or `fill` refuses.
pub fn write_named(
    folder: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<String>,
) -> Result<PathBuf, Error> {
    draft(folder, |file| fill(file).map(|name| folder.join(name)))
}

/// Fills a draft in a folder, which is renamed to what `fill` returns.
fn draft(folder: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<PathBuf>) -> Result<PathBuf, Error> {
    fs::create_dir_all(folder).map_err(Error::io("create", folder))?;
    let write = || -> io::Result<PathBuf> {
        let (draft, file) = create_unique(folder, |draft| File::create_new(draft))?;
        let mut draft = Unfinished(Some(draft));
        let mut writer = BufWriter::with_capacity(BUFFER_BYTES, file);
        let path = fill(&mut writer)?;
        writer.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
        draft.rename(&path)?;
        sync_folder(folder);
        Ok(path)
    };
    write().map_err(Error::io("write", folder))
}

/// Names the file in an error of writing, not its folder.
fn in_place(error: Error, path: &Path) -> Error {
    if error.action == "write" { Error { path: path.to_owned(), ..error } } else { error }
}

/// Puts the names in a folder on disk, where the system can: else a rename may be lost with the power, the file is whole anyway.
fn sync_folder(folder: &Path) {
    let _ = File::open(folder).and_then(|folder| folder.sync_all());
}

/// A file that is removed unless it is renamed.
struct Unfinished(Option<PathBuf>);

impl Unfinished {
    fn rename(&mut self, to: &Path) -> io::Result<()> {
        if let Some(draft) = &self.0 {
            fs::rename(draft, to)?;
        }
        self.0 = None;
        Ok(())
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(draft) = &self.0 {
            // The error that brought it here is the one to report.
            let _ = fs::remove_file(draft);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_leaves_the_old_file_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.safetensors");
        fs::write(&path, "old").unwrap();
        let error = write_with(&path, |writer| {
            writer.write_all(&[0; 4096])?;
            Err(io::Error::from(io::ErrorKind::StorageFull))
        });
        let error = error.unwrap_err();
        assert_eq!((error.action, error.path.as_path()), ("write", path.as_path()));
        assert_eq!(error.source.kind(), io::ErrorKind::StorageFull);
        assert_eq!(fs::read_to_string(&path).unwrap(), "old");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_file_replaces_an_earlier_one_and_its_folder_is_created() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/summary.json");
        for content in ["one", "two"] {
            write(&path, content).unwrap();
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
        let inside_a_file = write(&path.join("c"), "").unwrap_err();
        assert_eq!((inside_a_file.action, inside_a_file.path), ("create", path));
    }

    #[test]
    fn a_folder_in_the_place_of_the_file_is_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("report.html");
        fs::create_dir(&path).unwrap();
        assert_eq!(write(&path, "x").unwrap_err().action, "write");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(path.is_dir());
    }

    #[cfg(unix)]
    #[test]
    fn permissions_are_those_of_any_new_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let (ours, usual) = (folder.path().join("ours"), folder.path().join("usual"));
        write(&ours, "").unwrap();
        fs::write(&usual, "").unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        assert_eq!(mode(&ours), mode(&usual));
    }
}
