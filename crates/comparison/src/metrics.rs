use std::collections::BTreeMap;

use predictions::Image;
use records::{CellRecord, EvaluationRecord, MeanSd};
use statistics::classification::{Figures, Scored, figures_without_intervals};
use statistics::{mean, standard_deviation};

/// Returns the figures of a run beyond its accuracy, by the names that comparisons have for them; those that the run has not
/// are left out.
#[must_use]
pub fn metrics(evaluation: &EvaluationRecord) -> BTreeMap<String, f64> {
    let Some(found) = &evaluation.metrics else { return BTreeMap::new() };
    named([
        Some(found.macro_f1.value),
        found.macro_auroc.map(|it| it.value),
        found.macro_average_precision.map(|it| it.value),
        found.top_5.map(|it| it.value),
    ])
}

/// The same of predictions for images of a number of classes.
pub(crate) fn of_images(images: &[Image], classes: usize) -> BTreeMap<String, f64> {
    // Logits are determined up to a constant: logarithms of probabilities are as good.
    let logits: Vec<f32> = images.iter().flat_map(|it| &it.probabilities).map(|p| p.ln() as f32).collect();
    let labels: Vec<usize> = images.iter().map(|image| image.label).collect();
    let scored = Scored { logits: &logits, classes, labels: &labels, temperature: 1.0 };
    let Some(Figures { macro_f1, top_5, macro_auroc, macro_average_precision, .. }) =
        figures_without_intervals(&scored)
    else {
        return BTreeMap::new();
    };
    named([
        Some(macro_f1.value),
        macro_auroc.map(|it| it.value),
        macro_average_precision.map(|it| it.value),
        top_5.map(|it| it.value),
    ])
}

/// Mean and standard deviation over the seeds of each figure that all of them have.
pub(crate) fn over_seeds(cells: &[&CellRecord]) -> BTreeMap<String, MeanSd> {
    let names = cells.first().into_iter().flat_map(|cell| cell.metrics.keys());
    let of = |name: &String| {
        let values: Option<Vec<f64>> = cells.iter().map(|cell| cell.metrics.get(name).copied()).collect();
        let values = values?;
        let spread = MeanSd { mean: mean(&values), sd: standard_deviation(&values), interval: None };
        Some((name.clone(), spread))
    };
    names.filter_map(of).collect()
}

/// Names of the figures, in the order of [`named`].
const NAMES: [&str; 4] = ["macro_f1", "macro_auroc", "macro_average_precision", "top_5"];

fn named(values: [Option<f64>; 4]) -> BTreeMap<String, f64> {
    NAMES.into_iter().zip(values).filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}
