use std::num::NonZeroU32;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Metric, path};

/// `[compare]`: the same run over seeds, amounts of data and methods. [Comparing runs](comparing.md) shows it at work.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct CompareConfig {
    /// Numbers of training images of each class, a row of the comparison for each; all images when empty.
    pub images_per_class: Vec<NonZeroU32>,
    /// How the runs are trained.
    pub methods: Vec<Method>,
    /// Seeds of the drawn images and of the training.
    pub seeds: Vec<u64>,
    /// Group of `data.groups` that the verdict is about; all classes when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub judge_on: Option<String>,
    /// What settings are compared by, on the test images or on the folds: the table keeps its accuracies, differences and
    /// conclusions are of this. Other than accuracy goes with all classes alone.
    pub judge_by: Metric,
    /// Number of runs at the same time, each in a process of its own with `run.threads` threads; as many as the cores allow
    /// when 0. It changes the time, never a result.
    pub jobs: usize,
    /// Whether each run's `model.safetensors` is kept; its digest always is.
    pub keep_models: bool,
    /// Changes of the run, each compared with the first, in place of `methods`: `[[compare.setting]]` with `name` and
    /// `set = ["train.ema=0.999"]`.
    #[serde(rename = "setting", skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<SettingConfig>,
    /// Other data or source weights under the same settings: `[[compare.variant]]` with `name`, `root`, `weights`.
    #[serde(rename = "variant", skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<VariantConfig>,
}

/// How a run of a comparison is trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// The whole network from random weights.
    Scratch,
    /// The new head only, for `finetune.head_epochs`.
    Head,
    /// The new head, then as far back as `finetune.depth` says.
    FineTune,
}

/// `[[compare.setting]]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SettingConfig {
    /// Name in the table.
    pub name: String,
    /// Changes as `--set` takes them, `KEY=VALUE`; none for the run as it is.
    #[serde(default)]
    pub set: Vec<String>,
}

/// `[[compare.variant]]`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VariantConfig {
    /// Name in the table.
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
            methods: vec![Method::Scratch, Method::Head, Method::FineTune],
            seeds: vec![0, 1, 2],
            judge_on: None,
            judge_by: Metric::Accuracy,
            jobs: 0,
            keep_models: true,
            settings: Vec::new(),
            variants: Vec::new(),
        }
    }
}

impl Method {
    /// Name in configurations and tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Scratch => "scratch",
            Self::Head => "head",
            Self::FineTune => "fine-tune",
        }
    }
}
