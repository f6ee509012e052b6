use std::path::{Path, PathBuf};

use crate::{Error, list};

/// Lists that Hugging Face's image folders have beside their images.
const NAMES: [&str; 2] = ["metadata.jsonl", "metadata.csv"];

/// The list of labels that lies in a folder, if there is one: a `metadata.jsonl` or `metadata.csv` with columns for path
/// and label. One without labels, of captions or boxes, is none,
/// and one that cannot be read is not, either: class folders may stand beside it.
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

/// The lists that lie in a folder by their names, with labels or without.
pub(crate) fn candidates(folder: &Path) -> impl Iterator<Item = PathBuf> {
    NAMES.map(|name| folder.join(name)).into_iter().filter(|path| path.is_file())
}
