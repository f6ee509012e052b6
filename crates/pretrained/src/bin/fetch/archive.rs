//! What is in a zip, all of it or nothing.

use std::path::{Path, PathBuf};

use anyhow::Result;
use files::sha256_of_file;
use pretrained::{Digest, Error};

use crate::draft::Draft;
use crate::there::There;
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
    #[arg(long, value_name = "HEX", value_parser = crate::digest::sha256)]
    sha256: Option<String>,
    /// What the files may hold together at most
    #[arg(long, value_name = "BYTES", default_value_t = 20 << 30)]
    most_bytes: u64,
}

/// Checks the zip and unpacks it.
pub(crate) fn unpack(arguments: &Arguments) -> Result<There> {
    let Arguments { zip, into, only, sha256, most_bytes } = arguments;
    if let Some(sha256) = sha256 {
        check(zip, Digest::Sha256(sha256.clone()))?;
    }
    let draft = Draft::new(into)?;
    let wanted = |path: &Path| only.is_empty() || only.iter().any(|only| path.starts_with(only));
    let files = unzip(zip, draft.path(), *most_bytes, |path| wanted(path).then(|| path.to_owned()))?;
    draft.put()?;
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

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
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
}
