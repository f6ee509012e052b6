use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// `[finetune]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FinetuneConfig {
    /// `"head"`, `"last:2"`, `"from:layer3"`, `"all"` or `"scratch"`; with `"auto"` it is what [`crate::advise`] says
    /// of the run's own pictures, and so is [`Self::rate_scale`] unless it is given.
    pub depth: String,
    /// Whether step `head` puts a new head in place of the source's or keeps that.
    pub head: HeadPolicy,
    /// Epochs for which the head is trained alone before the fine-tune step.
    pub head_epochs: u32,
    /// Learning rate of the last stage before the head as a multiple of the head's; without it a tenth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_scale: Option<f64>,
    /// Learning rate of each further stage back as a multiple of that of the stage after it: discriminative rates (Howard
    /// and Ruder 2018, who divide by 2.6). At 1 all live stages before the head share one rate.
    pub rate_decay: f64,
    /// No live stage is trained at less than this multiple of the head's rate.
    pub rate_floor: f64,
    /// What batch-norm normalises with in live stages. Frozen stages always keep their statistics.
    pub batch_norm: BatchNormPolicy,
    /// Learning rates of single stages as multiples of the run's; these stages leave the three keys above aside.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rates: BTreeMap<String, f64>,
    /// Stages that thaw one after another; all at once when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thaw: Option<ThawConfig>,
}

/// What step `head` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HeadPolicy {
    /// A fresh head for the classes of the data.
    New,
    /// The source's head is trained on. It must tell as many classes apart as the data have, and its outputs are taken
    /// in the order of the data's classes, which is that of their folders' names.
    Keep,
}

/// What batch-norm normalises with in the live stages while training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BatchNormPolicy {
    /// With the batch's statistics, which also move the running ones. The default: new pictures have other statistics
    /// than those of the source weights, and weights that are being trained soon fit neither; so it is too in PyTorch.
    Train,
    /// With the running statistics of the source weights, which stay as they are; scale and shift are still trained.
    /// For batches too small to have statistics, below about eight pictures, or very few pictures in all.
    Frozen,
}

/// `[finetune.thaw]`: gradual unfreezing (Howard and Ruder 2018). The head is live from the first epoch on. Either `every`
/// or `at` is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ThawConfig {
    /// Epochs from one stage to the next; the last stage before the head is live from the first epoch on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<u32>,
    /// Stage -> the epoch of the fine-tune step, from 1, at whose beginning it thaws. A stage that is not named thaws
    /// together with the one after it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub at: BTreeMap<String, u32>,
}

impl FinetuneConfig {
    /// [`Self::rate_scale`] or the usual tenth.
    #[must_use]
    pub fn rate_scale(&self) -> f64 {
        self.rate_scale.unwrap_or(0.1)
    }
}

impl Default for FinetuneConfig {
    fn default() -> Self {
        Self {
            depth: "head".to_owned(),
            head: HeadPolicy::New,
            head_epochs: 3,
            rate_scale: None,
            rate_decay: 1.0,
            rate_floor: 0.0,
            batch_norm: BatchNormPolicy::Train,
            rates: BTreeMap::new(),
            thaw: None,
        }
    }
}
