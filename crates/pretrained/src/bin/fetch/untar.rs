//! Unpacking a gzipped tar without trusting it.
//!
//! What `unzip` refuses is refused here too. A tar has no directory to look at beforehand: what was written of one that is
//! refused lies in a folder that the caller throws away.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, BufReader, Read, Seek};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use flate2::bufread::MultiGzDecoder;

use crate::entry::{MOST_ENTRIES, check_total, safe_path, write};
use crate::progress::Progress;

/// Unpacks those entries of `archive` for which `place` names a path, relative to `target`; returns how many files.
///
/// `place` sees the entry's own name, already known to be relative and free of `..`. `most_bytes` bounds what all the files
/// together may hold, those that are left out among them.
///
/// # Errors
/// The archive cannot be read or written out, is damaged or not safe, or unpacks to more than `most_bytes`.
pub(crate) fn unpack(
    archive: &Path,
    target: &Path,
    most_bytes: u64,
    place: impl Fn(&Path) -> Option<PathBuf>,
) -> Result<usize> {
    let name = archive.file_name().unwrap_or(archive.as_os_str()).to_string_lossy().into_owned();
    let file = File::open(archive).with_context(|| format!("cannot open {}", archive.display()))?;
    let length = file.metadata().map(|metadata| metadata.len()).ok();
    let mut progress = Progress::new(format!("unpacking {name}"), length);
    let mut position = file.try_clone().with_context(|| format!("cannot open {}", archive.display()))?;
    let unpacked = entries(MultiGzDecoder::new(BufReader::new(file)), target, most_bytes, place, || {
        // The clone shares the reader's position in the file.
        progress.at(position.stream_position().unwrap_or(0));
    });
    unpacked.with_context(|| format!("cannot unpack {}", archive.display()))
}

fn entries(
    reader: impl Read,
    target: &Path,
    most_bytes: u64,
    place: impl Fn(&Path) -> Option<PathBuf>,
    mut tick: impl FnMut(),
) -> Result<usize> {
    let mut tar = tar::Archive::new(reader);
    let (mut files, mut total) = (0, 0_u64);
    let mut seen = HashSet::new();
    for (number, entry) in tar.entries()?.enumerate() {
        ensure!(number < MOST_ENTRIES, "it has more than {MOST_ENTRIES} entries");
        let mut entry = entry?;
        let kind = entry.header().entry_type();
        if kind.is_pax_global_extensions() {
            continue;
        }
        let bytes = entry.path_bytes().into_owned();
        let name = String::from_utf8(bytes).context("the name of an entry is not valid Unicode")?;
        if kind.is_dir() && matches!(name.as_str(), "." | "./") {
            continue;
        }
        // `tar -c .` writes the names as `./a`.
        let path = safe_path(name.strip_prefix("./").unwrap_or(&name));
        let path = path.with_context(|| format!("the entry {name:?} leaves the folder"))?;
        if kind.is_dir() {
            continue;
        }
        ensure!(kind.is_file(), "the entry {name:?} is a link or a device");
        total = total.saturating_add(entry.size());
        check_total(total, most_bytes)?;
        tick();
        let Some(path) = place(&path) else { continue };
        ensure!(seen.insert(path.clone()), "the entry {name:?} comes twice");
        let size = entry.size();
        let written = write(&mut entry, &target.join(&path), false, |_| tick())
            .with_context(|| format!("cannot write {}", path.display()))?;
        if written != size {
            bail!("the entry {name:?} holds {written} bytes where its header says {size}");
        }
        files += 1;
    }
    // Only at its very end does a gzip say whether what came out of it was right.
    io::copy(&mut tar.into_inner().take(most_bytes), &mut io::sink())?;
    Ok(files)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;
    use tar::{EntryType, Header};

    use super::*;

    /// Writes a gzipped tar with these entries and returns its path.
    fn archive(folder: &Path, entries: &[(&str, EntryType, &[u8])]) -> PathBuf {
        let path = folder.join("x.tgz");
        let mut tar = tar::Builder::new(GzEncoder::new(File::create(&path).unwrap(), Compression::fast()));
        for (name, kind, content) in entries {
            let mut header = Header::new_gnu();
            // Not `set_path`, which refuses what is to be tried.
            header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
            header.set_entry_type(*kind);
            header.set_size(content.len() as u64);
            header.set_mode(0o644);
            if *kind == EntryType::Symlink {
                header.set_link_name("/etc").unwrap();
            }
            header.set_cksum();
            tar.append(&header, *content).unwrap();
        }
        tar.into_inner().unwrap().finish().unwrap().flush().unwrap();
        path
    }

    fn unpacked(folder: &Path, entries: &[(&str, EntryType, &[u8])], most_bytes: u64) -> Result<usize> {
        let path = archive(folder, entries);
        unpack(&path, &folder.join("out"), most_bytes, |path| Some(path.to_owned()))
    }

    #[test]
    fn files_come_out_and_what_is_not_wanted_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let entries: [(&str, EntryType, &[u8]); 4] = [
            ("./", EntryType::Directory, b""),
            ("./a/", EntryType::Directory, b""),
            ("./a/1.jpg", EntryType::Regular, b"one"),
            ("a/1.mat", EntryType::Regular, b"two"),
        ];
        let path = archive(folder.path(), &entries);
        let out = folder.path().join("out");
        let only = |path: &Path| (path.extension()? == "jpg").then(|| path.to_owned());
        assert_eq!(unpack(&path, &out, 100, only).unwrap(), 1);
        assert_eq!(fs::read(out.join("a/1.jpg")).unwrap(), b"one");
        assert!(!out.join("a/1.mat").exists());
    }

    #[test]
    fn what_is_not_safe_is_refused() {
        let regular = EntryType::Regular;
        for (name, kind, says) in [
            ("../evil", regular, "leaves the folder"),
            ("/evil", regular, "leaves the folder"),
            ("a/../../evil", regular, "leaves the folder"),
            ("out", EntryType::Symlink, "is a link"),
            ("out", EntryType::Link, "is a link"),
            ("out", EntryType::Fifo, "is a link or a device"),
        ] {
            let folder = tempfile::tempdir().unwrap();
            let error = format!("{:#}", unpacked(folder.path(), &[(name, kind, b"")], 100).unwrap_err());
            assert!(error.contains(says) && error.contains("x.tgz"), "{name}: {error}");
            assert!(!folder.path().join("evil").exists() && !folder.path().join("out").exists(), "{name}");
        }
        let folder = tempfile::tempdir().unwrap();
        let twice = unpacked(folder.path(), &[("a", regular, b"1"), ("a", regular, b"2")], 100);
        assert!(format!("{:#}", twice.unwrap_err()).contains("twice"));
    }

    #[test]
    fn too_much_and_too_little_are_errors() {
        let folder = tempfile::tempdir().unwrap();
        let bomb = unpacked(folder.path(), &[("zeros", EntryType::Regular, &[0; 101])], 100).unwrap_err();
        assert!(format!("{bomb:#}").contains("unpacks to 101 bytes"), "{bomb:#}");
        assert!(!folder.path().join("out/zeros").exists());

        let path = archive(folder.path(), &[("a", EntryType::Regular, &[7; 5000])]);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 12]).unwrap();
        let cut = unpack(&path, &folder.path().join("again"), 10_000, |path| Some(path.to_owned()));
        assert!(format!("{:#}", cut.unwrap_err()).contains("x.tgz"));
    }
}
