//! The data sets: real images out of packages, archives and fonts, as folders with `train` and `test`.
//!
//! A set is made once in the folder of the search (`sources` brings what it is made of) and never changed: its digest goes
//! into every result. A seed draws its training images (`drawing`); the test images are the same for all seeds.

mod archives;
mod digits;
mod drawing;
mod elpv;
mod emoji;
mod fashion;
mod letters;
mod sources;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use files::FolderDraft;
use serde::{Deserialize, Serialize};

pub(super) use self::drawing::{Images, Split};
pub(super) use self::sources::Sources;

/// A data set and how it is made.
pub(super) struct DataSet {
    pub(super) name: &'static str,
    /// What is to be told apart, for the page.
    pub(super) what: &'static str,
    pub(super) part: Part,
    /// Side of the images as the network sees them, in pixels.
    pub(super) side: u32,
    /// Where its images come from, for the page.
    pub(super) from: &'static str,
    make: fn(&Sources<'_>, &Path) -> Result<()>,
}

/// What a data set is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// Code, thresholds, prior and calibration are chosen on it.
    Development,
    /// It is measured after all of that is committed.
    HeldOut,
    /// It is for the measurement from few images to many, and no part of the claim.
    Growth,
}

/// All of them, development first.
pub(super) const SETS: &[DataSet] = &[
    DataSet {
        name: "dogs-cats",
        what: "dogs and cats",
        part: Part::Development,
        side: 96,
        from: "`dogs_cats_2000.zip`",
        make: archives::dogs_and_cats,
    },
    DataSet {
        name: "fashion",
        what: "Fashion-MNIST",
        part: Part::Development,
        side: 64,
        from: "Debian `dataset-fashion-mnist`",
        make: fashion::make,
    },
    DataSet {
        name: "cyrillic",
        what: "33 Cyrillic capitals, other typefaces",
        part: Part::Development,
        side: 64,
        from: "fonts of the crate `glyphs`",
        make: letters::cyrillic,
    },
    DataSet {
        name: "digits",
        what: "digits of 8 x 8",
        part: Part::Development,
        side: 64,
        from: "`scikit-learn`",
        make: digits::make,
    },
    DataSet {
        name: "cifar10",
        what: "CIFAR-10",
        part: Part::Development,
        side: 64,
        from: "`cifar10_small.zip`",
        make: archives::cifar10,
    },
    DataSet {
        name: "solar-defect",
        what: "solar cells, defective or not",
        part: Part::HeldOut,
        side: 96,
        from: "`elpv-dataset`",
        make: elpv::defect,
    },
    DataSet {
        name: "solar-type",
        what: "solar cells, mono- or polycrystalline",
        part: Part::HeldOut,
        side: 96,
        from: "`elpv-dataset`",
        make: elpv::kind,
    },
    DataSet {
        name: "emoji-category",
        what: "emoji, 8 categories",
        part: Part::HeldOut,
        side: 64,
        from: "`emoji-datasource-twitter`",
        make: emoji::categories,
    },
    DataSet {
        name: "emoji-subgroup",
        what: "emoji, subgroups",
        part: Part::HeldOut,
        side: 64,
        from: "`emoji-datasource-twitter`",
        make: emoji::subgroups,
    },
    DataSet {
        name: "ants-bees",
        what: "ants and bees",
        part: Part::HeldOut,
        side: 96,
        from: "`hymenoptera_data.zip`",
        make: archives::ants_and_bees,
    },
    DataSet {
        name: "greek",
        what: "24 Greek letters, other typefaces",
        part: Part::HeldOut,
        side: 64,
        from: "Debian fonts",
        make: letters::greek,
    },
    DataSet {
        name: "hebrew",
        what: "27 Hebrew letters, other typefaces",
        part: Part::HeldOut,
        side: 64,
        from: "Debian fonts",
        make: letters::hebrew,
    },
    DataSet {
        name: "devanagari",
        what: "33 Devanagari consonants, other typefaces",
        part: Part::HeldOut,
        side: 64,
        from: "Debian fonts",
        make: letters::devanagari,
    },
    DataSet {
        name: "typeface-style",
        what: "upright, bold, italic or both, other typefaces",
        part: Part::HeldOut,
        side: 64,
        from: "Debian fonts",
        make: letters::style,
    },
    DataSet {
        name: "dogs-cats-growth",
        what: "dogs and cats, 5 to 1,000 of each",
        part: Part::Growth,
        side: 96,
        from: "`dogs_cats_2000.zip`",
        make: archives::dogs_and_cats,
    },
];

/// What a finished set says of itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct About {
    /// Digest of all its images: paths and bytes.
    pub(super) digest: String,
    /// Images by split and class.
    pub(super) train: Vec<u64>,
    pub(super) test: Vec<u64>,
}

impl DataSet {
    /// The set of this name.
    pub(super) fn named(name: &str) -> Option<&'static Self> {
        SETS.iter().find(|set| set.name == name)
    }

    /// Its folder, made unless it is there.
    pub(super) fn ready(&self, sources: &Sources<'_>) -> Result<PathBuf> {
        let folder = sources.folder.join("sets").join(self.name);
        if !folder.join(ABOUT).is_file() {
            let parent = sources.folder.join("sets");
            fs::create_dir_all(&parent).with_context(|| format!("cannot make {}", parent.display()))?;
            let draft = FolderDraft::next_to(&folder)?;
            (self.make)(sources, draft.path()).with_context(|| format!("{} cannot be made", self.name))?;
            let about = serde_json::to_string_pretty(&drawing::about(draft.path())?)? + "\n";
            files::write(&draft.path().join(ABOUT), about)?;
            draft.publish()?;
        }
        Ok(folder)
    }
}

/// Reads what a finished set says of itself.
pub(super) fn about(folder: &Path) -> Result<About> {
    let path = folder.join(ABOUT);
    let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is of an unknown form", path.display()))
}

const ABOUT: &str = "about.json";

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn sets_have_names_of_their_own_and_no_image_of_development_is_held_out() {
        let names: BTreeSet<&str> = SETS.iter().map(|set| set.name).collect();
        assert_eq!(names.len(), SETS.len());
        let from = |part: Part| {
            let of = SETS.iter().filter(move |set| set.part == part && set.from != "Debian fonts");
            of.map(|set| set.from).collect::<BTreeSet<&str>>()
        };
        assert!(from(Part::Development).is_disjoint(&from(Part::HeldOut)));
        assert_eq!(SETS.iter().filter(|set| set.part == Part::HeldOut).count(), 9);
    }
}
