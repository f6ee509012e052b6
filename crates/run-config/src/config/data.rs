use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use images::{GroupBy, Origin, Selection};
use pretrained::PartialInput;
use serde::{Deserialize, Serialize};

use super::{Switch, path};

/// `[data]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataConfig {
    /// A folder with the splits (`train/`, `val/` or `valid/` and the like, perhaps `test/`), or with one folder per class.
    /// With `data.list`, what the paths in the list are relative to.
    #[serde(default, deserialize_with = "path::optional", skip_serializing_if = "Option::is_none")]
    pub root: Option<PathBuf>,
    /// A `.csv`, `.tsv` or `.jsonl` file with a path and a label in each row, perhaps a split and a group.
    #[serde(default, deserialize_with = "path::optional", skip_serializing_if = "Option::is_none")]
    pub list: Option<PathBuf>,
    /// The classes to use, after `data.merge`; all when empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// Classes joined to one: `{ vehicle = ["car", "truck"] }`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub merge: BTreeMap<String, Vec<String>>,
    /// What keeps images on one side of the split when there is no `val/`: `{ column = "patient" }` of the list, or
    /// `{ pattern = "^([^_]+)_" }`, the first capture in the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupBy>,
    /// A TOML file that names images to leave out.
    #[serde(default, deserialize_with = "path::optional", skip_serializing_if = "Option::is_none")]
    pub exclude: Option<PathBuf>,
    /// Share of the training images kept for validation when there is no `val/`; `0.0` for none.
    #[serde(default = "defaults::validation_fraction")]
    pub validation_fraction: f64,
    /// Train on this many images of each class, drawn by the seed; all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images_per_class: Option<u32>,
    /// The largest share of unreadable files a run puts up with.
    #[serde(default = "defaults::max_unreadable")]
    pub max_unreadable: f64,
    /// Mebibytes for decoded pictures; what does not fit is decoded again when needed.
    #[serde(default = "defaults::memory_mib")]
    pub memory_mib: u64,
    /// Whether JPEG files much larger than the network reads may be decoded at a half, a quarter or an eighth of their
    /// size: quicker, and no longer TorchVision to the pixel. Not where `augment.resized_crop` shows their parts.
    #[serde(default = "defaults::reduced_decoding")]
    pub reduced_decoding: Switch,
    /// How images are prepared, as far as the weights should not decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<PartialInput>,
    /// Named groups of classes, for which accuracy is reported beside the whole.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, Vec<String>>,
}

impl DataConfig {
    /// Where the images are named.
    #[must_use]
    pub fn origin(&self) -> Origin<'_> {
        match &self.list {
            Some(list) => Origin::List { list, root: self.root.as_deref() },
            None => Origin::Folder(self.root.as_deref().unwrap_or(Path::new(""))),
        }
    }

    /// The key that says where the images are named.
    #[must_use]
    pub fn origin_key(&self) -> &'static str {
        if self.list.is_some() { "data.list" } else { "data.root" }
    }

    /// Which images are used, and which belong together.
    #[must_use]
    pub fn selection(&self) -> Selection {
        Selection {
            classes: self.classes.clone(),
            merge: self.merge.clone(),
            group: self.group.clone(),
            exclude: self.exclude.clone(),
        }
    }
}

mod defaults {
    use super::Switch;

    pub(super) fn validation_fraction() -> f64 {
        0.2
    }
    pub(super) fn max_unreadable() -> f64 {
        0.1
    }
    pub(super) fn reduced_decoding() -> Switch {
        Switch::Off
    }
    pub(super) fn memory_mib() -> u64 {
        2048
    }
}
