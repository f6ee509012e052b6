//! Wording shared by page and terminal.

use std::collections::BTreeSet;

use records::{
    ComparisonRow, Depth, EvaluationRecord, Interval, KeptRecord, MeanSd, Outcome, RatioRecord, RunRecord,
};

use crate::numbers;

/// The evaluation that a run is summarised by: on the test split where there is one, else on the validation split.
pub(crate) fn headline(run: &RunRecord) -> Option<&EvaluationRecord> {
    let on = |split: &str| run.evaluations.iter().find(|e| e.split == split);
    on("test").or_else(|| on("validation")).or(run.evaluations.last())
}

/// The mark of figures that the choice of the epoch has made a little too good: `, chosen on these images`.
pub(crate) fn chosen(evaluation: &EvaluationRecord) -> &'static str {
    if evaluation.chosen_on_these_images { ", chosen on these images" } else { "" }
}

/// Which weights the model has, and why: `epoch 4 of fine-tune, the lowest validation loss of the run (0.0873)`.
pub(crate) fn kept(kept: &KeptRecord) -> String {
    let value = kept.value.map(|value| format!(" ({})", numbers::significant(value)));
    format!("{}, {}{}", kept.place(), kept.because, value.unwrap_or_default())
}

/// A figure that is no share, `0.873`.
pub(crate) fn decimal(value: f64) -> String {
    if value.is_finite() { format!("{value:.3}") } else { "–".into() }
}

/// `0.861 to 0.885`
pub(crate) fn decimal_interval(interval: Interval) -> String {
    format!("{} to {}", decimal(interval.low), decimal(interval.high))
}

/// The name of class `index`, or its number where the record has no name for it.
pub(crate) fn class_name(classes: &[String], index: usize) -> String {
    classes.get(index).cloned().unwrap_or_else(|| format!("class {index}"))
}

/// How far back a run was fine-tuned, `fine-tuned over its last 2 stages`; a depth that this version does not know is
/// shown as it is.
pub(crate) fn depth_in_words(depth: &str) -> String {
    depth.parse::<Depth>().map_or_else(|_| format!("depth {depth}"), |depth| depth.in_words())
}

/// A method of a comparison, or the name of a setting.
pub(crate) fn method_in_words(method: &str) -> &str {
    match method {
        "scratch" => "from scratch",
        "head" => "new head only",
        "fine-tune" => "head, then fine-tune",
        other => other,
    }
}

/// Whether the run was stopped before its end.
pub(crate) fn interrupted(run: &RunRecord) -> bool {
    run.outcome == Outcome::Interrupted
}

/// An event that charts of the training mark: a phase begins, stages unfreeze.
pub(crate) struct Moment {
    /// Number of epochs before it, over both phases.
    pub(crate) epochs: usize,
    pub(crate) label: String,
}

/// Changes between epochs: the first epoch of a phase, and epochs in which stages unfreeze.
pub(crate) fn moments(run: &RunRecord) -> Vec<Moment> {
    let mut live = BTreeSet::new();
    let mut found = Vec::new();
    for (epochs, epoch) in run.epochs.iter().enumerate() {
        let stages = run.plan.iter().filter(|plan| plan.phase == epoch.phase).flat_map(|plan| &plan.stages);
        let now = stages
            .filter(|stage| stage.parameters > 0 && stage.thaws.is_some_and(|thaw| thaw <= epoch.epoch));
        let thawed: Vec<&str> =
            now.map(|stage| stage.name.as_str()).filter(|name| live.insert(*name)).collect();
        let begins = epochs > 0 && run.epochs[epochs - 1].phase != epoch.phase;
        let thaw = thaw(&thawed);
        let label = match (epochs, begins, thawed.is_empty()) {
            (0, ..) | (_, false, true) => continue,
            (_, true, true) => format!("{} begins", epoch.phase),
            (_, true, false) => format!("{}: {} {thaw}", epoch.phase, span(&thawed)),
            (_, false, false) => format!("{} {thaw}", span(&thawed)),
        };
        found.push(Moment { epochs, label });
    }
    found
}

/// Number of optimizer steps planned for the first `epochs` epochs of a run.
pub(crate) fn steps_before(run: &RunRecord, epochs: usize) -> u64 {
    let of_phase =
        |phase: &str| run.plan.iter().find(|plan| plan.phase == phase).map_or(0, |p| p.steps_per_epoch);
    run.epochs.iter().take(epochs).fold(0, |sum, epoch| sum.saturating_add(of_phase(&epoch.phase)))
}

/// The verb for these stages: `layer3 thaws`, `layer3 to head thaw`.
pub(crate) fn thaw(names: &[&str]) -> &'static str {
    if names.len() == 1 { "thaws" } else { "thaw" }
}

/// Adjacent stages: `layer3`, or `layer3 to head`.
pub(crate) fn span(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first, .., last] => format!("{first} to {last}"),
    }
}

/// Training accuracy minus the accuracy on the images of the comparison, in percentage points: `+3.2`.
pub(crate) fn gap_in_points(row: &ComparisonRow) -> String {
    let gap = |train: MeanSd| numbers::points(train.mean - row.accuracy_mean);
    row.train_accuracy.map_or("–".into(), gap)
}

/// Median of a ratio, and its range over the seeds where they differ: `0.12 (0.08 to 0.20)`.
pub(crate) fn ratio_in_words(ratio: RatioRecord) -> String {
    let written = records::wording::ratio;
    if ratio.low < ratio.high {
        format!("{} ({} to {})", written(ratio.median), written(ratio.low), written(ratio.high))
    } else {
        written(ratio.median)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verbs_agree_and_unknown_depths_are_shown() {
        assert_eq!(depth_in_words("last:2"), "fine-tuned over its last 2 stages");
        assert_eq!(depth_in_words("sideways"), "depth sideways");
        assert_eq!(format!("{} {}", span(&["a"]), thaw(&["a"])), "a thaws");
        assert_eq!(format!("{} {}", span(&["a", "b", "c"]), thaw(&["a", "b", "c"])), "a to c thaw");
    }
}
