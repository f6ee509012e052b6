//! Where a file of the hub lies on this machine: among the weights, or in the cache of Hugging Face's own programs.
//!
//! | folder                   | the file                                             | which commit it is                   |
//! |--------------------------|------------------------------------------------------|--------------------------------------|
//! | of weights, or a mirror  | `hf/OWNER/NAME/COMMIT/FILE`                          | `hf/OWNER/NAME/REV/FILE.toml`        |
//! | Hugging Face's cache     | `models--OWNER--NAME/snapshots/COMMIT/FILE`, a link to `blobs/SHA256` | `models--OWNER--NAME/refs/REV` |

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{HubFile, HubRecord, is_commit, is_hex};
use crate::locate::check_digest;
use crate::{Digest, Error};

/// A file of the hub on this machine.
#[derive(Clone, Debug, PartialEq)]
pub struct HubFound {
    /// Where it lies.
    pub path: PathBuf,
    /// What is known of it.
    pub record: HubRecord,
}

/// Finds a file in the first of `folders` that has it, else in [`hub_cache`]; nothing of the file itself is read.
///
/// # Errors
/// [`Error::Damaged`] for a record that is none; [`Error::Io`] for one that cannot be read.
pub fn resolve(file: &HubFile, folders: &[PathBuf]) -> Result<Option<HubFound>, Error> {
    resolve_in(file, folders, hub_cache().as_deref())
}

/// Finds a file as [`resolve`] does, and compares its digest.
///
/// # Errors
/// [`Error::HubNotFetched`] with the folders that were searched and the command that fetches it; [`Error::WrongDigest`]; those of
/// [`resolve`].
pub fn locate(file: &HubFile, folders: &[PathBuf]) -> Result<HubFound, Error> {
    let cache = hub_cache();
    let Some(found) = resolve_in(file, folders, cache.as_deref())? else {
        let searched = folders.iter().cloned().chain(cache).collect();
        return Err(Error::HubNotFetched { name: file.to_string(), searched });
    };
    check_digest(&found.path, &Digest::Sha256(found.record.sha256.clone()))?;
    Ok(found)
}

/// The folder in which Hugging Face's own programs keep what they download: `$HF_HUB_CACHE`, else `$HUGGINGFACE_HUB_CACHE`, else
/// `$HF_HOME/hub`, else `$XDG_CACHE_HOME/huggingface/hub`, else `~/.cache/huggingface/hub`.
///
/// `None` if there is not even a home folder. Source: `constants.py` in huggingface_hub.
#[must_use]
pub fn hub_cache() -> Option<PathBuf> {
    hub_cache_of(|name| env::var_os(name), env::home_dir())
}

fn hub_cache_of(variable: impl Fn(&str) -> Option<OsString>, home: Option<PathBuf>) -> Option<PathBuf> {
    let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("HF_HUB_CACHE").or_else(|| set("HUGGINGFACE_HUB_CACHE")).or_else(|| {
        let hf_home = set("HF_HOME").or_else(|| {
            let cache = set("XDG_CACHE_HOME").or_else(|| Some(home?.join(".cache")))?;
            Some(cache.join("huggingface"))
        })?;
        Some(hf_home.join("hub"))
    })
}

pub(crate) fn resolve_in(
    file: &HubFile,
    folders: &[PathBuf],
    cache: Option<&Path>,
) -> Result<Option<HubFound>, Error> {
    for folder in folders {
        if let Some(found) = among_weights(file, folder)? {
            return Ok(Some(found));
        }
    }
    Ok(cache.and_then(|cache| in_hub_cache(file, cache)))
}

/// The file in a folder of weights.
fn among_weights(file: &HubFile, folder: &Path) -> Result<Option<HubFound>, Error> {
    let record_path = file.record_path(folder);
    let text = match fs::read_to_string(&record_path) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(files::Error::io("read", &record_path)(error).into()),
    };
    let record = HubRecord::parse(&text, &record_path)?;
    if file.is_pinned() && file.revision() != record.commit {
        let reason = format!("it lies in the folder of another commit than its own, {}", record.commit);
        return Err(Error::Damaged { path: record_path, reason });
    }
    let path = file.at(&record.commit).path(folder);
    Ok(path.is_file().then_some(HubFound { path, record }))
}

