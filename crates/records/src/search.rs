use serde::{Deserialize, Serialize};

use crate::{Interval, json};

/// Everything known about a search: the content of its `search.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SearchRecord {
    /// Name of the run that it is for.
    pub name: String,
    /// The network.
    pub arch: String,
    /// Label of the source weights.
    pub weights: String,
    /// Where the training images are.
    pub data: String,
    /// Number of classes.
    pub classes: u64,
    /// Number of training images.
    pub images: u64,
    /// Number of folds.
    pub folds: u32,
    /// Seed of the folds and of every training.
    pub seed: u64,
    /// Limit in final runs that train everything; `None` where minutes are the limit.
    pub budget: Option<f64>,
    /// Limit in minutes; `None` where final runs are the limit.
    pub minutes: Option<f64>,
    /// What was spent, in final runs as planned.
    #[serde(deserialize_with = "json::number_or_null")]
    pub spent: f64,
    /// `settled`, `budget`, `complete` or `interrupted`.
    pub ended: String,
    /// Whether arms that train most of the network were tried, and why, in a sentence; `None` where that was not decided.
    pub deep: Option<String>,
    /// Whether an earlier stage tells the classes apart better than the last one, by more than one standard error.
    pub unlike: bool,
    /// `loss` or `accuracy`: what the decision is by.
    pub decided_by: String,
    /// The arms, the preferred first.
    pub arms: Vec<ArmRecord>,
    /// Cells in the order of their measuring.
    pub course: Vec<RaceCellRecord>,
    /// Name of the chosen arm.
    pub chosen: String,
    /// Changes of the configuration, `KEY=VALUE`, that make it the run of the chosen arm.
    pub set: Vec<String>,
    /// Probability that the chosen arm is close to the best of those tried, as computed from the images.
    #[serde(deserialize_with = "json::number_or_null")]
    pub computed: f64,
    /// The same through the calibration map.
    #[serde(deserialize_with = "json::number_or_null")]
    pub close: f64,
    /// How many points from the best count as close.
    #[serde(deserialize_with = "json::number_or_null")]
    pub within: f64,
    /// Whether the map was fitted on measurements.
    pub calibrated: bool,
    /// Expected difference to the best of those tried, in points.
    #[serde(deserialize_with = "json::number_or_null")]
    pub expected_loss: f64,
    /// Number of arms that were measured.
    pub tried: u64,
    /// Number of those that cannot be told apart from the chosen one, which is among them.
    pub alike: u64,
    /// Accuracy of what the choice gives, corrected for having been chosen on the same images.
    pub accuracy: Option<f64>,
    /// 95% interval of it.
    pub accuracy_interval: Option<Interval>,
    /// How sure the choice is, in a sentence.
    pub statement: String,
    /// Wall-clock seconds of all cells.
    #[serde(deserialize_with = "json::number_or_null")]
    pub seconds: f64,
}

/// One arm of a search.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArmRecord {
    /// Name, `last:2 x 0.3`.
    pub name: String,
    /// Changes of the configuration, `KEY=VALUE`, that make it the run of this arm.
    pub set: Vec<String>,
    /// `free`, `cached` or `deep`.
    pub tier: String,
    /// `chosen`, `measured`, `dropped` or `not tried`.
    pub state: String,
    /// Planned cost of one fold, in final runs that train everything.
    #[serde(deserialize_with = "json::number_or_null")]
    pub fold_cost: f64,
    /// Folds that it was measured on.
    pub folds: Vec<u32>,
    /// Number of images that they held out.
    pub images: u64,
    /// Share of those that were classified correctly; `None` where it was not tried.
    pub accuracy: Option<f64>,
    /// Cross-entropy of them at the temperature, in nats.
    pub loss: Option<f64>,
    /// Temperature of its logits.
    pub temperature: Option<f64>,
    /// Gain of accuracy over the first arm, shrunk to what is expected, in points.
    pub gain: Option<f64>,
    /// Standard error of it, in points.
    pub gain_error: Option<f64>,
    /// How far the arm in front lies ahead, shrunk to what is expected: of the first arm's loss in `0..=1`, or points of accuracy,
    /// by `decided_by`. Absent where the arm is no candidate for the choice.
    pub behind: Option<f64>,
    /// Standard error of it. Within it arms are not told apart.
    pub behind_error: Option<f64>,
    /// Computed probability that it is close to the best of those tried.
    pub close: Option<f64>,
}

/// One arm measured on one fold.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RaceCellRecord {
    /// Name of the arm.
    pub arm: String,
    /// The fold, from 1.
    pub fold: u32,
    /// Accuracy of the arm over the folds measured until then, in `0..=1`.
    #[serde(deserialize_with = "json::number_or_null")]
    pub accuracy: f64,
    /// What was spent until then, in final runs as planned.
    #[serde(deserialize_with = "json::number_or_null")]
    pub spent: f64,
    /// Name of the arm that would be chosen then.
    pub chosen: String,
    /// Wall-clock seconds.
    #[serde(deserialize_with = "json::number_or_null")]
    pub seconds: f64,
}
