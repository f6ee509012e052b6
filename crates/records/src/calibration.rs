use serde::{Deserialize, Serialize};

use crate::json;

/// Agreement between the probabilities of a model's predictions and its accuracy (Guo et al. 2017).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibrationRecord {
    /// Without temperature: softmax of the logits.
    pub raw: ReliabilityRecord,
    /// At the model's temperature, where one was fitted.
    pub scaled: Option<ReliabilityRecord>,
}

/// Predictions in bins of equal width by their probability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityRecord {
    /// Mean cross-entropy, in nats.
    #[serde(deserialize_with = "json::number_or_null")]
    pub loss: f64,
    /// Expected calibration error: mean over the images of the distance between the accuracy and the mean probability of
    /// their bin, in `0..=1`.
    #[serde(deserialize_with = "json::number_or_null")]
    pub error: f64,
    /// Bins from probability 0 to 1.
    pub bins: Vec<ReliabilityBin>,
}

/// Predictions whose probability lies in one bin.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Number of predictions.
    pub images: u64,
    /// Mean probability, in `0..=1`; `None` in an empty bin.
    pub confidence: Option<f64>,
    /// Accuracy, in `0..=1`; `None` in an empty bin.
    pub accuracy: Option<f64>,
}

/// Temperature of a model: its probabilities are the softmax of its logits divided by it (Guo et al. 2017).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TemperatureRecord {
    /// Temperature, above 0; `None` where none could be fitted, which counts as 1.
    pub value: Option<f64>,
    /// Number of validation images that it was fitted on.
    pub images: u64,
    /// Why none was fitted, in a few words; empty where one was.
    pub unfitted: String,
}
