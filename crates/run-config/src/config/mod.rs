//! A run's configuration: TOML, nested by concern, unknown keys refused.
//!
//! [`Config`] is what the file says, with the defaults filled in. Turning names into things that exist (a network, a
//! stage, a device) happens once, in [`crate::Run`].

mod check;
mod check_overfitting;
mod data;
mod error;
mod finetune;
mod methods;
mod overfitting;
mod path;
mod read;
mod slug;
mod train;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::Precision;

pub(crate) use check::check;
pub use data::DataConfig;
pub use error::{ConfigError, Place};
pub use finetune::{BatchNormPolicy, FinetuneConfig, HeadPolicy, ThawConfig};
pub use methods::{
    AdamConfig, OneCycleConfig, OptimizerKind, PlateauConfig, RmsPropConfig, ScheduleKind, SgdConfig,
    StepConfig,
};
pub use overfitting::{AugmentConfig, PolicyKind, RegularizeConfig, ResizedCropConfig};
pub use read::{Source, overlay, read};
pub use slug::slug;
pub use train::{ClassWeights, SamplerKind, TrainConfig};

/// Everything that decides a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The pictures.
    pub data: DataConfig,
    /// The network and its source weights.
    pub model: ModelConfig,
    /// How far back, and how gently.
    #[serde(default)]
    pub finetune: FinetuneConfig,
    /// Variations of the training images.
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
    /// A grid of runs instead of one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compare: Option<CompareConfig>,
}

/// `[model]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelConfig {
    /// A network of the zoo, `"resnet18"`.
    pub arch: String,
    /// A catalog name (`"IMAGENET1K_V1"`), a `.pth` or `.safetensors` file, or `"none"`.
    #[serde(deserialize_with = "path::text")]
    pub weights: String,
}

/// `[run]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RunConfig {
    /// Name of the run and of its folder under `runs/`; the config file's name when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Seed of everything random.
    pub seed: u64,
    /// `"auto"`, `"cpu"` or `"cuda:0"`.
    pub device: String,
    /// What networks compute in: `"float32"`, the reference; `"bf16"`; on a GPU `"fp16"`; or `"auto"`, the faster of the
    /// first two on this machine, measured once. Weights are float32 in any case.
    pub precision: Precision,
    /// Whether the same seed gives the same bits on a GPU too, as far as libtorch has algorithms that do: it warns where it
    /// has none. `false` takes the fastest algorithms, found by trying. On a CPU runs repeat in any case.
    pub deterministic: bool,
    /// Whether numbers below 1.2e-38 count as zero on the CPU. They slow most CPUs down many times, and a network that has
    /// all but died out, or one whose gradients vanish, is full of them; PyTorch keeps them.
    pub flush_denormals: bool,
    /// The budget of threads; one per core when 0. libtorch computes with all of them.
    pub threads: u32,
    /// Threads that prepare pictures while libtorch computes. When 0, half as many as the budget, rounded down, so that both
    /// together are at most half as many again; none beside a budget of 1. With a GPU all of the budget but one.
    pub workers: usize,
    /// Mebibytes of memory for the outputs of frozen stages; beyond that they are mapped from disk, or, where they are not
    /// kept there either, computed again in each epoch.
    pub features_mib: u64,
    /// Where the outputs of frozen stages are kept: `"on"`, in memory and in the user's cache folder, where later runs with
    /// the same frozen stages and pictures find them; `"memory"`, there alone; `"off"`, nowhere, so that every epoch
    /// computes them anew. The result is the same.
    pub cache: Cache,
    /// Mebibytes that may be kept in the user's cache folder; what was used longest ago goes first.
    pub cache_mib: u64,
    /// What is kept while training, beside the final model.
    pub checkpoints: Checkpoints,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// Yes.
    On,
    /// No.
    Off,
}

/// `run.cache`: where the outputs of frozen stages are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Cache {
    /// In memory, and on disk for later runs.
    On,
    /// In memory alone.
    Memory,
    /// Nowhere: the reference path.
    Off,
}

/// Which checkpoints a run writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Checkpoints {
    /// None.
    None,
    /// After each training step of the recipe.
    Steps,
    /// Also after each epoch of the fine-tune step, the newest in place of the one before.
    Epochs,
}

/// `[compare]`: the same run over seeds, amounts of data and methods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CompareConfig {
    /// Training images of each class, one grid line each; all images when empty.
    #[serde(default)]
    pub images_per_class: Vec<u32>,
    /// The methods.
    #[serde(default = "defaults::methods")]
    pub methods: Vec<Method>,
    /// The seeds, of the drawn images and of the training.
    #[serde(default = "defaults::seeds")]
    pub seeds: Vec<u64>,
    /// The group of `[data.groups]` that the verdict is about; all classes when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judge_on: Option<String>,
    /// Runs carried out at the same time, each in a process of its own with `run.threads` threads; as many as the cores
    /// have room for when 0. It changes the time, never a result.
    #[serde(default)]
    pub jobs: usize,
    /// Whether each run's `model.safetensors` is kept; its digest always is.
    #[serde(default = "defaults::keep_models")]
    pub keep_models: bool,
    /// Changes laid over the run, each compared with the first; they take the place of `methods`.
    #[serde(default, rename = "setting", skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<SettingConfig>,
    /// Other data or source weights under the same settings; one unnamed variant when empty.
    #[serde(default, rename = "variant", skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<VariantConfig>,
}

/// How a cell of the grid is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The whole network from random weights.
    Scratch,
    /// Only the new head, for `finetune.head_epochs`.
    Head,
    /// The new head, then as deep as `finetune.depth` says.
    FineTune,
}

/// `[[compare.setting]]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettingConfig {
    /// Its name in the table.
    pub name: String,
    /// `KEY=VALUE`, as `--set` takes them; none for the run as it is.
    #[serde(default)]
    pub set: Vec<String>,
}

/// `[[compare.variant]]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VariantConfig {
    /// Its name in the table.
    pub name: String,
    /// In place of `data.root`.
    #[serde(default, deserialize_with = "path::optional", skip_serializing_if = "Option::is_none")]
    pub root: Option<PathBuf>,
    /// In place of `model.weights`.
    #[serde(default, deserialize_with = "path::optional_text", skip_serializing_if = "Option::is_none")]
    pub weights: Option<String>,
}

impl Default for CompareConfig {
    fn default() -> Self {
        Self {
            images_per_class: Vec::new(),
            methods: defaults::methods(),
            seeds: defaults::seeds(),
            judge_on: None,
            jobs: 0,
            keep_models: defaults::keep_models(),
            settings: Vec::new(),
            variants: Vec::new(),
        }
    }
}

impl Default for RunConfig {
    fn default() -> Self {
        Self {
            name: None,
            seed: 0,
            device: "auto".to_owned(),
            precision: Precision::Float32,
            deterministic: true,
            flush_denormals: false,
            threads: 0,
            workers: 0,
            features_mib: 2048,
            cache: Cache::On,
            cache_mib: 20_480,
            checkpoints: Checkpoints::Epochs,
        }
    }
}

impl Method {
    /// The name used in configurations and tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scratch => "scratch",
            Self::Head => "head",
            Self::FineTune => "fine-tune",
        }
    }
}

mod defaults {
    use super::Method;

    pub(super) fn methods() -> Vec<Method> {
        vec![Method::Scratch, Method::Head, Method::FineTune]
    }
    pub(super) fn keep_models() -> bool {
        true
    }
    pub(super) fn seeds() -> Vec<u64> {
        vec![0, 1, 2]
    }
}
