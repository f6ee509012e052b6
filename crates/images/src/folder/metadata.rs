use std::path::{Path, PathBuf};

use crate::{Error, list};

/// Lists of Hugging Face's image folders.
const NAMES: [&str; 2] = ["metadata.jsonl", "metadata.csv"];

/// Returns the list of labels in a folder: a `metadata.jsonl` or `metadata.csv` with columns for path and label. A list of
/// captions or boxes does not count, nor one that cannot be read: the folder may have class folders.
///
/// # Errors
/// [`Error::TwoLists`] for both.
pub(crate) fn list(folder: &Path) -> Result<Option<PathBuf>, Error> {
    let mut found = None;
    for path in candidates(folder) {
        if list::has_labels(&path) {
            if let Some(one) = found {
                return Err(Error::TwoLists { one, other: path });
            }
            found = Some(path);
        }
    }
    Ok(found)
}

/// Returns the lists in a folder by their names, with labels or without.
pub(crate) fn candidates(folder: &Path) -> impl Iterator<Item = PathBuf> {
    NAMES.map(|name| folder.join(name)).into_iter().filter(|path| path.is_file())
}
