use serde::{Deserialize, Serialize};

use crate::Interval;

/// Figures of a model on one split beyond its accuracy, each with a 95% bootstrap interval over the images.
///
/// Classes without images in the split are left out, in means over the classes too.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MetricsRecord {
    /// Mean F1 of the classes.
    pub macro_f1: EstimateRecord,
    /// Share of images whose class is among the five most probable; `None` below ten classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_5: Option<EstimateRecord>,
    /// Mean over the classes of the area under the receiver operating characteristic, each class against all others; `None`
    /// where all images are of one class.
    pub macro_auroc: Option<EstimateRecord>,
    /// Mean over the classes of the average precision, each class against all others; `None` where all images are of one
    /// class.
    pub macro_average_precision: Option<EstimateRecord>,
    /// Each class with images.
    pub classes: Vec<ClassMetricsRecord>,
    /// Names of the classes without images.
    pub absent: Vec<String>,
    /// Number of draws of the intervals.
    pub draws: u32,
}

/// A figure with its interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct EstimateRecord {
    /// The figure, in `0..=1`.
    pub value: f64,
    /// 95% interval.
    pub interval: Interval,
}

/// Figures of one class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClassMetricsRecord {
    /// Its name.
    pub class: String,
    /// Number of its images, at least 1.
    pub images: u64,
    /// Harmonic mean of precision and recall.
    pub f1: EstimateRecord,
    /// Area under the receiver operating characteristic of the class against all others; `None` without others.
    pub auroc: Option<EstimateRecord>,
    /// Average precision of the class against all others; `None` without others.
    pub average_precision: Option<EstimateRecord>,
}

/// What remains of the predictions whose probability reaches a threshold.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct CoverageRecord {
    /// Smallest probability of a prediction that counts, in `0..=1`.
    pub at_least: f64,
    /// Share of the images whose prediction reaches it, in `0..=1`.
    pub coverage: f64,
    /// Share of these whose prediction is correct, in `0..=1`; `None` where there are none.
    pub accuracy: Option<f64>,
}
