//! The limit of the folder's size: what is held, what killed runs left behind, and what goes first.
//!
//! A process that counts, reserves or moves a file into place holds a lock on the folder, and a draft is locked for as long as its
//! process works on it. So however many runs share a folder, its files never exceed the limit, and a draft that is not locked
//! belongs to nobody.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use files::DRAFT_PREFIX;
use tempfile::NamedTempFile;

use super::entry;

/// Extension of files that are being written.
const DRAFT: &str = "draft";

/// Locks the folder until the file is dropped.
pub(super) fn lock(folder: &Path) -> io::Result<File> {
    let file = File::options().create(true).truncate(false).write(true).open(folder.join("lock"))?;
    file.lock()?;
    Ok(file)
}

/// Creates a locked file. The folder must be locked.
pub(super) fn draft(folder: &Path) -> io::Result<NamedTempFile> {
    let file = tempfile::Builder::new().suffix(&format!(".{DRAFT}")).tempfile_in(folder)?;
    file.as_file().lock()?;
    Ok(file)
}

/// Makes room for `bytes` more within `limit`: removes what killed runs left behind, then the least recently used files that
/// are not in use. Returns whether there is room; if there cannot be, no whole file is removed. The folder must be locked.
pub(super) fn make_room(folder: &Path, bytes: u64, limit: u64, in_use: &BTreeSet<String>) -> bool {
    let Held { mut entries, drafts } = Held::after_sweeping(folder);
    entries.sort();
    let sum = |entries: &[Entry]| entries.iter().map(|entry| entry.bytes).sum::<u64>();
    let mut held = drafts + sum(&entries);
    entries.retain(|entry| !in_use.contains(&entry.name));
    if (held - sum(&entries)).saturating_add(bytes) > limit {
        return false;
    }
    for Entry { bytes: freed, path, .. } in entries {
        if held.saturating_add(bytes) <= limit {
            break;
        }
        entry::remove(&path);
        held -= freed;
    }
    true
}

/// Files of the folder.
struct Held {
    /// Whole files of features.
    entries: Vec<Entry>,
    /// Bytes of drafts that other processes are writing.
    drafts: u64,
}

/// A file of features with its description; the least recently used sorts first.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    used: SystemTime,
    bytes: u64,
    name: String,
    path: PathBuf,
}

impl Held {
    /// Counts whole files and drafts of living processes, and removes what is neither.
    fn after_sweeping(folder: &Path) -> Self {
        let mut held = Self { entries: Vec::new(), drafts: 0 };
        for path in fs::read_dir(folder).into_iter().flatten().flatten().map(|file| file.path()) {
            let of = |text: Option<&std::ffi::OsStr>| text.unwrap_or_default().to_string_lossy().into_owned();
            let (name, extension) = (of(path.file_stem()), of(path.extension()));
            let length = |path: &Path| fs::metadata(path).ok().map(|metadata| metadata.len());
            let features = path.with_extension("features");
            match extension.as_str() {
                "features" => match (length(&path), length(&entry::description(&path)), modified(&path)) {
                    (Some(bytes), Some(described), Some(used)) => {
                        held.entries.push(Entry { used, bytes: bytes + described, name, path });
                    }
                    _ => entry::remove(&path),
                },
                "json" if !features.exists() => entry::remove(&features),
                // `.tmp` begins the names that temporary files have by default. Descriptions are written under the
                // folder's lock: a draft of one has no process any more.
                DRAFT | ""
                    if extension == DRAFT || name.starts_with(".tmp") || name.starts_with(DRAFT_PREFIX) =>
                {
                    if is_locked(&path) {
                        held.drafts += length(&path).unwrap_or(0);
                    } else {
                        let _ = fs::remove_file(&path);
                    }
                }
                _ => {}
            }
        }
        held
    }
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path).ok()?.modified().ok()
}

/// Whether a process works on a file; assumed where it cannot be known.
fn is_locked(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| !matches!(file.try_lock(), Ok(())))
}
