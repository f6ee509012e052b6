//! The full grid by cross-validation, within the time that the search may take: what a user with patience would do.

use anyhow::{Context, Result};
use statistics::mean;

use super::cell::{Measured, Run, Runner, Task};
use super::plan::Cell;
use super::record::Record;
use super::settings::{BUDGET, FINAL_RUN, GRID, Setting};

/// Folds of the cross-validation.
const FOLDS: usize = 5;

/// What the grid chose, and what choosing cost.
pub(super) struct Choice<'a> {
    /// The chosen setting's own cell: the same images and seed.
    pub(super) record: &'a Record,
    /// Seconds of processor time of all folds.
    pub(super) seconds: f64,
}

/// The finished cells of the same images that the grid needs: one for each of its settings. `None` where one is not there yet.
pub(super) fn needed<'a>(cell: &Cell, finished: &'a [Record]) -> Option<Vec<&'a Record>> {
    let of = |setting: &str| {
        finished.iter().find(|record| {
            record.set == cell.set.name
                && record.images == cell.images
                && record.seed == cell.seed
                && record.setting == setting
        })
    };
    GRID.iter().map(|setting| of(setting)).collect()
}

/// Measures settings on one fold after another, the cheaper first, until the time of the budget is spent or all folds are
/// done. A fold that would not fit any more by its setting's earlier time is left out. The best mean accuracy wins, of
/// equal ones the cheaper.
pub(super) fn choose<'a>(
    runner: &Runner<'_>,
    cell: &Cell,
    task: &Task<'_>,
    finals: &[&'a Record],
) -> Result<Choice<'a>> {
    let seconds = |record: &&Record| record.setting == FINAL_RUN;
    let limit = BUDGET * finals.iter().find(|record| seconds(record)).context("no final run")?.seconds;
    let smallest = task.train.paths.iter().map(Vec::len).min().unwrap_or(0);
    let folds = FOLDS.min(smallest).max(2);
    let mut table =
        Table { accuracies: vec![Vec::new(); GRID.len()], seconds: vec![None; GRID.len()], spent: 0.0 };
    for number in 0..folds {
        let fold = task.train.fold(number, folds, cell.seed);
        for (place, name) in GRID.iter().enumerate() {
            let setting = Setting::named(name).context("an unknown setting in the grid")?;
            // Before the first fold, a run on all images tells what a fold costs.
            let expected = table.seconds[place].unwrap_or(finals[place].seconds);
            if table.spent + expected > limit {
                continue;
            }
            let held = Task { train: &fold.rest, test: &fold.held, ..*task };
            if let Run::Measured(measured) =
                runner.run(&format!("{cell}-fold-{number}"), &setting.how, &held)?
            {
                table.add(place, &measured);
            }
        }
    }
    Ok(Choice { record: finals[table.best()], seconds: table.spent })
}

/// What was measured of each setting of the grid.
struct Table {
    accuracies: Vec<Vec<f64>>,
    seconds: Vec<Option<f64>>,
    spent: f64,
}

impl Table {
    fn add(&mut self, place: usize, measured: &Measured) {
        self.accuracies[place].push(measured.accuracy);
        self.seconds[place] = Some(measured.seconds);
        self.spent += measured.seconds;
    }

    /// The first of the best; the cheapest where nothing was measured.
    fn best(&self) -> usize {
        let mut best = 0;
        let value = |place: usize| match &self.accuracies[place] {
            none if none.is_empty() => f64::NEG_INFINITY,
            some => mean(some),
        };
        for place in 1..self.accuracies.len() {
            if value(place) > value(best) {
                best = place;
            }
        }
        best
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_mean_wins_and_of_equal_ones_the_cheaper() {
        let best = |accuracies: &[&[f64]]| {
            let accuracies = accuracies.iter().map(|of| of.to_vec()).collect();
            Table { accuracies, seconds: Vec::new(), spent: 0.0 }.best()
        };
        assert_eq!(best(&[&[0.5, 0.7], &[0.6, 0.6], &[0.9, 0.1]]), 0);
        assert_eq!(best(&[&[0.5], &[], &[0.9, 0.1, 0.8]]), 2);
        assert_eq!(best(&[&[], &[]]), 0);
    }
}
