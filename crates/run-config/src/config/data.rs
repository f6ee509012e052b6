use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};

use images::{GroupBy, Origin, Selection};
use pretrained::PartialInput;
use ranged::{Fraction, Limits, Share};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Switch, path};

ranged::ranged! {
    /// Number of folds of a cross-validation.
    Folds(u32, "integer"): Limits { at_least: 2.0, ..Limits::FINITE }, "be at least 2";
}

/// `[data]`: the images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DataConfig {
    /// Folder with `train/` and `val/` (and `test/`), each with a folder per class, or with just a folder per class:
    /// [which names and files count](data.md). With `data.list`, what its paths are relative to. One of the two is required.
    #[serde(deserialize_with = "path::optional", skip_serializing_if = "Option::is_none")]
    pub root: Option<PathBuf>,
    /// A `.csv`, `.tsv` or `.jsonl` file with a path and a label in each row, perhaps a split and a group:
    /// [columns](data.md#lists).
    #[serde(deserialize_with = "path::optional", skip_serializing_if = "Option::is_none")]
    pub list: Option<PathBuf>,
    /// Classes to use, after `data.merge`; all when absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// Joins classes to one: `{ vehicle = ["car", "truck"] }`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub merge: BTreeMap<String, Vec<String>>,
    /// Keeps what belongs together on one side where validation is split off: `{ column = "patient" }` of the list, or
    /// `{ pattern = "^([^_]+)_" }`, [the first capture in the path](data.md#what-belongs-together).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<GroupBy>,
    /// A TOML file that [names images to leave out](data.md#leaving-images-out).
    #[serde(deserialize_with = "path::optional", skip_serializing_if = "Option::is_none")]
    pub exclude: Option<PathBuf>,
    /// Where there is no validation split, share of each class kept for validation; `0.0` for none.
    pub validation_fraction: Fraction,
    /// Number of training images of each class, drawn by the seed; all when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images_per_class: Option<NonZeroU32>,
    /// Number of folds that the training images are divided into, each holding out its share of every class: a comparison
    /// runs each setting on each fold and [counts every training image once](comparing.md#folds). Groups and copies of an
    /// image are never in two folds; validation and test images are not opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folds: Option<Folds>,
    /// In a single run, the fold of `data.folds`, from 1, that takes the place of the validation images; the run trains on
    /// the others, and its predictions for this one are kept in `predictions.csv`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fold: Option<NonZeroU32>,
    /// Largest share of unreadable files that a run accepts.
    pub max_unreadable: Share,
    /// Memory for decoded images in mebibytes; what does not fit is decoded again whenever it is needed.
    pub memory_mib: u64,
    /// `"on"` decodes JPEGs much larger than the network reads at a half, a quarter or an eighth: quicker, and no longer
    /// TorchVision to the pixel, but no smaller than twice what is shown of them. Training images are not reduced where
    /// `augment.resized_crop` shows parts of them.
    pub reduced_decoding: Switch,
    /// How images are prepared, where the weights should not decide.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<PartialInput>,
    /// Named groups of classes, each reported in addition to the whole: `vowels = ["a", "e"]`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, Vec<String>>,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            root: None,
            list: None,
            classes: Vec::new(),
            merge: BTreeMap::new(),
            group: None,
            exclude: None,
            validation_fraction: Fraction::of(0.2),
            images_per_class: None,
            folds: None,
            fold: None,
            max_unreadable: Share::of(0.1),
            memory_mib: 2048,
            reduced_decoding: Switch::Off,
            input: None,
            groups: BTreeMap::new(),
        }
    }
}

impl DataConfig {
    /// Returns where the images are named.
    #[must_use]
    pub fn origin(&self) -> Origin<'_> {
        match &self.list {
            Some(list) => Origin::List { list, root: self.root.as_deref() },
            None => Origin::Folder(self.root.as_deref().unwrap_or(Path::new(""))),
        }
    }

    /// Returns the key that says where the images are named.
    #[must_use]
    pub fn origin_key(&self) -> &'static str {
        if self.list.is_some() { "data.list" } else { "data.root" }
    }

    /// Returns which images are used, and which belong together.
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
