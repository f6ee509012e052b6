use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::{Error, Sample};

/// The extensions TorchVision's `ImageFolder` takes, in any case.
pub(crate) const EXTENSIONS: [&str; 9] =
    [".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp"];

/// Extensions of pictures that `ImageFolder` leaves out: worth telling the user about, unlike a README.
const OTHER_PICTURES: [&str; 30] = [
    ".gif", ".jpe", ".jfif", ".jif", ".apng", ".avif", ".heic", ".heif", ".jp2", ".j2k", ".jxl", ".svg",
    ".ico", ".tga", ".psd", ".pbm", ".pnm", ".pam", ".qoi", ".dds", ".exr", ".hdr", ".raw", ".dng", ".cr2",
    ".cr3", ".nef", ".arw", ".orf", ".rw2",
];

/// One folder with a sub-folder per class.
pub(crate) struct Folder {
    /// Names of the classes; the label of a sample is an index into them.
    pub(crate) classes: Vec<String>,
    /// By class, then folder, then file name.
    pub(crate) samples: Vec<Sample>,
    /// Pictures that were left out because of their extension or place, and links that lead in a circle.
    pub(crate) ignored: Vec<PathBuf>,
}

/// Lists a folder as TorchVision's `ImageFolder` does (`torchvision/datasets/folder.py`).
///
/// `labels` maps a class's name to its label; `skip` names folders at the top that are no classes.
pub(crate) fn list(root: &Path, skip: &[&str]) -> Result<Folder, Error> {
    let mut folder = Folder { classes: Vec::new(), samples: Vec::new(), ignored: Vec::new() };
    for entry in entries(root)? {
        match entry {
            Entry::Folder(path) if named(&path, skip) => {}
            Entry::Folder(path) => {
                let name = path.file_name().and_then(|name| name.to_str());
                folder.classes.push(name.ok_or_else(|| Error::ClassName(path.clone()))?.to_owned());
            }
            Entry::File(path) if is_picture(&path) => folder.ignored.push(path),
            Entry::File(_) => {}
        }
    }
    if folder.classes.is_empty() {
        return Err(Error::NoClasses(root.to_owned()));
    }
    for (label, class) in folder.classes.iter().enumerate() {
        let top = root.join(class);
        let files = pictures(&top, &mut folder.ignored)?;
        folder.samples.extend(files.into_iter().map(|path| Sample { id: id(root, &path), path, label }));
    }
    folder.ignored.sort();
    Ok(folder)
}

/// The pictures in a folder and its sub-folders, in TorchVision's order.
pub(crate) fn pictures(root: &Path, ignored: &mut Vec<PathBuf>) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    walk(root, &mut vec![], &mut files, ignored)?;
    files.sort_by_cached_key(|path| torchvision_order(path));
    Ok(files)
}

/// The sub-folders of a folder, links followed, sorted by name.
pub(crate) fn sub_folders(path: &Path) -> Result<Vec<PathBuf>, Error> {
    let folders = entries(path)?.into_iter().filter_map(|entry| match entry {
        Entry::Folder(path) => Some(path),
        Entry::File(_) => None,
    });
    Ok(folders.collect())
}

/// Whether the last part of a path is one of these names.
pub(crate) fn named(path: &Path, names: &[&str]) -> bool {
    path.file_name().is_some_and(|name| names.iter().any(|wanted| name == *wanted))
}

enum Entry {
    Folder(PathBuf),
    File(PathBuf),
}

/// What a folder holds, sorted by name. A link that leads nowhere counts as a file, so that it is reported later.
fn entries(folder: &Path) -> Result<Vec<Entry>, Error> {
    let failed = |source: io::Error| Error::List { path: folder.to_owned(), source };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        paths.push(entry.map_err(failed)?.path());
    }
    paths.sort();
    Ok(paths
        .into_iter()
        .map(|path| if path.is_dir() { Entry::Folder(path) } else { Entry::File(path) })
        .collect())
}

/// Collects the pictures below a folder. `above` are the real paths of the folders that lead here.
fn walk(
    folder: &Path,
    above: &mut Vec<PathBuf>,
    files: &mut Vec<PathBuf>,
    ignored: &mut Vec<PathBuf>,
) -> Result<(), Error> {
    let real = fs::canonicalize(folder).map_err(|source| Error::List { path: folder.to_owned(), source })?;
    if above.contains(&real) {
        ignored.push(folder.to_owned());
        return Ok(());
    }
    above.push(real);
    for entry in entries(folder)? {
        match entry {
            Entry::Folder(path) => walk(&path, above, files, ignored)?,
            Entry::File(path) if has_extension(&path, &EXTENSIONS) => files.push(path),
            Entry::File(path) if is_picture(&path) => ignored.push(path),
            Entry::File(_) => {}
        }
    }
    above.pop();
    Ok(())
}

fn is_picture(path: &Path) -> bool {
    has_extension(path, &EXTENSIONS) || has_extension(path, &OTHER_PICTURES)
}

/// TorchVision compares the end of the name, so that `.jpg` alone counts as well.
fn has_extension(path: &Path, extensions: &[&str]) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    extensions.iter().any(|extension| name.ends_with(extension))
}

/// `sorted(os.walk(..))` compares folders as strings (`a-b` before `a/b`), then files within one folder.
fn torchvision_order(path: &Path) -> (Vec<u8>, Vec<u8>) {
    let folder = path.parent().map(slashed).unwrap_or_default();
    (folder, path.file_name().unwrap_or_default().as_encoded_bytes().to_vec())
}

/// The first 8 bytes of the SHA-256 of the path below `root`.
fn id(root: &Path, path: &Path) -> u64 {
    let digest = Sha256::digest(slashed(path.strip_prefix(root).unwrap_or(path)));
    digest.iter().take(8).fold(0, |id, byte| id << 8 | u64::from(*byte))
}

/// A path's bytes with `/` between its parts on every system.
fn slashed(path: &Path) -> Vec<u8> {
    let parts: Vec<_> = path.components().map(|part| part.as_os_str().as_encoded_bytes()).collect();
    parts.join(&b'/')
}
