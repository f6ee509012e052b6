//! A run's configuration: TOML, nested by concern, unknown keys refused.
//!
//! [`Config`] is what the file says, with the defaults filled in; its types refuse numbers out of range, and their doc
//! comments are the text of `docs/configuration.md` and of the JSON Schema. Turning names into things that exist (a network,
//! weights, a device) happens once, in [`crate::Run`].

mod augmentation;
mod check;
mod compare;
mod data;
mod error;
mod fields;
mod finetune;
mod keep;
mod legacy;
mod lora;
mod optimizer;
mod path;
mod read;
mod reference;
mod regularization;
mod run;
mod save;
mod schedule;
mod schema;
mod search;
mod slug;
mod source;
mod tagged;
mod train;

#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use augmentation::AugmentConfig;
pub(crate) use check::check;
pub use compare::{CompareConfig, Method, SettingConfig, VariantConfig};
pub use data::{DataConfig, Folds};
pub use error::{ConfigError, Place};
pub use finetune::{BatchNormPolicy, FinetuneConfig, HeadPolicy, HeadSolver, PositiveShare, ThawConfig};
pub use keep::{KeepPolicy, Metric};
pub use lora::{LoraConfig, Rank};
pub use optimizer::{Adam, Optimizer, RmsProp, Sgd};
pub(crate) use read::lay_over;
pub use read::{overlay, parse, read};
pub use reference::{keys, reference};
pub use regularization::RegularizeConfig;
pub use run::{Backend, Cache, Checkpoints, PeerTimeout, RunConfig, Split, Switch};
pub use save::SaveInterval;
pub use schedule::{LearningRateSchedule, OneCycle, ReduceOnPlateau, StepDecay};
pub use schema::schema;
pub use search::SearchConfig;
pub use slug::slug;
pub use source::Source;
pub use train::{ClassWeights, SamplerKind, TrainConfig};

/// Everything that decides a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The images.
    pub data: DataConfig,
    /// The network and its source weights.
    pub model: ModelConfig,
    /// How far back, and how gently.
    #[serde(default)]
    pub finetune: FinetuneConfig,
    /// Random changes of the training images.
    #[serde(default)]
    pub augment: AugmentConfig,
    /// Techniques against overfitting.
    #[serde(default)]
    pub regularize: RegularizeConfig,
    /// The training loop.
    #[serde(default)]
    pub train: TrainConfig,
    /// Name, seed, machine.
    #[serde(default)]
    pub run: RunConfig,
    /// The race that decides what is trained, where `finetune.depth` is `"search"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub search: Option<SearchConfig>,
    /// A comparison of many runs, in place of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compare: Option<CompareConfig>,
}

/// `[model]`: the network.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// A network of the zoo: `finetune archs`.
    pub arch: String,
    /// A name of the catalog (`"IMAGENET1K_V1"`), a file of Hugging Face's hub (`"hf:OWNER/NAME"`, `"hf:OWNER/NAME@REV"`,
    /// `"hf:OWNER/NAME:FILE"`), a `.pth` or `.safetensors` file, or `"none"`.
    #[serde(deserialize_with = "path::text")]
    pub weights: String,
}
