//! Questions that both the page and the text ask of a record.

use crate::record::{EvaluationRecord, Outcome, RunRecord};

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
