//! Mean regrets over the tasks, a row for each answer.

use statistics::mean;

use super::outcome::{Outcome, Stage};
use super::tasks::{FULL, Part};

/// An answer and its mean accuracy on a task.
type Answer = (&'static str, fn(&Outcome) -> f64);

/// The advice, constants, and what each published score would have chosen at the default rate.
const ANSWERS: [Answer; 10] = [
    ("advice", Outcome::advised),
    ("its depth alone", Outcome::at_advice),
    ("always head", |outcome| outcome.at("head")),
    ("always last:2", |outcome| outcome.at("last:2")),
    ("always all", |outcome| outcome.at("all")),
    ("always all, full rate", |outcome| outcome.at(FULL)),
    ("always scratch", |outcome| outcome.at("scratch")),
    ("after the best probe", |outcome| outcome.at_best_stage(|stage: &Stage| stage.accuracy)),
    ("after the best LogME", |outcome| {
        outcome.at_best_stage(|stage: &Stage| stage.logme.unwrap_or(f64::NEG_INFINITY))
    }),
    ("after the best H-score", |outcome| {
        outcome.at_best_stage(|stage: &Stage| stage.h_score.unwrap_or(f64::NEG_INFINITY))
    }),
];

/// Mean regret in percentage points over the tasks that were first run when the rule was final, over those on which
/// nothing of it was chosen, and over all.
pub(super) fn text(outcomes: &[Outcome]) -> String {
    let fresh = |part: Part| part == Part::Fresh;
    let held_out = |part: Part| matches!(part, Part::FirstRound | Part::Fresh);
    let mut text = format!("{:24}{:>10}{:>14}{:>8}\n", "mean regret, points", "fresh", "not tuned on", "all");
    for (name, accuracy) in ANSWERS {
        let mean = |counts: &dyn Fn(Part) -> bool| {
            let tasks = outcomes.iter().filter(|outcome| counts(outcome.task.part));
            mean(&tasks.map(|outcome| outcome.regret(accuracy(outcome))).collect::<Vec<_>>())
        };
        text +=
            &format!("{name:24}{:>10.1}{:>14.1}{:>8.1}\n", mean(&fresh), mean(&held_out), mean(&|_| true));
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::remembered;
    use super::super::tasks::TASKS;
    use super::*;

    /// The table in docs/advise.md was written from the same files, by the program that also wrote its prose.
    #[test]
    fn the_measured_grids_give_the_figures_of_the_page() {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
        let read = |task| remembered::read(&docs.join("regret"), task).unwrap().unwrap();
        let outcomes: Vec<Outcome> = TASKS.iter().map(read).collect();
        let page = std::fs::read_to_string(docs.join("advise.md")).unwrap();
        let expected = |row: &str| -> Vec<String> {
            let line = page.lines().find(|line| line.starts_with(row)).unwrap();
            let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
            cells[cells.len() - 3..].iter().map(|cell| (*cell).to_owned()).collect()
        };
        let table = text(&outcomes);
        for (answer, row) in [
            ("advice", "| **advice** |"),
            ("its depth alone", "| its depth alone |"),
            ("always head", "| always `head` |"),
            ("always all, full rate", "| always `all` at the full rate |"),
            ("after the best LogME", "| the best LogME |"),
        ] {
            let line = table.lines().find(|line| line.starts_with(answer)).unwrap();
            let figures: Vec<String> = line[answer.len()..].split_whitespace().map(str::to_owned).collect();
            assert_eq!(figures, expected(row), "{answer}\n{table}");
        }
    }
}
