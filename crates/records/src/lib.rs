//! What a run leaves behind, as plain serialisable records, and the words in which it speaks while it works.
//!
//! The trainer returns records and nothing else; printing, logging and drawing belong to their readers.
//! - the records: [`RunRecord`] of a run, [`ComparisonRecord`] of a comparison, and what they are made of
//! - [`StepName`]: the five steps of the recipe; [`Depth`]: how far back it fine-tunes
//! - [`wording`]: how counts, percents and amounts of data are written
//! - [`Event`]: what happens during a run; [`Interrupt`]: a request to stop; [`Session`]: both ends together
//!
//! Losses are mean cross-entropies in nats, accuracies are fractions in `0..=1`, times are seconds of wall clock.
//!
//! JSON has no number that is not finite: `NaN` and infinities are written as `null` and read back as `NaN`.
//! Nor does it hold a path that is no Unicode: what cannot be written of it becomes `\u{fffd}`.

mod advice;
mod calibration;
mod comparison;
mod depth;
mod evaluation;
mod event;
mod interrupt;
mod json;
mod plan;
mod step_name;
pub mod wording;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use advice::{AdviceRecord, PartSeconds, Similarity, SourceEvidence, StageEvidence};
pub use calibration::{CalibrationRecord, ReliabilityBin, ReliabilityRecord, TemperatureRecord};
pub use comparison::{
    CellRecord, ComparisonRecord, ComparisonRow, DivergedRecord, EffectRecord, Interval, MeanSd, RatioRecord,
    TraceRecord, TrainingRecord,
};
pub use depth::{Depth, UnknownDepth};
pub use evaluation::{EvaluationRecord, HeatMapRecord, SampleRecord};
pub use event::{Event, Listener};
pub use interrupt::{Interrupt, Session};
pub use plan::{PhasePlanRecord, RangePoint, RangeRecord, RatePoint, StagePlanRecord};
pub use step_name::StepName;
pub use wording::Amount;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// All five steps ran.
    Finished,
    /// Stopped by the user; what was trained until then is kept.
    Interrupted,
}

/// One of the five steps of the recipe, as it was carried out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RecipeStepRecord {
    /// `load`, `freeze`, `head`, `train-head` or `fine-tune`.
    pub name: String,
    /// One sentence: what this step did in this run, or why it had nothing to do.
    pub what: String,
    /// Wall-clock seconds.
    #[serde(deserialize_with = "json::number_or_null")]
    pub seconds: f64,
}

/// One stage of the network, from input to head.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageRecord {
    /// The stage's name, `layer3`.
    pub name: String,
    /// Number of trainable values (buffers are not counted).
    pub parameters: u64,
    /// Whether the fine-tune step moves it.
    pub live: bool,
    /// Its learning rate as a multiple of the run's, `0.0` when frozen.
    #[serde(deserialize_with = "json::number_or_null")]
    pub rate_scale: f64,
    /// SHA-256 of its parameters and buffers before training.
    pub digest_before: String,
    /// The same after training: equal for a frozen stage.
    pub digest_after: String,
}

/// One optimizer step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// `train-head` or `fine-tune`.
    pub phase: String,
    /// Epoch within the phase, from 1.
    pub epoch: u32,
    /// Step within the whole run, from 1.
    pub step: u64,
    /// Training loss of this batch, regularization included.
    #[serde(deserialize_with = "json::number_or_null")]
    pub loss: f64,
    /// Learning rate of the head at this step.
    #[serde(deserialize_with = "json::number_or_null")]
    pub learning_rate: f64,
    /// Images in this batch.
    pub images: u32,
}

