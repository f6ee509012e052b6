//! One entry of an archive: where it may go, and how it is written there.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use anyhow::{Result, ensure};

/// At most this many entries: far more than any archive of ours, far less than what fills a file table.
pub(crate) const MOST_ENTRIES: usize = 200_000;

/// The entry's name as a relative path made of plain names only.
pub(crate) fn safe_path(name: &str) -> Option<PathBuf> {
    let unsafe_letter = |letter: char| letter == '\0' || letter == '\\';
    if name.is_empty() || name.contains(unsafe_letter) {
        return None;
    }
    let path = PathBuf::from(name);
    path.components().all(|part| matches!(part, Component::Normal(_))).then_some(path)
}

/// Writes what `from` holds to `path`, which must not be there yet; returns the number of bytes. `wrote` is called with the
/// length of each piece.
pub(crate) fn write(
    from: &mut impl Read,
    path: &Path,
    executable: bool,
    mut wrote: impl FnMut(u64),
) -> Result<u64> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    // `create_new`: never through a file or link that is there already.
    let mut out = OpenOptions::new().write(true).create_new(true).open(path)?;
    let mut bytes = 0;
    let mut buffer = vec![0; 1 << 18];
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            break;
        }
        out.write_all(&buffer[..count])?;
        bytes += count as u64;
        wrote(count as u64);
    }
    if executable {
        make_executable(&out)?;
    }
    Ok(bytes)
}

/// Refuses an archive whose files hold more than they may together.
pub(crate) fn check_total(bytes: u64, most_bytes: u64) -> Result<()> {
    ensure!(bytes <= most_bytes, "it unpacks to {bytes} bytes, more than {most_bytes}");
    Ok(())
}

/// Executable for those who may read it.
fn make_executable(file: &File) -> io::Result<()> {
    let mode = file.metadata()?.permissions().mode();
    file.set_permissions(fs::Permissions::from_mode(mode | ((mode & 0o444) >> 2)))
}
