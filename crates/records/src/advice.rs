use serde::{Deserialize, Serialize};

use crate::json;

/// How far back to fine-tune, found before training, with its evidence.
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
    /// Training images that were looked at.
    pub images: u64,
    /// Parts of the cross-validation.
    pub folds: u32,
    /// Seed of the images looked at, of the folds and of the resampling.
    pub seed: u64,
    /// What was measured after each stage, the image itself first.
    pub stages: Vec<StageEvidence>,
    /// What the source's own classifier says of the new images; `None` where the weights have none.
    pub source: Option<SourceEvidence>,
    /// Share of the errors of a probe on pixels that the best stage takes away.
    #[serde(deserialize_with = "json::number_or_null")]
    pub value: f64,
    /// How much the probe gains from the first stages to the last: mean accuracy of the last third less that of the first.
    #[serde(deserialize_with = "json::number_or_null")]
    pub drop: f64,
    /// How the new images relate to the source's; `None` where the figures cannot tell.
    pub similarity: Option<Similarity>,
    /// Whether transfer is of little value here.
    pub little_value: bool,
    /// The recommended `finetune.depth`.
    pub depth: String,
    /// The recommended `finetune.rate_scale`.
    #[serde(deserialize_with = "json::number_or_null")]
    pub rate_scale: f64,
    /// The learning rate of the head, as configured.
    #[serde(deserialize_with = "json::number_or_null")]
    pub learning_rate: f64,
    /// The stages that would be trained, from input to head.
    pub live: Vec<String>,
    /// Share of resampled image sets that give the same depth.
    #[serde(deserialize_with = "json::number_or_null")]
    pub confidence: f64,
    /// The advice in words, with the rule.
    pub paragraph: String,
    /// How such advice has fared against real runs; empty in older records.
    #[serde(default)]
    pub standing: String,
    /// Wall-clock seconds of each part.
    pub parts: Vec<PartSeconds>,
    /// Wall-clock seconds in all.
    #[serde(deserialize_with = "json::number_or_null")]
    pub seconds: f64,
}

/// What was measured after one stage.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StageEvidence {
    /// The stage, or `pixels` for the image itself.
    pub name: String,
    /// Length of the feature vector.
    pub features: u64,
    /// Cross-validated accuracy of a linear probe.
    #[serde(deserialize_with = "json::number_or_null")]
    pub accuracy: f64,
    /// Its standard error.
    #[serde(deserialize_with = "json::number_or_null")]
    pub standard_error: f64,
    /// Strength of the probe's L2 penalty.
    #[serde(deserialize_with = "json::number_or_null")]
    pub penalty: f64,
    /// LogME (You et al. 2021): log evidence per image, in nats.
    #[serde(deserialize_with = "json::number_or_null")]
    pub logme: f64,
    /// H-score (Bao et al. 2019), regularised (Ibrahim et al. 2022).
    #[serde(deserialize_with = "json::number_or_null")]
    pub h_score: f64,
    /// Recommended learning rate as a multiple of the head's; `None` where it should stay frozen, and for pixels.
    pub rate_scale: Option<f64>,
}

/// What the source's classifier says of the new images.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceEvidence {
    /// Classes it tells apart.
    pub classes: u64,
    /// Mean probability of its most probable class.
    #[serde(deserialize_with = "json::number_or_null")]
    pub confidence: f64,
    /// Mean entropy of its answer, as a fraction of the largest possible.
    #[serde(deserialize_with = "json::number_or_null")]
    pub entropy: f64,
}

/// How new images relate to those that the weights were trained on, judged by what a probe makes of the features.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Similarity {
    /// The last stages tell the new classes apart far better than pixels do.
    Alike,
    /// They help, and leave much to be learned.
    Related,
    /// They are hardly better than pixels.
    Unlike,
}

/// How long a part of the work took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartSeconds {
    /// The part.
    pub part: String,
    /// Wall-clock seconds.
    #[serde(deserialize_with = "json::number_or_null")]
    pub seconds: f64,
}
