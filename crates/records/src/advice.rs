use serde::{Deserialize, Serialize};

use crate::json;

/// Advice on the depth, given before training, with its evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AdviceRecord {
    /// Name of the run whose configuration it belongs to.
    pub name: String,
    /// The network.
    pub arch: String,
    /// The source weights as the configuration names them.
    pub weights: String,
    /// The data folder.
    pub data: String,
    /// Classes of the new task.
    pub classes: u64,
    /// Training images of each class, on average.
    #[serde(deserialize_with = "json::number_or_null")]
    pub images_per_class: f64,
    /// Number of training images examined.
    pub images: u64,
    /// Number of folds that were left out in turn; images or groups of images in older records.
    pub folds: u32,
    /// Seed of the choice of images and of the resampling.
    pub seed: u64,
    /// Measurements after each stage; the first entry is the image itself.
    pub stages: Vec<StageEvidence>,
    /// Linear classifiers on frozen stages, each alone and several joined; none in older records.
    #[serde(default)]
    pub arms: Vec<FrozenArm>,
    /// Cost of training to each depth; none in older records.
    #[serde(default)]
    pub costs: Vec<DepthCost>,
    /// Predictions of the source's own classifier for the new images; `None` where the weights have none.
    pub source: Option<SourceEvidence>,
    /// Share of the errors of a probe on pixels that the best stage removes, at most 1.
    #[serde(deserialize_with = "json::number_or_null")]
    pub value: f64,
    /// Gain of the probe from the first stages to the last: mean accuracy of the last third of the stages minus that of the
    /// first third, in `-1..=1`.
    #[serde(deserialize_with = "json::number_or_null")]
    pub drop: f64,
    /// Similarity of the new images to the source's; `None` where the figures are not clear.
    pub similarity: Option<Similarity>,
    /// Whether transfer is of little value here.
    pub little_value: bool,
    /// Recommended `finetune.depth`.
    pub depth: String,
    /// Recommended `finetune.cut`: the stage after which the network ends; `None` where it is whole.
    #[serde(default)]
    pub cut: Option<String>,
    /// Recommended `finetune.taps`: the stages that the head reads; none where it reads one.
    #[serde(default)]
    pub taps: Vec<String>,
    /// Recommended `finetune.head_solver`; `None` where the network is whole.
    #[serde(default)]
    pub head_solver: Option<String>,
    /// Recommended `finetune.rate_scale`, a multiple of the head's learning rate.
    #[serde(deserialize_with = "json::number_or_null")]
    pub rate_scale: f64,
    /// The learning rate of the head, as configured.
    #[serde(deserialize_with = "json::number_or_null")]
    pub learning_rate: f64,
    /// The stages that would be trained, from input to head.
    pub live: Vec<String>,
    /// Share of resampled image sets that give the same depth, in `0..=1`.
    #[serde(deserialize_with = "json::number_or_null")]
    pub confidence: f64,
    /// The advice in words, with the rule.
    pub paragraph: String,
    /// Regret of such advice against real runs, in words; empty in older records.
    #[serde(default)]
    pub standing: String,
    /// Wall-clock seconds of each part.
    pub parts: Vec<PartSeconds>,
    /// Wall-clock seconds in all.
    #[serde(deserialize_with = "json::number_or_null")]
    pub seconds: f64,
}

/// Measurements on the features after one stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageEvidence {
    /// The stage, or `pixels` for the image itself.
    pub name: String,
    /// Length of the feature vector.
    pub features: u64,
    /// Accuracy of a linear probe on images that were left out, in `0..=1`.
    #[serde(deserialize_with = "json::number_or_null")]
    pub accuracy: f64,
    /// Its standard error.
    #[serde(deserialize_with = "json::number_or_null")]
    pub standard_error: f64,
    /// Cross-entropy of the probe on these images, in nats.
    #[serde(default = "json::unknown", deserialize_with = "json::number_or_null")]
    pub loss: f64,
    /// Strength of the probe's L2 penalty.
    #[serde(deserialize_with = "json::number_or_null")]
    pub penalty: f64,
    /// LogME (You et al. 2021): log evidence per image, in nats; `None` where it was not asked for.
    pub logme: Option<f64>,
    /// H-score (Bao et al. 2019), regularised (Ibrahim et al. 2022); `None` where it was not asked for.
    pub h_score: Option<f64>,
    /// Recommended learning rate as a multiple of the head's; `None` where it should stay frozen, and for pixels.
    pub rate_scale: Option<f64>,
}

/// A linear classifier on one or several frozen stages, measured on images that were left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FrozenArm {
    /// The stages whose pooled features are joined, from input to head.
    pub stages: Vec<String>,
    /// Length of the joined feature vector.
    pub features: u64,
    /// Mean cross-entropy, in nats.
    #[serde(deserialize_with = "json::number_or_null")]
    pub loss: f64,
    /// Share of images classified correctly, in `0..=1`.
    #[serde(deserialize_with = "json::number_or_null")]
    pub accuracy: f64,
    /// Its standard error.
    #[serde(deserialize_with = "json::number_or_null")]
    pub standard_error: f64,
    /// Loss of the default arm less this one's, in nats, image by image.
    #[serde(deserialize_with = "json::number_or_null")]
    pub gain: f64,
    /// Standard error of that difference.
    #[serde(deserialize_with = "json::number_or_null")]
    pub gain_error: f64,
    /// Whether it is taken unless another is better by more than one standard error.
    pub default: bool,
    /// Whether it is the one to take.
    pub best: bool,
}

/// Cost of training to a depth.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DepthCost {
    /// `frozen` for linear classifiers alone, otherwise a depth.
    pub depth: String,
    /// Time of it as a multiple of one run that trains everything, by multiply-adds.
    #[serde(deserialize_with = "json::number_or_null")]
    pub final_runs: f64,
}

/// Predictions of the source's classifier for the new images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceEvidence {
    /// Number of its classes.
    pub classes: u64,
    /// Mean probability of its most probable class, in `0..=1`.
    #[serde(deserialize_with = "json::number_or_null")]
    pub confidence: f64,
    /// Mean entropy of its probabilities, as a fraction of the largest possible, in `0..=1`.
    #[serde(deserialize_with = "json::number_or_null")]
    pub entropy: f64,
}

/// Similarity of new images to those that the weights were trained on, by the accuracy of a probe on the features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Similarity {
    /// A probe after the last stages is far better than one on pixels.
    Alike,
    /// It is better, with many errors left.
    Related,
    /// It is hardly better.
    Unlike,
}

/// Time of a part of the work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartSeconds {
    /// The part.
    pub part: String,
    /// Wall-clock seconds.
    #[serde(deserialize_with = "json::number_or_null")]
    pub seconds: f64,
}
