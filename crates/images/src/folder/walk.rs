use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::content::{self, Content};
use super::no_data::is_no_data;
use crate::Error;
use crate::left_out::{LeftOut, Reason};
use crate::paths::slashed;

/// What a folder holds.
pub(crate) enum Entry {
    Folder(PathBuf),
    File(PathBuf),
}

/// Returns the entries of a folder, sorted by name, links followed, without ignored ones. A link that leads nowhere counts as a
/// file, so that it is reported when it is read.
pub(crate) fn entries(folder: &Path, left_out: &mut Vec<LeftOut>) -> Result<Vec<Entry>, Error> {
    let failed = |source: io::Error| Error::List { path: folder.to_owned(), source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        if is_no_data(&path) {
            left_out.push(LeftOut::new(path, Reason::NoData));
        } else if path.is_dir() {
            found.push(Entry::Folder(path));
        } else {
            found.push(Entry::File(path));
        }
    }
    Ok(found)
}

/// The sub-folders and the files of a folder, each sorted by name.
pub(crate) fn folders_and_files(
    folder: &Path,
    left_out: &mut Vec<LeftOut>,
) -> Result<(Vec<PathBuf>, Vec<PathBuf>), Error> {
    let (mut folders, mut files) = (Vec::new(), Vec::new());
    for entry in entries(folder, left_out)? {
        match entry {
            Entry::Folder(path) => folders.push(path),
            Entry::File(path) => files.push(path),
        }
    }
    Ok((folders, files))
}

/// The images in a folder and its sub-folders, in TorchVision's order.
pub(crate) fn images(folder: &Path, left_out: &mut Vec<LeftOut>) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    walk(folder, &mut vec![], &mut files, left_out)?;
    files.sort_by_cached_key(|path| torchvision_order(path));
    Ok(files)
}

/// Collects the images below a folder. `above` are the real paths of the folders that lead here.
fn walk(
    folder: &Path,
    above: &mut Vec<PathBuf>,
    files: &mut Vec<PathBuf>,
    left_out: &mut Vec<LeftOut>,
) -> Result<(), Error> {
    let real = fs::canonicalize(folder).map_err(|source| Error::List { path: folder.to_owned(), source })?;
    if above.contains(&real) {
        left_out.push(LeftOut::new(folder, Reason::Circle));
        return Ok(());
    }
    above.push(real);
    for entry in entries(folder, left_out)? {
        match entry {
            Entry::Folder(path) => walk(&path, above, files, left_out)?,
            Entry::File(path) => match content::of(&path) {
                Content::Image => files.push(path),
                Content::Unread(format) => left_out.push(LeftOut::new(path, Reason::Format(format))),
                Content::Other => {}
            },
        }
    }
    above.pop();
    Ok(())
}

/// `sorted(os.walk(..))` compares folders as strings (`a-b` before `a/b`), then files within one folder.
pub(crate) fn torchvision_order(path: &Path) -> (Vec<u8>, Vec<u8>) {
    let folder = path.parent().map(slashed).unwrap_or_default();
    (folder, path.file_name().unwrap_or_default().as_encoded_bytes().to_vec())
}
