//! A file on Hugging Face's hub: its name, what the hub says of it, and where it lies on this machine.
//!
//! - [`HubFile`]: its name, `hf:OWNER/NAME`
//! - [`HubRecord`]: commit, digest, length and licence, kept in a small file next to the weights
//! - [`resolve`], [`locate`]: where it lies, without a network
//!
//! Source of names and addresses: `file_download.py`, `utils/_validators.py` and `constants.py` in huggingface_hub.

mod locate;
mod record;

use std::fmt;
use std::path::{Path, PathBuf};

#[cfg(feature = "fetch")]
pub(crate) use locate::resolve_in;
pub use locate::{HubFound, hub_cache, locate, resolve};
pub use record::HubRecord;

use crate::Error;

/// One `.safetensors` file of a repository of models, at a revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubFile {
    /// `OWNER/NAME`.
    repository: String,
    /// A branch, a tag or a commit.
    revision: String,
    /// Path within the repository, its parts joined by slashes.
    file: String,
}

/// What a name begins with.
const PREFIX: &str = "hf:";
/// The branch that is meant where none is named.
const REVISION: &str = "main";
/// The file that is meant where none is named.
const FILE: &str = "model.safetensors";
/// Ending of the only kind of file that is read from there.
const ENDING: &str = ".safetensors";
/// Folder for such files among the weights of a machine or a mirror.
const FOLDER: &str = "hf";

impl HubFile {
    /// Reads `hf:OWNER/NAME[@REV][:FILE]`; `None` for a name that does not begin with `hf:`.
    ///
    /// # Errors
    /// [`Error::HubName`] for a name that the hub cannot have, another kind of file, or a part of weights in several files.
    pub fn parse(name: &str) -> Result<Option<Self>, Error> {
        let Some(rest) = name.strip_prefix(PREFIX) else { return Ok(None) };
        let (rest, file) = rest.split_once(':').unwrap_or((rest, FILE));
        let (repository, revision) = rest.split_once('@').unwrap_or((rest, REVISION));
        let wrong = check_repository(repository).or(check_revision(revision)).or(check_file(file));
        if let Some(reason) = wrong {
            return Err(Error::HubName { name: name.to_owned(), reason });
        }
        let [repository, revision, file] = [repository, revision, file].map(str::to_owned);
        Ok(Some(Self { repository, revision, file }))
    }

    /// `OWNER/NAME`.
    #[must_use]
    pub fn repository(&self) -> &str {
        &self.repository
    }

    /// The branch, tag or commit that was named, else `main`.
    #[must_use]
    pub fn revision(&self) -> &str {
        &self.revision
    }

    /// Path of the file within the repository.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Whether a commit is named, which always means the same bytes.
    #[must_use]
    pub fn is_pinned(&self) -> bool {
        is_commit(&self.revision)
    }

    /// The same file at a commit.
    #[must_use]
    pub fn at(&self, commit: &str) -> Self {
        Self { revision: commit.to_owned(), ..self.clone() }
    }

    /// Path of the file below a folder of weights.
    #[must_use]
    pub fn path(&self, weights: &Path) -> PathBuf {
        weights.join(self.address())
    }

    /// Path of the file's record below a folder of weights.
    #[must_use]
    pub fn record_path(&self, weights: &Path) -> PathBuf {
        weights.join(format!("{}.toml", self.address()))
    }

    /// Path below a folder of weights, which a mirror has too: `hf/OWNER/NAME/REV/FILE`.
    fn address(&self) -> String {
        format!("{FOLDER}/{}/{}/{}", self.repository, self.encoded_revision(), self.file)
    }

    /// The address that the hub at `endpoint` has the file under.
    #[cfg(feature = "fetch")]
    pub(crate) fn url(&self, endpoint: &str) -> String {
        let [revision, file] = [self.encoded_revision(), encoded(&self.file, "/")];
        format!("{endpoint}/{}/resolve/{revision}/{file}", self.repository)
    }

    /// Another file of the same revision, where this one is not in a folder of the repository.
    #[cfg(feature = "fetch")]
    pub(crate) fn sibling(&self, file: &str) -> Option<Self> {
        (!self.file.contains('/')).then(|| Self { file: file.to_owned(), ..self.clone() })
    }

    /// The address under which it describes the repository.
    #[cfg(feature = "fetch")]
    pub(crate) fn info_url(&self, endpoint: &str) -> String {
        format!("{endpoint}/api/models/{}/revision/{}", self.repository, self.encoded_revision())
    }

    /// The address of the file on a mirror, which is a folder of weights.
    #[cfg(feature = "fetch")]
    pub(crate) fn mirrored(&self, mirror: &str) -> String {
        format!("{}/{}", mirror.trim_end_matches('/'), encoded(&self.address(), "/"))
    }

    /// The same of the record.
    #[cfg(feature = "fetch")]
    pub(crate) fn mirrored_record(&self, mirror: &str) -> String {
        format!("{}.toml", self.mirrored(mirror))
    }

    /// The revision as a part of an address, or as the name of a folder.
    pub(crate) fn encoded_revision(&self) -> String {
        encoded(&self.revision, "")
    }
}

/// As in a configuration, without what is meant anyway.
impl fmt::Display for HubFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { repository, revision, file } = self;
        write!(f, "{PREFIX}{repository}")?;
        if revision != REVISION {
            write!(f, "@{revision}")?;
        }
        if file != FILE {
            write!(f, ":{file}")?;
        }
        Ok(())
    }
}

/// Whether it is the whole name of a commit: 40 hex digits in lower case.
pub(crate) fn is_commit(text: &str) -> bool {
    is_hex(text, 40)
}

