use std::path::PathBuf;

use records::{AdviceRecord, DecisionRecord, HeadFitRecord, KeptRecord, RecipeStepRecord, SearchRecord};
use serde::{Deserialize, Serialize};
use training::TrainingNumbers;

use crate::Means;

/// Number of the format. Raise it when a field changes its meaning.
pub const VERSION: u32 = 1;

/// What is known of a run as soon as it has a folder: enough to begin it again. Its configuration is a file of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Begun {
    /// [`VERSION`] of the program that wrote it.
    pub version: u32,
    /// Name of the run.
    pub name: String,
    /// The working directory, which the paths of the configuration are relative to.
    pub folder: PathBuf,
}

/// A saved state, its tensors aside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunState {
    /// [`VERSION`] of the program that wrote it.
    pub version: u32,
    /// What the run was begun with.
    pub basis: Basis,
    /// How far it got; `None` before the first training step.
    pub progress: Option<Progress>,
}

/// What a run was begun with, and what was decided before its first step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Basis {
    /// The configuration of the run, with everything decided.
    pub decided: String,
    /// Values that the run chose for keys that the configuration leaves open.
    pub decisions: Vec<DecisionRecord>,
    /// Advice that chose the depth.
    pub advice: Option<AdviceRecord>,
    /// Search that chose what is trained.
    pub search: Option<SearchRecord>,
    /// Class names in label order.
    pub classes: Vec<String>,
    /// Digest of the [`ImageList`](crate::ImageList).
    pub images: String,
    /// SHA-256 of the file of source weights.
    pub weights: Option<String>,
    /// What the run computes with.
    pub means: Means,
    /// What changes bits and was changed when the run was resumed all the same.
    pub inexact: Vec<String>,
}

/// How far a run got: the recipe's part.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// Steps of the recipe that are over.
    pub steps: Vec<RecipeStepRecord>,
    /// Frozen stages with their digests.
    pub frozen: Vec<FrozenStage>,
    /// Type that the network computes in, as it was measured or asked for.
    pub precision: String,
    /// The head as a solver computed it.
    pub head_fit: Option<HeadFitRecord>,
    /// Weights of an earlier phase that are the model so far.
    pub kept: Option<KeptRecord>,
    /// Bytes of features that were kept in the first epoch of the phase at hand, once they are.
    pub feature_bytes: Option<Option<u64>>,
    /// Seconds spent on the phase at hand.
    pub phase_seconds: f64,
    /// Seconds spent on the run.
    pub seconds: f64,
    /// Lines that `metrics.jsonl` has up to here.
    pub lines: u64,
    /// The training.
    pub training: TrainingNumbers,
}

/// A frozen stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FrozenStage {
    /// Its name.
    pub name: String,
    /// SHA-256 of its parameters and buffers.
    pub digest: String,
}
