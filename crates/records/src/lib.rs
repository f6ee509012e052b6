//! Records of runs and comparisons as plain serialisable types, and the events of a run.
//!
//! The trainer returns records and nothing else; printing, logging and drawing belong to their readers.
//! - the records: [`RunRecord`] of a run, [`ComparisonRecord`] of a comparison, [`AuditRecord`] of a data set, and what they
//!   are made of
//! - [`StepName`]: the five steps of the recipe; [`Depth`]: how far back it fine-tunes
//! - [`wording`]: how counts, percents and amounts of data are written
//! - [`Event`]: what happens during a run; [`Interrupt`]: a request to stop; [`Session`]: both ends together
//!
//! Losses are mean cross-entropies in nats, accuracies are fractions in `0..=1`, times are seconds of wall clock.
//!
//! JSON has no number that is not finite: `NaN` and infinities are written as `null` and read back as `NaN`.
//! Nor does it hold a path that is no Unicode: what cannot be written of it becomes `\u{fffd}`.

mod advice;
mod audit;
mod audit_findings;
mod calibration;
mod comparison;
mod decision;
mod depth;
mod ending;
mod evaluation;
mod event;
mod head_fit;
mod interrupt;
mod interval;
mod json;
mod kept;
mod metrics;
mod plan;
mod search;
mod step_name;
pub mod wording;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use advice::{
    AdviceRecord, DepthCost, FrozenArm, PartSeconds, Similarity, SourceEvidence, StageEvidence,
};
pub use audit::{
    AuditRecord, AuditedSplitRecord, CopyBoundsRecord, ExtremeRecord, FileProblem, FileProblemRecord,
    KindRecord, OutlierRecord, ProbeRecord, SizeBinRecord, SizesRecord,
};
pub use audit_findings::{ClassPairRecord, CopyKind, CopyRecord, LabelRecord, LeakRecord, LeakageRecord};
pub use calibration::{CalibrationRecord, ReliabilityBin, ReliabilityRecord, TemperatureRecord};
pub use comparison::{
    CellRecord, ComparisonRecord, ComparisonRow, DivergedRecord, EffectRecord, MeanSd, RatioRecord,
    TraceRecord, TrainingRecord,
};
pub use decision::DecisionRecord;
pub use depth::{Depth, UnknownDepth};
pub use ending::EndingRecord;
pub use evaluation::{EvaluationRecord, HeatMapRecord, SampleRecord};
pub use event::{Event, Listener};
pub use head_fit::HeadFitRecord;
pub use interrupt::{Interrupt, Session};
pub use interval::Interval;
pub use kept::KeptRecord;
pub use metrics::{ClassMetricsRecord, CoverageRecord, EstimateRecord, MetricsRecord};
pub use plan::{PhasePlanRecord, RangePoint, RangeRecord, RatePoint, StagePlanRecord};
pub use search::{ArmRecord, RaceCellRecord, SearchRecord};
pub use step_name::StepName;
pub use wording::Amount;

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// All five steps ran.
    Finished,
    /// Stopped by the user; the model trained until then is saved.
    Interrupted,
}

/// One of the five steps of the recipe after it ran.
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
    /// Name, `layer3`.
    pub name: String,
    /// Number of trainable values, without buffers.
    pub parameters: u64,
    /// Whether step `fine-tune` trains it.
    pub live: bool,
    /// Learning rate as a multiple of the run's, at least 0; `0.0` where it is frozen.
    #[serde(deserialize_with = "json::number_or_null")]
    pub rate_scale: f64,
    /// SHA-256 of its parameters and buffers before training, in hex.
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
    /// Training loss of this batch, regularization included, in nats.
    #[serde(deserialize_with = "json::number_or_null")]
    pub loss: f64,
    /// Learning rate of the head at this step, above 0.
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
    /// Mean training loss over the images, in nats.
    #[serde(deserialize_with = "json::number_or_null")]
    pub train_loss: f64,
    /// Training accuracy in `0..=1`, measured while training (dropout and augmentation on).
    #[serde(deserialize_with = "json::number_or_null")]
    pub train_accuracy: f64,
    /// Validation loss in nats; `None` without a validation split.
    pub validation_loss: Option<f64>,
    /// Validation accuracy in `0..=1`; `None` without a validation split.
    pub validation_accuracy: Option<f64>,
    /// Balanced validation accuracy (mean recall of the classes), in `0..=1`; `None` in older records.
    #[serde(default)]
    pub validation_balanced_accuracy: Option<f64>,
    /// Mean F1 of the classes on the validation images, in `0..=1`; `None` in older records.
    #[serde(default)]
    pub validation_f1: Option<f64>,
    /// Learning rate of the head at the epoch's end.
    #[serde(deserialize_with = "json::number_or_null")]
    pub learning_rate: f64,
    /// Training images per second.
    #[serde(deserialize_with = "json::number_or_null")]
    pub images_per_second: f64,
    /// Wall-clock seconds, validation included.
    #[serde(deserialize_with = "json::number_or_null")]
    pub seconds: f64,
    /// Seconds of these spent waiting for images to be decoded and prepared, in training and validation.
    #[serde(default)]
    pub waited_seconds: f64,
    /// Gradient norms of the live stages at a few moments of the epoch, in order.
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

