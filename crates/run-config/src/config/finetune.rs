use std::collections::BTreeMap;
use std::num::NonZeroU32;

use backbone::LowRank;
use ranged::{Limits, NotNegative, Positive};
use records::Depth;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::lora::LoraConfig;

ranged::ranged! {
    /// Part of a whole that is not nothing: above 0, at most 1.
    PositiveShare(f64, "number"): Limits { above: 0.0, at_most: 1.0, ..Limits::FINITE }, "be above 0 and at most 1";
}

/// `[finetune]`: how far back, and how gently.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct FinetuneConfig {
    /// How far back the network is trained: `"head"`, `"last:2"` (the head and this many stages before it),
    /// `"from:layer3"`, `"all"`, `"scratch"` (all, from random weights), `"auto"`: as `finetune advise` says, or `"search"`:
    /// as `finetune search` finds, [by racing](search.md).
    #[schemars(schema_with = "depth_schema")]
    pub depth: Depth,
    /// Whether a new head takes the place of the source's, or that one is trained further.
    pub head: HeadPolicy,
    /// The stage after which the network ends, `"features.5"`: later stages are dropped, so that it is smaller and faster, and
    /// a new head reads the mean over the positions of that stage's output. For images unlike the source's, of which late
    /// stages detect other things. When absent, the network is whole.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cut: Option<String>,
    /// Stages whose outputs a new head reads, `["features.4", "features.6"]`: each the mean over positions, all joined, each
    /// value standardised by its mean and deviation over the training images. The network ends with the last of them; with
    /// `cut` it ends there, and that stage is read too.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub taps: Vec<String>,
    /// How the head is fitted before anything else is unfrozen.
    pub head_solver: HeadSolver,
    /// Number of epochs in which the head is trained alone before anything else is unfrozen; not used where the depth is
    /// `"head"`, nor with another `head_solver` than `"sgd"`.
    pub head_epochs: u32,
    /// In networks with attention (ViT, DINOv2, Swin): trains low-rank updates of its projections in the stages that the depth names,
    /// `{ rank = 8 }`, in place of all their weights (LoRA, Hu et al. 2021). In the model they are in the weights. Not done when
    /// absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lora: Option<LoraConfig>,
    /// Learning rate of the last stage before the head as a multiple of the head's; when absent a tenth, 1 with `lora`, or what
    /// `finetune advise` says where the depth is `"auto"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rate_scale: Option<Positive>,
    /// Learning rate of each stage further back as a multiple of the stage after it (Howard and Ruder 2018, who divide by
    /// 2.6); at 1 all share one. In ViT and Swin it is that of each block as a multiple of the block after it ("layer decay").
    pub rate_decay: Positive,
    /// No live stage is trained at less than this multiple of the head's learning rate.
    pub rate_floor: NotNegative,
    /// Multiples of the learning rate for single stages, `{ layer1 = 0.01 }`, in place of the three keys above.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rates: BTreeMap<String, Positive>,
    /// What batch normalisation uses in live stages; frozen stages always keep their statistics.
    pub batch_norm: BatchNormPolicy,
    /// Share of the fine-tuned weights, from above 0 to 1, in the model; the rest is the source's body with the head that
    /// fine-tuning began with (WiSE-FT, Wortsman et al. 2022). Needs batch-norm statistics that stay. Not done when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wise_ft: Option<PositiveShare>,
    /// Unfreezes stages one after another; when absent, all that is live is unfrozen at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub thaw: Option<ThawConfig>,
}

/// What step `head` does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HeadPolicy {
    /// A new head for the classes of the data.
    New,
    /// The source's head is trained further. It must have as many classes as the data; its outputs are taken in the order
    /// of the data's classes, which is that of their folders' names.
    Keep,
}

/// How step `train-head` fits the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum HeadSolver {
    /// By the optimizer of `[train]`, epoch by epoch.
    Sgd,
    /// Ridge regression in closed form, its penalty chosen by parts of the images left out, its scores made probabilities by one
    /// temperature. Takes no epochs; the images must not be augmented.
    Ridge,
    /// Multinomial logistic regression to convergence (L-BFGS), its penalty chosen by cross-validation, which keeps groups
    /// (`data.group`) together. Takes no epochs; the images must not be augmented.
    Logistic,
}

/// What batch normalisation uses in live stages during training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BatchNormPolicy {
    /// `frozen` if all of this holds: the weights come from a source, no stage before the head is trained at more than 0.3 of
    /// the head's learning rate, and there are fewer than 5,000 training images or batches of fewer than 16. Else `train`.
    /// Decided once, before training, and written into the run's configuration; where no stage that is trained has any, it
    /// stays open.
    Auto,
    /// The batch's statistics, which also update the running ones, as in PyTorch.
    Train,
    /// The running statistics of the source weights, which stay as they are; scale and shift are still trained:
    /// [when](regularization.md).
    Frozen,
}

/// `[finetune.thaw]`: gradual unfreezing (Howard and Ruder 2018). The head is live from the first epoch on. Either `every`
/// or `at` is given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ThawConfig {
    /// Number of epochs from one stage to the next; the last stage before the head is live from the first epoch on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub every: Option<NonZeroU32>,
    /// Epochs of the fine-tune step, from 1, at whose beginning stages are unfrozen: `{ layer4 = 1, layer3 = 4 }`. A stage
    /// that is not named is unfrozen together with the one after it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub at: BTreeMap<String, u32>,
}

impl FinetuneConfig {
    /// Returns `finetune.rate_scale`, or a tenth; low-rank updates have nothing of the source and are trained as the head is.
    #[must_use]
    pub fn rate_scale(&self) -> Positive {
        self.rate_scale.unwrap_or(Positive::of(if self.lora.is_some() { 1.0 } else { 0.1 }))
    }

    /// Returns the low-rank updates that are trained in place of weights.
    #[must_use]
    pub fn low_rank(&self) -> Option<LowRank> {
        self.lora.map(LoraConfig::low_rank)
    }
}

impl Default for FinetuneConfig {
    fn default() -> Self {
        Self {
            depth: Depth::Head,
            head: HeadPolicy::New,
            cut: None,
            taps: Vec::new(),
            head_solver: HeadSolver::Sgd,
            head_epochs: 3,
            lora: None,
            rate_scale: None,
            rate_decay: Positive::of(1.0),
            rate_floor: NotNegative::ZERO,
            rates: BTreeMap::new(),
            batch_norm: BatchNormPolicy::Auto,
            wise_ft: None,
            thaw: None,
        }
    }
}

/// The words of [`Depth`], and its two forms with a part of their own.
fn depth_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "string",
        "anyOf": [
            { "enum": ["head", "all", "scratch", "auto", "search"] },
            { "pattern": "^last:0*[1-9][0-9]*$" },
            { "pattern": "^from:.+$" }
        ]
    })
}
