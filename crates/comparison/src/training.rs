use records::{EpochRecord, RunRecord, TrainingRecord};
use statistics::median;

/// How a run was trained, in two figures: training accuracy of the epoch that the model is of, and how far gradients reached.
/// `None` without epochs.
#[must_use]
pub fn training(run: &RunRecord) -> Option<TrainingRecord> {
    let kept = |epoch: &&EpochRecord| {
        run.kept.as_ref().is_some_and(|kept| kept.phase == epoch.phase && kept.epoch == epoch.epoch)
    };
    let epoch = run.epochs.iter().find(kept).or(run.epochs.last())?;
    Some(TrainingRecord { accuracy: epoch.train_accuracy, gradient_ratio: gradient_ratio(run) })
}

/// Gradient norm of the earliest live stage divided by that of the latest: the median over the moments at which both were
/// recorded.
fn gradient_ratio(run: &RunRecord) -> Option<f64> {
    let moments = || run.epochs.iter().flat_map(|epoch| &epoch.gradients);
    let recorded = |name: &&str| moments().any(|moment| moment.norms.contains_key(*name));
    let stages: Vec<&str> = run.stages.iter().map(|stage| stage.name.as_str()).filter(recorded).collect();
    let [first, .., last] = stages.as_slice() else { return None };
    let ratios = moments().filter_map(|moment| Some(moment.norms.get(*first)? / moment.norms.get(*last)?));
    median(&ratios.filter(|ratio| ratio.is_finite()).collect::<Vec<_>>())
}
