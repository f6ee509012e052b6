use serde::{Deserialize, Serialize};

use crate::json;

/// Plan of a training phase, made before it begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PhasePlanRecord {
    /// `train-head` or `fine-tune`.
    pub phase: String,
    /// Optimizer, schedule and what bounds the steps, in a few words.
    pub policy: String,
    /// Number of epochs, unless early stopping ends it.
    pub epochs: u32,
    /// What decided about their number, `train.min_steps`; empty in older records.
    #[serde(default)]
    pub epochs_by: String,
    /// Number of optimizer steps in an epoch.
    pub steps_per_epoch: u64,
    /// The stages from input to head.
    pub stages: Vec<StagePlanRecord>,
    /// Learning rate of the head along the steps; a reduction on a plateau cannot be known beforehand.
    pub rates: Vec<RatePoint>,
    /// Learning rate of the head at the first step of each epoch.
    #[serde(deserialize_with = "json::list_of_numbers_or_nulls")]
    pub epoch_rates: Vec<f64>,
}

/// A stage within a [`PhasePlanRecord`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StagePlanRecord {
    /// Its name.
    pub name: String,
    /// Number of trainable values.
    pub parameters: u64,
    /// Learning rate as a multiple of the head's, at least 0; `0.0` where it stays frozen.
    #[serde(deserialize_with = "json::number_or_null")]
    pub rate_scale: f64,
    /// Epoch, from 1, at whose beginning it unfreezes; `None` where it stays frozen.
    pub thaws: Option<u32>,
}

/// The learning rate planned for a step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RatePoint {
    /// Step within the phase, from 0.
    pub step: u64,
    /// Learning rate of the head.
    #[serde(deserialize_with = "json::number_or_null")]
    pub rate: f64,
}

/// A learning-rate range test.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RangeRecord {
    /// Name of the run whose configuration it belongs to.
    pub name: String,
    /// The network.
    pub arch: String,
    /// Depth as written in the configuration.
    pub depth: String,
    /// Optimizer and schedule, in a few words.
    pub policy: String,
    /// Number of images in a batch.
    pub batch_size: u64,
    /// Learning rate of the configuration.
    #[serde(deserialize_with = "json::number_or_null")]
    pub configured: f64,
    /// Whether the loss diverged before the highest rate.
    pub ran_away: bool,
    /// Learning rate at which the smoothed loss falls fastest per factor of the rate; `None` where it never falls.
    pub steepest: Option<f64>,
    /// A tenth of the learning rate at which the smoothed loss is lowest.
    pub tenth_of_lowest: Option<f64>,
    /// The smaller of the two.
    pub suggested: Option<f64>,
    /// Steps in order, the learning rate rising.
    pub points: Vec<RangePoint>,
    /// Wall-clock seconds.
    #[serde(deserialize_with = "json::number_or_null")]
    pub seconds: f64,
}

/// One step of a range test.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RangePoint {
    /// Learning rate of the head.
    #[serde(deserialize_with = "json::number_or_null")]
    pub rate: f64,
    /// Training loss before this step, in nats.
    #[serde(deserialize_with = "json::number_or_null")]
    pub loss: f64,
    /// The same, smoothed over the steps before.
    #[serde(deserialize_with = "json::number_or_null")]
    pub smoothed: f64,
}
