//! What is in a zip, all of it or nothing.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use pretrained::digest::sha256_of_file;
use pretrained::{Digest, Error};

use crate::There;
use crate::unzip::unpack as unzip;

/// Unpack a zip or a wheel, all that is wanted of it or nothing
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The zip
    zip: PathBuf,
    /// The folder in which its folders and files appear once all is unpacked; what is there already is never replaced
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
    /// A folder or file of the zip to unpack; may be given several times [default: all]
    #[arg(long, value_name = "PATH")]
    only: Vec<PathBuf>,
    /// What the zip's SHA-256 must be, 64 hex digits
    #[arg(long, value_name = "HEX", value_parser = crate::sha256)]
    sha256: Option<String>,
    /// What the files may hold together at most
    #[arg(long, value_name = "BYTES", default_value_t = 20 << 30)]
    most_bytes: u64,
}

/// Begins the names of folders that are being filled.
const DRAFT: &str = ".unpacking-";

/// Checks the zip and unpacks it.
pub(crate) fn unpack(arguments: &Arguments) -> Result<There> {
    let Arguments { zip, into, only, sha256, most_bytes } = arguments;
    if let Some(sha256) = sha256 {
        check(zip, Digest::Sha256(sha256.clone()))?;
    }
    let cannot_make = || format!("cannot make a folder in {}", into.display());
    fs::create_dir_all(into).with_context(cannot_make)?;
    remove_stale(into);
    let draft = tempfile::Builder::new().prefix(DRAFT).tempdir_in(into).with_context(cannot_make)?;
    // Locked for as long as it is filled, so that another call can tell it from one left behind. A file system without
    // locks refuses that call's lock as well, and then nothing is taken for stale.
    let lock = File::open(draft.path()).with_context(cannot_make)?;
    let _ = lock.try_lock();
    let wanted = |path: &Path| only.is_empty() || only.iter().any(|only| path.starts_with(only));
    let files = unzip(zip, draft.path(), *most_bytes, |path| wanted(path).then(|| path.to_owned()))?;
    put(draft.path(), into)?;
    Ok(There::Unpacked { into: into.clone(), files })
}

fn check(zip: &Path, expected: Digest) -> Result<(), Error> {
    let found = sha256_of_file(zip)?;
    if expected.accepts(&found) {
        Ok(())
    } else {
        Err(Error::WrongDigest { path: zip.to_owned(), expected, found })
    }
}

/// Moves what is in the draft to its place.
fn put(draft: &Path, into: &Path) -> Result<()> {
    let list =
        || fs::read_dir(draft)?.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<Vec<_>>>();
    let names = list().with_context(|| format!("cannot list {}", draft.display()))?;
    for place in names.iter().map(|name| into.join(name)) {
        ensure!(place.symlink_metadata().is_err(), "{} is there already: move it away", place.display());
    }
    for name in names {
        let place = into.join(&name);
        fs::rename(draft.join(&name), &place).with_context(|| format!("cannot make {}", place.display()))?;
    }
    Ok(())
}

/// Removes what interrupted calls left in `into`; what cannot be removed is only untidy, and stays.
fn remove_stale(into: &Path) {
    let Ok(entries) = fs::read_dir(into) else { return };
    for entry in entries.flatten() {
        let is_draft = entry.file_name().to_string_lossy().starts_with(DRAFT);
        // A link's own type is asked for: nothing outside is ever removed.
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_draft && is_folder && File::open(entry.path()).is_ok_and(|folder| folder.try_lock().is_ok()) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    /// Unpacks `only` of a zip with three files.
    fn unpacked(folder: &Path, only: &[&str], sha256: Option<String>) -> Result<There> {
        let zip = folder.join("small.zip");
        let mut writer = zip::ZipWriter::new(File::create(&zip).unwrap());
        for name in ["small/train/a/1.jpg", "smaller.txt", "__MACOSX/small/._1.jpg"] {
            writer.start_file(name, zip::write::SimpleFileOptions::default()).unwrap();
            writer.write_all(b"jpg").unwrap();
        }
        writer.finish().unwrap();
        let only = only.iter().map(PathBuf::from).collect();
        unpack(&Arguments { zip, into: folder.join("into"), only, sha256, most_bytes: 1 << 20 })
    }

    fn names(folder: &Path) -> Vec<String> {
        let list = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = list.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn only_what_is_wanted_comes_out_and_nothing_else_is_left() {
        let folder = tempfile::tempdir().unwrap();
        let there = unpacked(folder.path(), &["small"], None).unwrap();
        assert!(matches!(there, There::Unpacked { files: 1, .. }));
        assert_eq!(names(&folder.path().join("into")), ["small"]);
        assert_eq!(fs::read(folder.path().join("into/small/train/a/1.jpg")).unwrap(), b"jpg");

        let again = unpacked(folder.path(), &["small", "smaller.txt"], None).err().unwrap();
        assert!(again.to_string().contains("there already"), "{again}");
        assert_eq!(names(&folder.path().join("into")), ["small"], "all of it or nothing");
        let none = unpacked(folder.path(), &["sm"], None).unwrap();
        assert!(matches!(none, There::Unpacked { files: 0, .. }), "whole names only");
    }

    #[test]
    fn a_zip_of_another_digest_is_not_opened() {
        let folder = tempfile::tempdir().unwrap();
        let error = unpacked(folder.path(), &[], Some("0".repeat(64))).err().unwrap().to_string();
        assert!(error.contains("SHA-256") && !folder.path().join("into").exists(), "{error}");
        let right = sha256_of_file(&folder.path().join("small.zip")).unwrap();
        unpacked(folder.path(), &[], Some(right)).unwrap();
        assert_eq!(names(&folder.path().join("into")), ["__MACOSX", "small", "smaller.txt"]);
    }

    #[test]
    fn what_an_interrupted_call_left_is_removed_and_nothing_else() {
        let into = tempfile::tempdir().unwrap();
        let at = |name: &str| into.path().join(name);
        for folder in [".unpacking-stale/small", ".unpacking-busy", "small", "elsewhere"] {
            fs::create_dir_all(at(folder)).unwrap();
        }
        fs::write(at(".unpacking-notes"), "mine").unwrap();
        std::os::unix::fs::symlink(at("elsewhere"), at(".unpacking-link")).unwrap();
        let busy = File::open(at(".unpacking-busy")).unwrap();
        busy.lock().unwrap();
        remove_stale(into.path());
        let gone = |name: &str| at(name).symlink_metadata().is_err();
        assert!(gone(".unpacking-stale"));
        for kept in [".unpacking-busy", ".unpacking-notes", ".unpacking-link", "small", "elsewhere"] {
            assert!(!gone(kept), "{kept}");
        }
        drop(busy);
        remove_stale(into.path());
        assert!(gone(".unpacking-busy"));
    }
}
