use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::json;
use crate::{ClassPairRecord, CopyRecord, LabelRecord, LeakRecord, LeakageRecord};

/// What is wrong with a data set: the content of `audit.json`.
///
/// Paths are below the data folder, as `data.exclude` writes them. Splits are `train`, `validation` and `test`; images of
/// which the program splits validation off itself are all of `train`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// Name of the run whose configuration it belongs to.
    pub name: String,
    /// The network.
    pub arch: String,
    /// The source weights as the configuration names them.
    pub weights: String,
    /// The data folder, or the list.
    pub data: String,
    /// Class names in label order.
    pub classes: Vec<String>,
    /// Seed of the folds.
    pub seed: u64,
    /// The splits in the order train, validation, test; only those that there are.
    pub splits: Vec<AuditedSplitRecord>,
    /// Whether the program splits validation images off itself.
    pub splits_itself: bool,
    /// Files that are broken, or of another type than their extension says.
    pub files: Vec<FileProblemRecord>,
    /// Images that other programs often read otherwise.
    pub kinds: Vec<KindRecord>,
    /// Sizes of the images.
    pub sizes: SizesRecord,
    /// Copies of one another: exact ones first, then by the paths.
    pub copies: Vec<CopyRecord>,
    /// How alike edited copies had to be here.
    pub copy_bounds: Option<CopyBoundsRecord>,
    /// Copies between splits.
    pub leaks: Vec<LeakRecord>,
    /// What these are worth in accuracy; `None` where there are none, or where it could not be measured.
    pub leakage: Vec<LeakageRecord>,
    /// Every training image that entered the probe, the most suspicious first.
    pub labels: Vec<LabelRecord>,
    /// Validation images by the same measure, and test images where they were asked for.
    pub held_out_labels: Vec<LabelRecord>,
    /// Why no label was judged; empty where they were.
    pub labels_refused: String,
    /// The probe that judged labels.
    pub probe: Option<ProbeRecord>,
    /// Pairs of a label and another that its images likely have, the most frequent first.
    pub mistakes: Vec<ClassPairRecord>,
    /// Images unlike all others, the farthest first.
    pub outliers: Vec<OutlierRecord>,
    /// Classes with too few training images to judge their labels.
    pub small_classes: Vec<String>,
    /// Thumbnails by path, PNG in base64, of the images that the page shows. Not in `audit.json`.
    #[serde(skip)]
    pub thumbnails: BTreeMap<String, String>,
}

/// The images of a split.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditedSplitRecord {
    /// Its name.
    pub split: String,
    /// Number of readable images of each class, in label order.
    pub classes: Vec<u64>,
    /// Number of files that could not be read.
    pub unreadable: u64,
}

/// A file that is broken or called by a wrong name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileProblemRecord {
    /// The file.
    pub path: String,
    /// Its split.
    pub split: String,
    /// SHA-256 of the file, in hex; `None` where it could not be read from the disk.
    pub sha256: Option<String>,
    /// Kind of the problem.
    pub problem: FileProblem,
    /// What is wrong, in one sentence.
    pub reason: String,
}

/// Kind of a problem with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FileProblem {
    /// It cannot be read.
    Unreadable,
    /// It is read, and is of another type than its extension says.
    OtherType,
}

/// Images of a kind that other programs often read otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindRecord {
    /// `turned`, `16-bit`, `cmyk`, `alpha` or `animated`.
    pub kind: String,
    /// Number of images.
    pub images: u64,
    /// The first ten.
    pub examples: Vec<String>,
}

/// Sizes of the images.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SizesRecord {
    /// Side of the square that the network reads, in pixels.
    pub reads: u32,
    /// Number of images whose shorter side is smaller, which are enlarged.
    pub smaller: u64,
    /// Number of images by their shorter side.
    pub bins: Vec<SizeBinRecord>,
    /// Images more than three times as long as wide or the other way round, the most extreme first.
    pub extreme: Vec<ExtremeRecord>,
}

/// Images whose shorter side lies within bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SizeBinRecord {
    /// At least this many pixels.
    pub from: u32,
    /// Fewer than this.
    pub below: u32,
    /// Number of images.
    pub images: u64,
}

/// An image of an extreme shape.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExtremeRecord {
    /// The image.
    pub path: String,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
}

/// How alike two images had to be to count as edited copies, measured on the images of this data set.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CopyBoundsRecord {
    /// Correlation of aligned pixels from which a pair is a copy by itself.
    #[serde(deserialize_with = "json::number_or_null")]
    pub correlation: f64,
    /// Correlation from which it is one with a ratio below the next.
    #[serde(deserialize_with = "json::number_or_null")]
    pub supported: f64,
    /// Distance between features over the mean distance to the next nine images, up to which a pair is near.
    #[serde(deserialize_with = "json::number_or_null")]
    pub ratio: f64,
    /// Median correlation of pairs that resemble each other and are no copies.
    #[serde(deserialize_with = "json::number_or_null")]
    pub usual: f64,
    /// Number of pairs that were compared pixel by pixel.
    pub compared: u64,
}

/// The linear probe that judged labels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProbeRecord {
    /// Number of training images.
    pub images: u64,
    /// Its accuracy on images that it was not fitted on, in `0..=1`.
    #[serde(deserialize_with = "json::number_or_null")]
    pub accuracy: f64,
    /// The same of a probe on 16 x 16 gray pixels.
    #[serde(deserialize_with = "json::number_or_null")]
    pub pixels: f64,
    /// Strength of its L2 penalty.
    #[serde(deserialize_with = "json::number_or_null")]
    pub penalty: f64,
    /// Number of folds.
    pub folds: u32,
    /// Number of deals of the images over the folds, over which probabilities are averaged.
    pub deals: u32,
}

/// An image unlike all others.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OutlierRecord {
    /// The image.
    pub path: String,
    /// Its label.
    pub label: String,
    /// Mean distance to its ten nearest images, over the median of this over all images.
    #[serde(deserialize_with = "json::number_or_null")]
    pub distance: f64,
}
