//! Unpacking a zip without trusting it.
//!
//! Entries whose name leaves the target folder, links and devices, encrypted entries, a name that comes twice, and
//! archives that unpack to more than they may are refused; nothing is ever written outside the target folder.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use zip::ZipArchive;

use crate::entry::{MOST_ENTRIES, safe_path, write};
use crate::progress::Progress;

/// Unpacks those entries of `archive` for which `place` names a path, relative to `target`; returns how many files.
///
/// `place` sees the entry's own name, already known to be relative and free of `..`; it returns `None` to skip an
/// entry. `most_bytes` bounds what all the files together may hold.
///
/// # Errors
/// The archive cannot be read or written out, is not safe (see above), or unpacks to more than `most_bytes`.
pub(crate) fn unpack(
    archive: &Path,
    target: &Path,
    most_bytes: u64,
    place: impl Fn(&Path) -> Option<PathBuf>,
) -> Result<usize> {
    let name = archive.file_name().unwrap_or(archive.as_os_str()).to_string_lossy().into_owned();
    let file = File::open(archive).with_context(|| format!("cannot open {}", archive.display()))?;
    let mut zip = ZipArchive::new(io::BufReader::new(file))
        .with_context(|| format!("{} is no zip", archive.display()))?;
    let entries =
        survey(&mut zip, place).with_context(|| format!("{} is not safe to unpack", archive.display()))?;
    let total = entries.iter().map(|entry| entry.size).fold(0, u64::saturating_add);
    ensure!(total <= most_bytes, "{} unpacks to {total} bytes, more than {most_bytes}", archive.display());

    let mut progress = Progress::new(format!("unpacking {name}"), Some(total));
    let mut done = 0;
    for entry in &entries {
        let path = target.join(&entry.path);
        write_entry(&mut zip, entry, &path, |more| {
            done += more;
            progress.at(done);
        })
        .with_context(|| format!("cannot unpack {} from {}", path.display(), archive.display()))?;
    }
    Ok(entries.len())
}

/// One file to write.
struct Entry {
    index: usize,
    path: PathBuf,
    size: u64,
    executable: bool,
}

/// Reads the directory and refuses what is not safe, before anything is written.
fn survey<R: Read + io::Seek>(
    zip: &mut ZipArchive<R>,
    place: impl Fn(&Path) -> Option<PathBuf>,
) -> Result<Vec<Entry>> {
    ensure!(zip.len() <= MOST_ENTRIES, "it has {} entries, more than {MOST_ENTRIES}", zip.len());
    let mut entries = Vec::new();
    let mut seen = HashSet::new();
    for index in 0..zip.len() {
        let entry = zip.by_index_raw(index)?;
        let name = entry.name()?.into_owned();
        let path = safe_path(&name).with_context(|| format!("the entry {name:?} leaves the folder"))?;
        let kind = entry.unix_mode().map_or(0, |mode| mode & 0o170_000);
        ensure!(matches!(kind, 0 | 0o100_000 | 0o040_000), "the entry {name:?} is a link or a device");
        if entry.is_dir() {
            continue;
        }
        ensure!(!entry.encrypted(), "the entry {name:?} is encrypted");
        let Some(path) = place(&path) else { continue };
        ensure!(seen.insert(path.clone()), "the entry {name:?} comes twice");
        let executable = entry.unix_mode().is_some_and(|mode| mode & 0o111 != 0);
        entries.push(Entry { index, path, size: entry.size(), executable });
    }
    Ok(entries)
}

