use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::RunRecord;
use crate::json;

/// Everything known about a grid of runs: the content of its `summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GridRecord {
    /// The grid's name.
    pub name: String,
    /// The group of classes that the comparison is judged on; `None` for all classes.
    pub judged_on: Option<String>,
    /// The table.
    pub rows: Vec<GridRow>,
    /// Every run that came to its end.
    pub cells: Vec<CellRecord>,
    /// The runs whose numbers ran away.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diverged: Vec<DivergedRecord>,
    /// What the figures say, one sentence each.
    pub verdict: Vec<String>,
    /// How training went under each setting, one run of each; empty where there are too many settings to look at.
    #[serde(default)]
    pub traces: Vec<TraceRecord>,
    /// One run shown in full: its five steps, curves, confusions.
    pub example: Box<RunRecord>,
    /// The grid's configuration as TOML.
    pub config: String,
    /// Wall-clock seconds.
    #[serde(deserialize_with = "json::number_or_null")]
    pub seconds: f64,
}

/// One run of a grid, reduced to what the comparison needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CellRecord {
    /// Which data and weights, `held-out faces`; empty when the grid has one variant.
    pub variant: String,
    /// Training images of each class; `None` means all.
    pub images_per_class: Option<u32>,
    /// `scratch`, `head` or `fine-tune`, or the setting's name.
    pub method: String,
    /// Seed of the subset and the training.
    pub seed: u64,
    /// Test accuracy (validation accuracy where there is no test split).
    #[serde(deserialize_with = "json::number_or_null")]
    pub accuracy: f64,
    /// Mean recall of the classes, on the same images; `None` in older records.
    #[serde(default)]
    pub balanced_accuracy: Option<f64>,
    /// Accuracy over named groups of classes.
    #[serde(deserialize_with = "json::numbers_or_nulls")]
    pub groups: BTreeMap<String, f64>,
    /// A character for each image that the accuracy is of, class after class: `1` told rightly, `0` not. The same place is
    /// the same image in every run of a variant. Empty in older records.
    #[serde(default)]
    pub answers: String,
    /// The same for each group of classes.
    #[serde(default)]
    pub group_answers: BTreeMap<String, String>,
    /// How training went; `None` in older records.
    #[serde(default)]
    pub training: Option<TrainingRecord>,
    /// SHA-256 of the trained model.
    pub model_sha256: String,
    /// Wall-clock seconds.
    #[serde(deserialize_with = "json::number_or_null")]
    pub seconds: f64,
}

/// A run of a grid whose numbers ran away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DivergedRecord {
    /// As in [`CellRecord::variant`].
    pub variant: String,
    /// As in [`CellRecord::images_per_class`].
    pub images_per_class: Option<u32>,
    /// As in [`CellRecord::method`].
    pub method: String,
    /// As in [`CellRecord::seed`].
    pub seed: u64,
    /// When it happened and where it began, and what is left.
    pub message: String,
}

/// How the training of a run went, reduced to what a comparison needs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingRecord {
    /// Training accuracy of the last epoch, as seen while training (dropout and augmentation on).
    #[serde(deserialize_with = "json::number_or_null")]
    pub accuracy: f64,
    /// Gradient norm of the earliest live stage over that of the latest, the median over the moments at which both were
    /// looked at; `None` where only one stage is trained.
    pub gradient_ratio: Option<f64>,
}

/// One line of a grid's table: the seeds of one setting taken together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct GridRow {
    /// As in [`CellRecord::variant`].
    pub variant: String,
    /// As in [`CellRecord::images_per_class`].
    pub images_per_class: Option<u32>,
    /// As in [`CellRecord::method`].
    pub method: String,
    /// Mean accuracy over the seeds.
    #[serde(deserialize_with = "json::number_or_null")]
    pub accuracy_mean: f64,
    /// Sample standard deviation over the seeds (`n - 1`), `0.0` for one seed.
    #[serde(deserialize_with = "json::number_or_null")]
    pub accuracy_sd: f64,
    /// 95 % interval of the mean accuracy, from a bootstrap over seeds and images; `None` in older records.
    #[serde(default)]
    pub accuracy_interval: Option<Interval>,
    /// Balanced accuracy over the seeds; `None` in older records.
    #[serde(default)]
    pub balanced_accuracy: Option<MeanSd>,
    /// Mean, standard deviation and interval per group of classes.
    pub groups: BTreeMap<String, MeanSd>,
    /// Training accuracy of the last epoch.
    #[serde(default)]
    pub train_accuracy: Option<MeanSd>,
    /// Gradient norm of the earliest live stage over that of the latest.
    #[serde(default)]
    pub gradient_ratio: Option<RatioRecord>,
    /// Number of seeds, without those whose runs diverged.
    pub seeds: u32,
    /// Number of seeds whose runs diverged.
    #[serde(default)]
    pub diverged: u32,
}

/// A mean with its sample standard deviation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MeanSd {
    /// Mean.
    #[serde(deserialize_with = "json::number_or_null")]
    pub mean: f64,
    /// Sample standard deviation (`n - 1`).
    #[serde(deserialize_with = "json::number_or_null")]
    pub sd: f64,
    /// 95 % interval of the mean; `None` where none was computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
}

/// Where a figure lies with a confidence of 95 %.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// 2.5th percentile.
    pub low: f64,
    /// 97.5th percentile.
    pub high: f64,
}

/// A ratio over the seeds of one setting.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RatioRecord {
    /// Of the seeds; the lower one of the middle two where their number is even.
    pub median: f64,
    /// The smallest.
    pub low: f64,
    /// The largest.
    pub high: f64,
}

/// The training of one run of a grid: of a setting the first seed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TraceRecord {
    /// As in [`CellRecord::variant`].
    pub variant: String,
    /// As in [`CellRecord::images_per_class`].
    pub images_per_class: Option<u32>,
    /// As in [`CellRecord::method`].
    pub method: String,
    /// As in [`CellRecord::seed`].
    pub seed: u64,
    /// The run without its measurements, samples and configuration.
    pub run: Box<RunRecord>,
}
