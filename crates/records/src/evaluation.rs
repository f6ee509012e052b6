use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::json;
use crate::{CalibrationRecord, CoverageRecord, MetricsRecord};

/// A model measured on one split.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EvaluationRecord {
    /// `validation` or `test`.
    pub split: String,
    /// Number of images.
    pub images: u64,
    /// Mean cross-entropy, in nats.
    #[serde(deserialize_with = "json::number_or_null")]
    pub loss: f64,
    /// Accuracy, in `0..=1`.
    #[serde(deserialize_with = "json::number_or_null")]
    pub accuracy: f64,
    /// Balanced accuracy: mean recall of the classes, in `0..=1`; `NaN` in older records.
    #[serde(default = "json::unknown", deserialize_with = "json::number_or_null")]
    pub balanced_accuracy: f64,
    /// Accuracy over the images of each named group of classes (`[data.groups]`), in `0..=1`.
    #[serde(deserialize_with = "json::numbers_or_nulls")]
    pub groups: BTreeMap<String, f64>,
    /// `confusion[truth][prediction]`: number of images.
    pub confusion: Vec<Vec<u64>>,
    /// For each class in label order, a character for each of its images in the split's order: `1` for a correct
    /// prediction, else `0`.
    /// Empty in older records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub answers: Vec<String>,
    /// Whether the epoch of the model was chosen on these images, so that the figures are a little too good.
    #[serde(default)]
    pub chosen_on_these_images: bool,
    /// Calibration of the probabilities; `None` in older records.
    #[serde(default)]
    pub calibration: Option<CalibrationRecord>,
    /// Figures beyond accuracy, with intervals; `None` in older records.
    #[serde(default)]
    pub metrics: Option<MetricsRecord>,
    /// Accuracy of the predictions whose probability, at the model's temperature, reaches a threshold; thresholds rise. Empty
    /// in older records.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub coverage: Vec<CoverageRecord>,
}

/// One image with its prediction.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SampleRecord {
    /// Path as found in the data set.
    #[serde(serialize_with = "json::path")]
    pub path: PathBuf,
    /// A small PNG of it, in base64.
    pub thumbnail: String,
    /// Index of the true class.
    pub label: usize,
    /// Index of the predicted class.
    pub predicted: usize,
    /// Probability of the predicted class at the model's temperature, in `0..=1`.
    #[serde(deserialize_with = "json::number_or_null")]
    pub probability: f64,
    /// Evidence for the predicted class by position; `None` where no stage of the network has positions.
    #[serde(default)]
    pub heat_map: Option<HeatMapRecord>,
}

/// Grad-CAM (Selvaraju et al. 2017): where in an image the evidence for the predicted class lies.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HeatMapRecord {
    /// The stage at whose output it was taken.
    pub stage: String,
    /// `[height][width]` of that stage's output, each in `0..=1`; all zero where there is no evidence for the class.
    pub values: Vec<Vec<f64>>,
    /// A small PNG in base64: the part of the image that the network saw, with the map over it.
    pub picture: String,
}