fn write_entry<R: Read + io::Seek>(
    zip: &mut ZipArchive<R>,
    entry: &Entry,
    path: &Path,
    wrote: impl FnMut(u64),
) -> Result<()> {
    // The directory's size is a claim; what comes out is what counts.
    let mut reader = zip.by_index(entry.index)?.take(entry.size.saturating_add(1));
    let bytes = write(&mut reader, path, entry.executable, wrote)?;
    if bytes != entry.size {
        bail!("it holds {bytes} bytes or more where its directory says {}", entry.size);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;

    /// Writes a zip of the given entries and unpacks it whole.
    fn round_trip(entries: &[(&str, &str)], most_bytes: u64) -> (tempfile::TempDir, Result<usize>) {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("x.zip");
        let mut writer = ZipWriter::new(File::create(&archive).unwrap());
        for (name, content) in entries {
            writer.start_file(*name, SimpleFileOptions::default()).unwrap();
            writer.write_all(content.as_bytes()).unwrap();
        }
        writer.finish().unwrap();
        let result = unpack(&archive, &folder.path().join("out"), most_bytes, |path| Some(path.to_owned()));
        (folder, result)
    }

    #[test]
    fn files_come_out_under_their_own_names() {
        let (folder, result) = round_trip(&[("a/b.txt", "bee"), ("c.txt", "")], 100);
        assert_eq!(result.unwrap(), 2);
        assert_eq!(fs::read_to_string(folder.path().join("out/a/b.txt")).unwrap(), "bee");
        assert_eq!(fs::read_to_string(folder.path().join("out/c.txt")).unwrap(), "");
    }

    #[test]
    fn a_name_that_leaves_the_folder_is_refused_before_anything_is_written() {
        for evil in ["../evil", "a/../../evil", "/evil", "a\\..\\evil", "./evil/.."] {
            let (folder, result) = round_trip(&[("good.txt", "good"), (evil, "evil")], 100);
            let error = format!("{:#}", result.unwrap_err());
            assert!(error.contains("leaves the folder"), "{evil}: {error}");
            assert!(!folder.path().join("out").exists() && !folder.path().join("evil").exists(), "{evil}");
        }
    }

    #[test]
    fn a_link_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let archive = folder.path().join("x.zip");
        let mut writer = ZipWriter::new(File::create(&archive).unwrap());
        writer.add_symlink("out", "/etc", SimpleFileOptions::default()).unwrap();
        writer.finish().unwrap();
        let result = unpack(&archive, &folder.path().join("out"), 100, |path| Some(path.to_owned()));
        assert!(format!("{:#}", result.unwrap_err()).contains("is a link"));
    }

    #[test]
    fn an_archive_that_unpacks_to_too_much_is_refused() {
        let (folder, result) = round_trip(&[("zeros", &"0".repeat(101))], 100);
        assert!(result.unwrap_err().to_string().contains("unpacks to 101 bytes"));
        assert!(!folder.path().join("out").exists());
    }

    #[test]
    fn an_entry_that_lies_about_its_size_is_refused() {
        let (folder, _) = round_trip(&[("zeros", &"0".repeat(5000))], 10_000);
        let archive = folder.path().join("x.zip");
        let mut bytes = fs::read(&archive).unwrap();
        // The uncompressed size stands at offset 24 of the central directory's entry, and at 22 of the local header.
        let central = bytes.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
        bytes[central + 24..central + 28].copy_from_slice(&10_u32.to_le_bytes());
        bytes[22..26].copy_from_slice(&10_u32.to_le_bytes());
        fs::write(&archive, bytes).unwrap();
        let result = unpack(&archive, &folder.path().join("again"), 100, |path| Some(path.to_owned()));
        assert!(result.is_err());
        let written = fs::metadata(folder.path().join("again/zeros")).map_or(0, |file| file.len());
        assert!(written <= 11, "{written} bytes were written");
    }

    #[test]
    fn a_truncated_archive_is_an_error_that_names_it() {
        let (folder, _) = round_trip(&[("a", "a")], 10);
        let archive = folder.path().join("x.zip");
        let bytes = fs::read(&archive).unwrap();
        fs::write(&archive, &bytes[..bytes.len() - 30]).unwrap();
        let error =
            unpack(&archive, &folder.path().join("again"), 10, |path| Some(path.to_owned())).unwrap_err();
        assert!(error.to_string().contains("x.zip"), "{error}");
    }
}