/// The file in the cache of Hugging Face's own programs, if its digest can be told: large files are links to one that is named by
/// its digest.
fn in_hub_cache(file: &HubFile, cache: &Path) -> Option<HubFound> {
    let folder = cache.join(format!("models--{}", file.repository().replace('/', "--")));
    let commit = match file.is_pinned() {
        true => file.revision().to_owned(),
        false => fs::read_to_string(folder.join("refs").join(file.revision())).ok()?.trim().to_owned(),
    };
    let path = folder.join("snapshots").join(&commit).join(file.file());
    let target = fs::read_link(&path).ok()?;
    let sha256 = target.file_name()?.to_str()?.to_owned();
    let known = is_commit(&commit) && is_hex(&sha256, 64) && path.is_file();
    known.then_some(HubFound {
        path,
        record: HubRecord { commit, sha256, bytes: None, licence: None, input: None },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
    // SHA-256 of "abc", from FIPS 180-2.
    const ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn file(name: &str) -> HubFile {
        HubFile::parse(name).unwrap().unwrap()
    }

    fn put(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn the_hubs_cache_is_where_its_programs_say() {
        let with = |set: &'static [(&str, &str)]| {
            let variable = move |name: &str| {
                let found = set.iter().find(|(key, _)| *key == name)?;
                Some(OsString::from(found.1))
            };
            hub_cache_of(variable, Some(PathBuf::from("/home/u"))).unwrap()
        };
        assert_eq!(with(&[]), Path::new("/home/u/.cache/huggingface/hub"));
        assert_eq!(with(&[("XDG_CACHE_HOME", "/x")]), Path::new("/x/huggingface/hub"));
        assert_eq!(with(&[("HF_HOME", "/h"), ("XDG_CACHE_HOME", "/x")]), Path::new("/h/hub"));
        assert_eq!(with(&[("HF_HUB_CACHE", "/c"), ("HF_HOME", "/h")]), Path::new("/c"));
    }

    #[test]
    fn a_file_among_the_weights_is_found_by_branch_and_by_commit() {
        let weights = tempfile::tempdir().unwrap();
        let folders = [weights.path().to_path_buf()];
        let find = |name: &str| resolve_in(&file(name), &folders, None);
        let record = format!("commit = \"{COMMIT}\"\nsha256 = \"{ABC}\"\nlicence = \"mit\"\nlater = 1\n");
        put(&weights.path().join("hf/a/b/main/model.safetensors.toml"), &record);
        // The record alone is no file.
        assert_eq!(find("hf:a/b").unwrap(), None);
        let pinned = file("hf:a/b").at(COMMIT);
        put(&pinned.path(weights.path()), "abc");
        let found = find("hf:a/b").unwrap().unwrap();
        assert_eq!((found.path, found.record.licence.as_deref()), (pinned.path(weights.path()), Some("mit")));
        assert_eq!(find(&pinned.to_string()).unwrap(), None);
        put(&pinned.record_path(weights.path()), &record);
        assert!(find(&pinned.to_string()).unwrap().is_some());
        assert_eq!(find("hf:a/b@v1").unwrap(), None);

        let other = record.replace("0123", "ffff");
        put(&pinned.record_path(weights.path()), &other);
        assert!(find(&pinned.to_string()).unwrap_err().to_string().contains("another commit"));
        put(&weights.path().join("hf/a/b/main/model.safetensors.toml"), "commit = \"main\"\nsha256 = \"1\"");
        assert!(matches!(find("hf:a/b").unwrap_err(), Error::Damaged { .. }));
    }

    #[cfg(unix)]
    #[test]
    fn a_file_in_the_hubs_cache_is_found_by_its_blob() {
        let cache = tempfile::tempdir().unwrap();
        let folder = cache.path().join("models--a--b");
        let find = |name: &str| resolve_in(&file(name), &[], Some(cache.path())).unwrap();
        put(&folder.join("refs/main"), COMMIT);
        put(&folder.join("blobs").join(ABC), "abc");
        let snapshot = folder.join("snapshots").join(COMMIT);
        fs::create_dir_all(&snapshot).unwrap();
        assert_eq!(find("hf:a/b"), None);
        std::os::unix::fs::symlink(format!("../../blobs/{ABC}"), snapshot.join("model.safetensors")).unwrap();
        let found = find("hf:a/b").unwrap();
        assert_eq!((found.record.commit.as_str(), found.record.sha256.as_str()), (COMMIT, ABC));
        assert_eq!(find(&format!("hf:a/b@{COMMIT}")), Some(found));
        // A small file is named by another digest, of which nothing is known here.
        let small = folder.join("blobs/0123");
        put(&small, "abc");
        std::os::unix::fs::symlink("../../blobs/0123", snapshot.join("small.safetensors")).unwrap();
        assert_eq!(find("hf:a/b:small.safetensors"), None);
    }

    #[test]
    fn what_is_not_there_is_named_with_the_command_that_brings_it() {
        let weights = tempfile::tempdir().unwrap();
        let name = "hf:no-such-owner-anywhere/b@v1:c.safetensors";
        let error = locate(&file(name), &[weights.path().to_path_buf()]).unwrap_err().to_string();
        assert!(error.contains(&format!("fetch-weights {name}`")), "{error}");
        assert!(error.contains(weights.path().to_str().unwrap()), "{error}");
    }
}
