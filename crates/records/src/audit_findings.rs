use serde::{Deserialize, Serialize};

use crate::{Interval, json};

/// Two images that are copies of one another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CopyRecord {
    /// One image; across splits the one that is trained on.
    pub a: String,
    /// The other.
    pub b: String,
    /// How they are the same.
    pub kind: CopyKind,
    /// The splits of both, in the same order.
    pub splits: [String; 2],
    /// The labels of both; `None` for a test image whose label is not looked at.
    pub labels: [Option<String>; 2],
    /// How one is made from the other, as far as it shows, in a few words.
    pub how: String,
    /// Correlation of the gray values where one lies over the other, at most 1; `None` for exact copies.
    pub correlation: Option<f64>,
    /// Distance between features over the mean distance to the next nine images; `None` without features.
    pub ratio: Option<f64>,
    /// Whether this is certain: exact, or alike enough by itself.
    pub certain: bool,
}

/// How two images are the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CopyKind {
    /// Byte for byte.
    File,
    /// Pixel for pixel.
    Pixels,
    /// Edited.
    Near,
}

/// Copies between two splits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeakRecord {
    /// The splits; twice the same for copies within one.
    pub splits: [String; 2],
    /// Number of pairs that are the same byte for byte or pixel for pixel.
    pub exact: u64,
    /// Number of pairs that are edited.
    pub near: u64,
    /// Number of pairs among all these that have two labels.
    pub other_labels: u64,
    /// Number of images of the second split that have a copy in the first.
    pub images: u64,
}

/// What copies of measured images among the training images are worth in accuracy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LeakageRecord {
    /// The split that is measured on.
    pub split: String,
    /// Number of its images.
    pub images: u64,
    /// Number of these that have a copy among the training images.
    pub leaked: u64,
    /// Accuracy of the probe fitted on all training images, in `0..=1`.
    #[serde(deserialize_with = "json::number_or_null")]
    pub with: f64,
    /// Accuracy of the probe fitted without the copies.
    #[serde(deserialize_with = "json::number_or_null")]
    pub without: f64,
    /// The first less the second, with a 95 % interval over images; `None` with too few.
    pub interval: Option<Interval>,
}

/// A label and how likely it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabelRecord {
    /// The image.
    pub path: String,
    /// Its label.
    pub label: String,
    /// The most probable class, which may be the label.
    pub likely: String,
    /// Probability of the label by a probe that was not fitted on this image, in `0..=1`.
    #[serde(deserialize_with = "json::number_or_null")]
    pub probability: f64,
    /// Probability of the most probable class.
    #[serde(deserialize_with = "json::number_or_null")]
    pub likely_probability: f64,
    /// Whether it is one of those that are likely wrong.
    pub flagged: bool,
    /// Labels of the five training images nearest to it; copies of it left aside.
    pub neighbours: Vec<String>,
}

/// Images that have one label and likely another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassPairRecord {
    /// The label.
    pub label: String,
    /// The class that they likely are.
    pub likely: String,
    /// Estimated number of images.
    pub images: u64,
}
