//! The public image sets that can be fetched, embedded from `data_sets.toml`.

use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::{Digest, Error, as_called};

/// A public image set: where its archives are published, what they hold, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSet {
    /// Name of the set and of the folder it is unpacked to: `"dogs_cats"`.
    pub name: String,
    /// What its images show, in a few words.
    pub title: String,
    /// Number of images, as published.
    pub images: u32,
    /// Number of classes.
    pub classes: u32,
    /// Licence of the images, or what is known of it.
    pub licence: String,
    /// What is known to be wrong with its files.
    pub damage: Option<String>,
    /// The archives it comes in, at least one.
    #[serde(rename = "archive")]
    pub archives: Vec<Archive>,
}

/// One archive of an image set: a zip or a gzipped tar.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Archive {
    /// Name of the file, in mirrors too.
    pub file: String,
    /// Its address; `None` for a set without a public one.
    pub url: Option<String>,
    /// Other addresses of the same bytes, asked where the first does not answer.
    #[serde(default)]
    pub mirrors: Vec<String>,
    /// The folder in the archive whose content is taken.
    pub take: PathBuf,
    /// The folder of the set that it becomes; empty for the set itself.
    #[serde(default)]
    pub put: PathBuf,
    /// Whether files other than `take` are taken too.
    #[serde(default)]
    pub top_files: bool,
    /// What says which class an image belongs to.
    #[serde(default)]
    pub classes_from: ClassesFrom,
    /// The contents that are known under this name, at least one; the published one first.
    #[serde(rename = "version")]
    pub versions: Vec<Version>,
}

/// What says which class an image of an archive belongs to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClassesFrom {
    /// Its folder.
    #[default]
    Folders,
    /// Its name: `Breed_name_123.jpg` is of the class `Breed_name`.
    Names,
}

/// A content that an archive is known to have, or to have had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// Which one it is, for people.
    pub what: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, 64 lower-case hex digits; `None` where nobody published it.
    pub sha256: Option<String>,
}

/// Returns every known set, in the order of the file.
#[must_use]
pub fn all() -> &'static [DataSet] {
    static ALL: LazyLock<Vec<DataSet>> = LazyLock::new(|| {
        // The text is fixed at compile time and a test parses it, so this cannot fail for a user.
        parse(include_str!("../data_sets.toml")).unwrap_or_else(|error| unreachable!("{error}"))
    });
    &ALL
}

/// Returns the set of this name, letter by letter.
#[must_use]
pub fn find(name: &str) -> Option<&'static DataSet> {
    all().iter().find(|set| set.name == name)
}

/// Returns the command that brings the missing folder `root`, if its last part names a known set.
///
/// `here` is the current folder: the command puts a set into `data/` in the workspace unless another is given.
#[must_use]
pub fn command_for(root: &Path, here: &Path) -> Option<String> {
    let set = find(root.file_name()?.to_str()?)?;
    let mut command = as_called(&format!("fetch-data {}", set.name));
    if set.archives.iter().any(|archive| archive.url.is_none()) {
        command.push_str(" --from ZIP");
    }
    let parent = root.parent()?;
    if here.join(parent) != here.join("data") {
        let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
        command.push_str(&format!(" --into {}", quoted(&parent.display().to_string())));
    }
    Some(command)
}

impl DataSet {
    /// Sum of the lengths of its published archives.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.archives.iter().filter_map(|archive| archive.versions.first()).map(|version| version.bytes).sum()
    }
}

impl Archive {
    /// Returns the digests under which this archive is known; without any, no file passes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::OneOf(self.versions.iter().filter_map(|version| version.sha256.clone()).collect())
    }

    /// Returns where a file of the archive goes, relative to the set's folder; `None` if it is left out.
    #[must_use]
    pub fn place(&self, path: &Path) -> Option<PathBuf> {
        if let Ok(inner) = path.strip_prefix(&self.take) {
            return match self.classes_from {
                ClassesFrom::Folders => Some(self.put.join(inner)),
                ClassesFrom::Names => Some(self.put.join(class_in_name(inner)?).join(inner)),
            };
        }
        let is_top = path.components().count() == 1;
        (self.top_files && is_top).then(|| self.put.join(path))
    }
}

/// The class in `Breed_name_123.jpg`.
fn class_in_name(path: &Path) -> Option<&str> {
    let stem = path.to_str()?.strip_suffix(".jpg")?;
    let (class, number) = stem.rsplit_once('_')?;
    let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    let is_plain = !class.is_empty() && !class.starts_with('.') && !class.contains('/');
    (is_number && is_plain).then_some(class)
}

