use serde::{Deserialize, Serialize};

use crate::json;

/// How well the probabilities of a model's answers agree with how often they are right (Guo et al. 2017).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibrationRecord {
    /// As the network says them: softmax of its scores.
    pub raw: ReliabilityRecord,
    /// At the model's temperature, where one was fitted.
    pub scaled: Option<ReliabilityRecord>,
}

/// Answers sorted by their probability into bins of equal width.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityRecord {
    /// Mean cross-entropy, in nats.
    #[serde(deserialize_with = "json::number_or_null")]
    pub loss: f64,
    /// Expected calibration error: the mean over the images of how far the accuracy of their bin is from its mean
    /// probability. In `0..=1`.
    #[serde(deserialize_with = "json::number_or_null")]
    pub error: f64,
    /// From probability 0 to 1.
    pub bins: Vec<ReliabilityBin>,
}

/// The answers whose probability lies in one bin.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReliabilityBin {
    /// Number of answers.
    pub images: u64,
    /// Their mean probability; `None` without answers.
    pub confidence: Option<f64>,
    /// Fraction of them that is right; `None` without answers.
    pub accuracy: Option<f64>,
}

/// The temperature of a model: its probabilities are the softmax of its scores divided by it (Guo et al. 2017).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TemperatureRecord {
    /// Above 0; `None` where none could be fitted, which counts as 1.
    pub value: Option<f64>,
    /// Validation images that it was fitted on.
    pub images: u64,
    /// Why none was fitted, in a few words; empty where one was.
    pub unfitted: String,
}