pub(crate) fn is_hex(text: &str, digits: usize) -> bool {
    text.len() == digits && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// What is wrong with `OWNER/NAME`.
fn check_repository(repository: &str) -> Option<String> {
    const LONGEST: usize = 96;
    let Some((owner, name)) = repository.split_once('/') else {
        return Some(format!("{repository:?} is no OWNER/NAME"));
    };
    let bad = [owner, name].into_iter().find(|part| {
        let known = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
        let at_end = |letter: char| "-.".contains(letter);
        part.is_empty()
            || part.len() > LONGEST
            || !part.chars().all(known)
            || part.starts_with(at_end)
            || part.ends_with(at_end)
            || part.contains("--")
            || part.contains("..")
            || part.ends_with(".git")
    });
    bad.map(|part| {
        format!("the hub has no name {part:?}: letters, digits, \"-\", \"_\" and \".\" make names")
    })
}

/// What is wrong with a revision, by Git's rules for names.
fn check_revision(revision: &str) -> Option<String> {
    const LONGEST: usize = 200;
    let bad_part = |part: &str| part.is_empty() || part.starts_with('.') || part.ends_with(".lock");
    let bad = revision.len() > LONGEST
        || revision.split('/').any(bad_part)
        || revision.contains("..")
        || revision.contains("@{")
        || revision.ends_with('.')
        || !revision.chars().all(|letter| letter.is_ascii_graphic() && !"~^:?*[\\".contains(letter));
    bad.then(|| format!("{revision:?} is no branch, tag or commit"))
}

/// What is wrong with the path of a file.
fn check_file(file: &str) -> Option<String> {
    let bad_part = |part: &str| part.is_empty() || part == "." || part == "..";
    if file.split('/').any(bad_part) || file.contains(['\\', ':']) || file.chars().any(char::is_control) {
        return Some(format!("{file:?} is no path of a file in a repository"));
    }
    let Some(stem) = file.strip_suffix(ENDING) else {
        return Some(format!("{file} is no {ENDING} file, and no other kind is read from the hub"));
    };
    is_shard(stem).then(|| {
        format!("{file} is one of several parts of the weights, and only weights in one file are read from the hub")
    })
}

/// Whether it ends as `-00001-of-00002`.
fn is_shard(stem: &str) -> bool {
    let digits = |text: &str| text.len() == 5 && text.bytes().all(|byte| byte.is_ascii_digit());
    stem.rsplit_once("-of-").is_some_and(|(before, count)| {
        digits(count) && before.rsplit_once('-').is_some_and(|(_, number)| digits(number))
    })
}

/// Percent-encoded, but for letters, digits, `-._~` and what is in `kept`.
fn encoded(text: &str, kept: &str) -> String {
    text.bytes()
        .map(|byte| match char::from(byte) {
            letter if letter.is_ascii_alphanumeric() || "-._~".contains(letter) => letter.to_string(),
            letter if byte.is_ascii() && kept.contains(letter) => letter.to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(name: &str) -> HubFile {
        HubFile::parse(name).unwrap().unwrap()
    }

    #[test]
    fn a_name_is_read_written_and_made_an_address() {
        let commit = "0123456789abcdef0123456789abcdef01234567";
        let plain = parsed("hf:timm/convnext_tiny.fb_in1k");
        assert_eq!(
            (plain.repository(), plain.revision(), plain.file()),
            ("timm/convnext_tiny.fb_in1k", "main", FILE)
        );
        assert!(!plain.is_pinned() && plain.at(commit).is_pinned());
        assert_eq!(plain.at(commit).to_string(), format!("hf:timm/convnext_tiny.fb_in1k@{commit}"));
        for name in ["hf:a/b", "hf:a/b@v1.0", "hf:a/b:c/d.safetensors", "hf:a/b@refs/pr/1:d e.safetensors"] {
            assert_eq!(parsed(name).to_string(), name);
        }
        assert_eq!(parsed("hf:a/b@main:model.safetensors").to_string(), "hf:a/b");
        let odd = parsed("hf:a/b@refs/pr/1:c/d e.safetensors");
        assert_eq!(odd.address(), "hf/a/b/refs%2Fpr%2F1/c/d e.safetensors");
        #[cfg(feature = "fetch")]
        assert_eq!(odd.url("https://h"), "https://h/a/b/resolve/refs%2Fpr%2F1/c/d%20e.safetensors");
        assert!(HubFile::parse("IMAGENET1K_V1").unwrap().is_none());
        assert!(HubFile::parse("some/file.safetensors").unwrap().is_none());
    }

    #[test]
    fn what_the_hub_cannot_have_is_refused_with_its_reason() {
        for (name, says) in [
            ("hf:", "OWNER/NAME"),
            ("hf:bert", "OWNER/NAME"),
            ("hf:a/b/c", "b/c"),
            ("hf:../b", "\"..\""),
            ("hf:a/-b", "-b"),
            ("hf:a/b?x", "b?x"),
            ("hf:a/b@", "branch"),
            ("hf:a/b@../x", "branch"),
            ("hf:a/b@x y", "branch"),
            ("hf:a/b:../model.safetensors", "path"),
            ("hf:a/b:/model.safetensors", "path"),
            ("hf:a/b:", "path"),
            ("hf:a/b:pytorch_model.bin", "pytorch_model.bin is no .safetensors"),
            ("hf:a/b:model-00001-of-00002.safetensors", "several parts"),
        ] {
            let error = HubFile::parse(name).unwrap_err().to_string();
            assert!(error.contains(says) && error.contains(name), "{name}: {error}");
        }
    }
}
