//! Questions that both the page and the text ask of a record.

use std::collections::BTreeSet;

use records::{EvaluationRecord, Outcome, RunRecord};

/// The five steps of the recipe in their order.
pub(crate) const FIVE_STEPS: [&str; 5] = ["load", "freeze", "head", "train-head", "fine-tune"];

/// The measurement a run is known by: on the test split where there is one, else on the validation split.
pub(crate) fn headline(run: &RunRecord) -> Option<&EvaluationRecord> {
    let on = |split: &str| run.evaluations.iter().find(|e| e.split == split);
    on("test").or_else(|| on("validation")).or(run.evaluations.last())
}

/// The name of class `index`, or its number where the record has no name for it.
pub(crate) fn class_name(classes: &[String], index: usize) -> String {
    classes.get(index).cloned().unwrap_or_else(|| format!("class {index}"))
}

/// `resnet18, fine-tuned last:2`: the network and how far back it was trained.
pub(crate) fn depth_in_words(depth: &str) -> String {
    match depth {
        "scratch" => "trained from scratch".into(),
        "head" => "new head only".into(),
        "all" => "fine-tuned throughout".into(),
        other => match other.split_once(':') {
            Some(("last", "1")) => "fine-tuned over its last stage".into(),
            Some(("last", n)) => format!("fine-tuned over its last {n} stages"),
            Some(("from", stage)) => format!("fine-tuned from {stage} on"),
            _ => format!("depth {other}"),
        },
    }
}

/// A method of a grid in words.
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

/// Something that charts over the training mark: a phase begins, stages thaw.
pub(crate) struct Moment {
    /// Epochs before it, both phases counted.
    pub(crate) epochs: usize,
    pub(crate) label: String,
}

/// The moments at which an epoch after the first began otherwise than the one before it.
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

/// Optimizer steps planned for the first so many epochs of a run.
pub(crate) fn steps_before(run: &RunRecord, epochs: usize) -> u64 {
    let of_phase =
        |phase: &str| run.plan.iter().find(|plan| plan.phase == phase).map_or(0, |p| p.steps_per_epoch);
    run.epochs.iter().take(epochs).fold(0, |sum, epoch| sum.saturating_add(of_phase(&epoch.phase)))
}

/// What these stages do, `layer3 thaws` or `layer3 to head thaw`.
pub(crate) fn thaw(names: &[&str]) -> &'static str {
    if names.len() == 1 { "thaws" } else { "thaw" }
}

/// `layer3`, or `layer3 to head`: stages next to each other.
pub(crate) fn span(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [first, .., last] => format!("{first} to {last}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_stage_is_no_number_of_stages() {
        assert_eq!(depth_in_words("last:1"), "fine-tuned over its last stage");
        assert_eq!(depth_in_words("last:2"), "fine-tuned over its last 2 stages");
        assert_eq!(format!("{} {}", span(&["a"]), thaw(&["a"])), "a thaws");
        assert_eq!(format!("{} {}", span(&["a", "b", "c"]), thaw(&["a", "b", "c"])), "a to c thaw");
    }
}