/// Images of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DataRecord {
    /// The data folder.
    #[serde(serialize_with = "json::path")]
    pub root: PathBuf,
    /// Class names in label order.
    pub classes: Vec<String>,
    /// Number of training images.
    pub train: u64,
    /// Number of validation images.
    pub validation: u64,
    /// Number of test images, which are used once, at the end.
    pub test: u64,
    /// Files that were left out because they could not be read.
    pub unreadable: Vec<UnreadableRecord>,
    /// The fold of the training images that takes the place of the validation images; `None` where there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fold: Option<FoldRecord>,
}

/// The fold that a run holds out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoldRecord {
    /// Number of the fold, from 1.
    pub fold: u32,
    /// Number of folds, at least 2.
    pub folds: u32,
    /// Training images that no fold holds out, because nothing of their class could be learned meanwhile.
    pub never_held_out: u64,
}

/// Source weights as step `load` found them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadRecord {
    /// Catalog name or path; `none` for random initialisation.
    pub weights: String,
    /// SHA-256 of the file; empty when there was none.
    pub sha256: String,
    /// Number of tensors that were loaded.
    pub loaded: u64,
    /// Names of tensors that the network has and the file lacks.
    pub missing: Vec<String>,
    /// Names of tensors in the file that the network does not use.
    pub unused: Vec<String>,
    /// Tensors whose shape differs: `name: file shape, network shape`.
    pub wrong_shape: Vec<String>,
}

/// A finished run: the content of `summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// Name of the run.
    pub name: String,
    /// How it ended.
    pub outcome: Outcome,
    /// Network of the zoo, `resnet18`.
    pub arch: String,
    /// Depth as written in the configuration, `last:2`.
    pub depth: String,
    /// Device, `cpu` or `cuda:0`.
    pub device: String,
    /// Number of threads of libtorch, in each process.
    pub threads: u32,
    /// Number of processes that trained together; absent where it is 1.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub processes: u32,
    /// Seed of everything random.
    pub seed: u64,
    /// Images of the run.
    pub data: DataRecord,
    /// The source weights.
    pub load: LoadRecord,
    /// Where the network ends and what its head reads; `None` where it is whole.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<EndingRecord>,
    /// The head as a solver computed it; `None` where it was trained epoch by epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_fit: Option<HeadFitRecord>,
    /// The five steps in order.
    pub steps: Vec<RecipeStepRecord>,
    /// Stages of the network from input to head.
    pub stages: Vec<StageRecord>,
    /// Plan of each training phase, made before it began.
    #[serde(default)]
    pub plan: Vec<PhasePlanRecord>,
    /// Values that the run chose for keys that the configuration leaves open; empty in older records.
    #[serde(default)]
    pub decisions: Vec<DecisionRecord>,
    /// Advice that chose the depth; `None` where the configuration names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<Box<AdviceRecord>>,
    /// The weights that became the model; `None` in older records.
    #[serde(default)]
    pub kept: Option<KeptRecord>,
    /// Search that chose what is trained; `None` where the configuration says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub search: Option<Box<SearchRecord>>,
    /// All epochs in order, both phases.
    pub epochs: Vec<EpochRecord>,
    /// Final measurements: validation, and test where there is one.
    pub evaluations: Vec<EvaluationRecord>,
    /// Temperature that the logits are divided by before the softmax; `None` in older records.
    #[serde(default)]
    pub temperature: Option<TemperatureRecord>,
    /// A few images with predictions, from the test split or else the validation split: the most confident mistakes
    /// first, then correct predictions.
    pub samples: Vec<SampleRecord>,
    /// File name in the run directory -> SHA-256.
    pub digests: BTreeMap<String, String>,
    /// The resolved configuration as TOML.
    pub config: String,
    /// What may have changed last bits when the run was resumed all the same (`--inexact`); empty where nothing did.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inexact: Vec<String>,
    /// Wall-clock seconds from start to saved model.
    #[serde(deserialize_with = "json::number_or_null")]
    pub seconds: f64,
}
fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_one(number: &u32) -> bool {
    *number == 1
}
