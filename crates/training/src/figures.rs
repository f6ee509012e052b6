//! Figures of a model beyond accuracy and loss, as records hold them.

use records::{ClassMetricsRecord, CoverageRecord, EstimateRecord, Interval, MetricsRecord};
use statistics::classification::{ClassFigures, Estimate, Figures, Scored, figures};

use crate::calibration::Scores;

/// Returns F1, top-5 accuracy, AUROC and average precision of a split, from the probabilities at a temperature; `classes`
/// are the names. `None` without images.
#[must_use]
pub fn metrics(scores: &Scores<'_>, temperature: f64, classes: &[String]) -> Option<MetricsRecord> {
    let labels: Vec<usize> =
        scores.labels.iter().map(|&label| usize::try_from(label).unwrap_or(usize::MAX)).collect();
    let scored = Scored { logits: scores.logits, classes: scores.classes, labels: &labels, temperature };
    let Figures { macro_f1, top_5, macro_auroc, macro_average_precision, classes: each, draws } =
        figures(&scored)?;
    let name = |class: usize| classes.get(class).cloned().unwrap_or_default();
    let absent = (0..classes.len()).filter(|class| each.iter().all(|of| of.class != *class)).map(name);
    Some(MetricsRecord {
        macro_f1: recorded(macro_f1),
        top_5: top_5.map(recorded),
        macro_auroc: macro_auroc.map(recorded),
        macro_average_precision: macro_average_precision.map(recorded),
        absent: absent.collect(),
        classes: each.into_iter().map(|of| of_class(of, name(of.class))).collect(),
        draws: u32::try_from(draws).unwrap_or(u32::MAX),
    })
}

/// Returns coverage against accuracy at rising thresholds: the probability of each image's predicted class, and whether that
/// is correct.
#[must_use]
pub fn coverage(probability: &[f64], correct: &[bool]) -> Vec<CoverageRecord> {
    let curve = statistics::coverage(probability, correct).into_iter();
    curve
        .map(|point| CoverageRecord {
            at_least: point.at_least,
            coverage: point.coverage,
            accuracy: point.accuracy,
        })
        .collect()
}

fn of_class(
    ClassFigures { images, f1, auroc, average_precision, .. }: ClassFigures,
    class: String,
) -> ClassMetricsRecord {
    ClassMetricsRecord {
        class,
        images,
        f1: recorded(f1),
        auroc: auroc.map(recorded),
        average_precision: average_precision.map(recorded),
    }
}

fn recorded(Estimate { value, interval }: Estimate) -> EstimateRecord {
    EstimateRecord { value, interval: Interval { low: interval.low, high: interval.high } }
}
