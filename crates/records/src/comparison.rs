use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::json;
use crate::{Interval, RunRecord};

/// Everything known about a comparison of runs: the content of its `summary.json`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ComparisonRecord {
    /// Name of the comparison.
    pub name: String,
    /// Group of classes that the comparison is judged on; `None` for all classes.
    pub judged_on: Option<String>,
    /// Number of folds that each setting was run on; `None` where runs were measured on other images.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folds: Option<u32>,
    /// One row for each setting, amount of data and variant.
    pub rows: Vec<ComparisonRow>,
    /// Runs that finished.
    pub cells: Vec<CellRecord>,
    /// Runs that diverged.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub diverged: Vec<DivergedRecord>,
    /// Differences between settings; empty in older records.
    #[serde(default)]
    pub effects: Vec<EffectRecord>,
    /// Conclusions from the figures, one sentence each.
    pub verdict: Vec<String>,
    /// Training of one run of each setting; empty where there are too many settings.
    #[serde(default)]
    pub traces: Vec<TraceRecord>,
    /// One run shown in full: its five steps, curves, confusions.
    pub example: Box<RunRecord>,
    /// Configuration of the comparison as TOML.
    pub config: String,
    /// Wall-clock seconds.
    #[serde(deserialize_with = "json::number_or_null")]
    pub seconds: f64,
}

/// One run of a comparison, reduced to what the comparison needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct CellRecord {
    /// Name of the data and weights, `held-out faces`; empty where the comparison has one variant.
    pub variant: String,
    /// Training images of each class; `None` means all.
    pub images_per_class: Option<u32>,
    /// `scratch`, `head` or `fine-tune`, or the setting's name.
    pub method: String,
    /// Seed of the subset and the training.
    pub seed: u64,
    /// The fold that it holds out, from 1; `None` where there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fold: Option<u32>,
    /// Test accuracy (validation accuracy where there is no test split).
    #[serde(deserialize_with = "json::number_or_null")]
    pub accuracy: f64,
    /// Whether the epoch of the model was chosen on the same images, so that its accuracy is a little too good.
    #[serde(default)]
    pub chosen_on_these_images: bool,
    /// Mean recall of the classes, on the same images; `None` in older records.
    #[serde(default)]
    pub balanced_accuracy: Option<f64>,
    /// Further figures on the same images: `macro_f1`, `macro_auroc`, `macro_average_precision`, `top_5`. Empty in older
    /// records.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, f64>,
    /// Accuracy over named groups of classes.
    #[serde(deserialize_with = "json::numbers_or_nulls")]
    pub groups: BTreeMap<String, f64>,
    /// One character for each image of the accuracy, class by class: `1` for a correct prediction, else `0`. The same
    /// position is the same image in every run of a variant. Empty in older records.
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

/// A run of a comparison that diverged.
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
    /// As in [`CellRecord::fold`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fold: Option<u32>,
    /// When and where it diverged, and what is left of it.
    pub message: String,
}

/// Training of a run, reduced to what a comparison needs.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct TrainingRecord {
    /// Training accuracy of the epoch that the model is of, as seen while training (dropout and augmentation on).
    #[serde(deserialize_with = "json::number_or_null")]
    pub accuracy: f64,
    /// Gradient norm of the earliest live stage divided by that of the latest, the median over the recorded moments of
    /// training; `None` where only one stage is trained.
    pub gradient_ratio: Option<f64>,
}

/// One row of a comparison's table: the seeds of one setting taken together.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ComparisonRow {
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
    /// 95% confidence interval of the mean accuracy, from a bootstrap over seeds and images; `None` in older records.
    #[serde(default)]
    pub accuracy_interval: Option<Interval>,
    /// Balanced accuracy over the seeds; `None` in older records.
    #[serde(default)]
    pub balanced_accuracy: Option<MeanSd>,
    /// Each of [`CellRecord::metrics`] over the seeds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, MeanSd>,
    /// Mean, standard deviation and interval per group of classes.
    pub groups: BTreeMap<String, MeanSd>,
    /// Training accuracy of the epoch that the model is of.
    #[serde(default)]
    pub train_accuracy: Option<MeanSd>,
    /// Gradient norm of the earliest live stage divided by that of the latest.
    #[serde(default)]
    pub gradient_ratio: Option<RatioRecord>,
    /// Number of seeds, without those whose runs diverged.
    pub seeds: u32,
    /// Number of seeds whose runs diverged.
    #[serde(default)]
    pub diverged: u32,
}

/// Difference of accuracy between a setting and a baseline, or of another figure, over pairs of runs with the same seed and on the same images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EffectRecord {
    /// As in [`CellRecord::variant`].
    pub variant: String,
    /// As in [`CellRecord::images_per_class`].
    pub images_per_class: Option<u32>,
    /// As in [`CellRecord::method`].
    pub method: String,
    /// The method or setting that it is compared with.
    pub baseline: String,
    /// What is compared: `balanced accuracy`, `macro F1` or `loss` (in nats, less is better); empty for accuracy.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub metric: String,
    /// Mean accuracy of the setting less that of the baseline, in `-1..=1`; the same of another figure.
    #[serde(deserialize_with = "json::number_or_null")]
    pub difference: f64,
    /// 95% confidence interval of it, from a paired bootstrap over seeds and images; `None` where the answers to the images
    /// are not recorded.
    pub interval: Option<Interval>,
    /// Number of pairs.
    pub seeds: u32,
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
    /// 95% confidence interval of the mean; `None` where none was computed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Interval>,
}

/// A ratio over the seeds of one setting.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct RatioRecord {
    /// Median over the seeds; the midpoint of the middle two where their number is even.
    pub median: f64,
    /// Smallest over the seeds.
    pub low: f64,
    /// Largest over the seeds.
    pub high: f64,
}

/// Training of one run of a comparison: the first seed of a setting.
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
    /// Record of the run without its measurements, samples and configuration.
    pub run: Box<RunRecord>,
}