/// The text as one word of a shell.
fn quoted(text: &str) -> String {
    let plain = |letter: char| letter.is_alphanumeric() || "-_./+,@%~".contains(letter);
    if text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

fn parse(text: &str) -> Result<Vec<DataSet>, Error> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        data_set: Vec<DataSet>,
    }
    let file: File = toml::from_str(text).map_err(|error| Error::Catalog { reason: error.to_string() })?;
    Ok(file.data_set)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_set_is_complete_and_its_names_are_plain() {
        let plain = |text: &str| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(&byte))
        };
        let names: BTreeSet<&str> = all().iter().map(|set| set.name.as_str()).collect();
        assert_eq!((names.len(), all().len()), (8, 8));
        for set in all() {
            assert!(plain(&set.name) && !set.licence.is_empty() && set.images > 0, "{}", set.name);
            assert!(!set.archives.is_empty());
            for archive in &set.archives {
                assert!(plain(&archive.file) && !archive.versions.is_empty(), "{}", archive.file);
                for url in archive.url.iter().chain(&archive.mirrors) {
                    assert!(url.starts_with("http") && url.ends_with(&format!("/{}", archive.file)), "{url}");
                }
                for version in &archive.versions {
                    assert!(version.bytes > 1 << 20 && !version.what.is_empty(), "{}", archive.file);
                    let is_digest = |text: &String| text.len() == 64 && *text == text.to_lowercase();
                    assert!(version.sha256.as_ref().is_none_or(is_digest), "{}", archive.file);
                }
            }
        }
        let hymenoptera = &find("hymenoptera_data").unwrap().archives[0];
        for start in ["fbc41b31", "19f39422"] {
            let digest = hymenoptera.versions.iter().filter_map(|version| version.sha256.as_ref());
            assert_eq!(digest.filter(|digest| digest.starts_with(start)).count(), 1, "{start}");
        }
        assert_eq!(find("beans").unwrap().bytes(), 143_812_152 + 18_504_213 + 17_708_541);
        assert_eq!(find("Dogs_Cats"), None);
    }

    #[test]
    fn files_go_where_the_layout_says() {
        let place = |name: &str, path: &str| {
            let archive = &find(name).unwrap().archives[0];
            archive.place(Path::new(path)).map(|path| path.to_str().unwrap().to_owned())
        };
        for (name, path, expected) in [
            ("dogs_cats", "PetImages/Cat/0.jpg", Some("Cat/0.jpg")),
            ("dogs_cats", "readme[1].txt", Some("readme[1].txt")),
            ("dogs_cats", "__MACOSX/PetImages/Cat/._0.jpg", None),
            ("hymenoptera_data", "hymenoptera_data/val/bees/1.jpg", Some("val/bees/1.jpg")),
            ("hymenoptera_data", "readme.txt", None),
            ("eurosat", "2750/Forest/Forest_1.jpg", Some("Forest/Forest_1.jpg")),
            ("beans", "train/healthy/1.jpg", Some("train/healthy/1.jpg")),
            (
                "oxford_iiit_pet",
                "images/american_pit_bull_terrier_12.jpg",
                Some("american_pit_bull_terrier/american_pit_bull_terrier_12.jpg"),
            ),
            ("oxford_iiit_pet", "images/Abyssinian_100.mat", None),
            ("oxford_iiit_pet", "images/._Abyssinian_100.jpg", None),
            ("oxford_iiit_pet", "images/other.jpg", None),
            ("oxford_iiit_pet", "images/more/Abyssinian_100.jpg", None),
        ] {
            assert_eq!(place(name, path).as_deref(), expected, "{path}");
        }
    }

    #[test]
    fn a_missing_folder_with_a_known_name_has_a_command() {
        let command = |root: &str| command_for(Path::new(root), Path::new("/home/me"));
        let plain = Some("cargo xtask fetch-data dogs_cats".to_owned());
        for root in ["data/dogs_cats", "/home/me/data/dogs_cats", "data/dogs_cats/"] {
            assert_eq!(command(root), plain, "{root}");
        }
        let elsewhere = "cargo xtask fetch-data flower_photos --into '/my images'";
        assert_eq!(command("/my images/flower_photos").as_deref(), Some(elsewhere));
        assert_eq!(command("beans").unwrap(), "cargo xtask fetch-data beans --into .");
        let small = "cargo xtask fetch-data dogs_cats_small --from ZIP";
        assert_eq!(command("data/dogs_cats_small").as_deref(), Some(small));
        for root in ["data/mine", "data", "/", ".."] {
            assert_eq!(command(root), None, "{root}");
        }
    }
}