/// One pass over the training images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EpochRecord {
    /// `train-head` or `fine-tune`.
    pub phase: String,
    /// Epoch within the phase, from 1.
    pub epoch: u32,
    /// Mean training loss, each image weighted equally.
    #[serde(deserialize_with = "json::number_or_null")]
    pub train_loss: f64,
    /// Training accuracy, as seen while training (dropout and augmentation on).
    #[serde(deserialize_with = "json::number_or_null")]
    pub train_accuracy: f64,
    /// Validation loss, where there is a validation set.
    pub validation_loss: Option<f64>,
    /// Validation accuracy, where there is a validation set.
    pub validation_accuracy: Option<f64>,
    /// Mean over the classes of the share of their validation images that is told rightly; none in older records.
    #[serde(default)]
    pub validation_balanced_accuracy: Option<f64>,
    /// Learning rate of the head at the epoch's end.
    #[serde(deserialize_with = "json::number_or_null")]
    pub learning_rate: f64,
    /// Images trained on per second.
    #[serde(deserialize_with = "json::number_or_null")]
    pub images_per_second: f64,
    /// Wall-clock seconds, validation included.
    #[serde(deserialize_with = "json::number_or_null")]
    pub seconds: f64,
    /// Seconds of these in which training and validation waited for pictures to be decoded and prepared.
    #[serde(default)]
    pub waited_seconds: f64,
    /// How large the gradients of the live stages were on the way, a few moments in order.
    #[serde(default)]
    pub gradients: Vec<GradientRecord>,
}

/// The gradients of the live stages over a part of an epoch, before any clipping.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GradientRecord {
    /// Step within the whole run at which the part ends, from 1.
    pub step: u64,
    /// For each live stage with parameters, the L2 norm of its gradient: the root mean square over a few steps.
    #[serde(deserialize_with = "json::numbers_or_nulls")]
    pub norms: BTreeMap<String, f64>,
}

/// A file that is no readable image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnreadableRecord {
    /// The file.
    #[serde(serialize_with = "json::path")]
    pub path: PathBuf,
    /// Why it could not be read, in one sentence.
    pub reason: String,
}

/// The pictures of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataRecord {
    /// The data folder.
    #[serde(serialize_with = "json::path")]
    pub root: PathBuf,
    /// Class names in label order.
    pub classes: Vec<String>,
    /// Images trained on.
    pub train: u64,
    /// Images validated on.
    pub validation: u64,
    /// Images tested on, once, at the end.
    pub test: u64,
    /// What was left out because it could not be read.
    pub unreadable: Vec<UnreadableRecord>,
}

/// What became of the source weights in step `load`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadRecord {
    /// Catalog name or path; `none` for random initialisation.
    pub weights: String,
    /// SHA-256 of the file; empty when there was none.
    pub sha256: String,
    /// Tensors taken over.
    pub loaded: u64,
    /// Tensors the network has and the file lacks.
    pub missing: Vec<String>,
    /// Tensors the file has and the network does not use.
    pub unused: Vec<String>,
    /// `name: file shape, network shape`.
    pub wrong_shape: Vec<String>,
}

/// Everything known about one finished run: the content of `summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// The run's name.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Network of the zoo, `resnet18`.
    pub arch: String,
    /// How far back it was fine-tuned, as written in the config.
    pub depth: String,
    /// Where it ran, `cpu` or `cuda:0`.
    pub device: String,
    /// libtorch's threads.
    pub threads: u32,
    /// Seed of everything random.
    pub seed: u64,
    /// The pictures.
    pub data: DataRecord,
    /// The source weights.
    pub load: LoadRecord,
    /// The five steps in order.
    pub steps: Vec<RecipeStepRecord>,
    /// The network's stages from input to head.
    pub stages: Vec<StageRecord>,
    /// What its training steps were going to do: one entry each.
    #[serde(default)]
    pub plan: Vec<PhasePlanRecord>,
    /// The advice that chose the depth, where the configuration left that open.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<Box<AdviceRecord>>,
    /// All epochs in order, both phases.
    pub epochs: Vec<EpochRecord>,
    /// Final measurements: validation, and test where there is one.
    pub evaluations: Vec<EvaluationRecord>,
    /// The temperature that makes probabilities of the model's scores; `None` in records older than it.
    #[serde(default)]
    pub temperature: Option<TemperatureRecord>,
    /// A few images with predictions, from the test split or else the validation split: the most confident mistakes
    /// first, then right answers.
    pub samples: Vec<SampleRecord>,
    /// File name in the run directory -> SHA-256.
    pub digests: BTreeMap<String, String>,
    /// The resolved configuration as TOML.
    pub config: String,
    /// Wall-clock seconds from start to saved model.
    #[serde(deserialize_with = "json::number_or_null")]
    pub seconds: f64,
}
