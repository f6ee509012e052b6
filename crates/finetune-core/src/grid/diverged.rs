//! Runs of a grid whose numbers ran away: what is said of them, and what is no longer said of their settings.

use records::{CellRecord, DivergedRecord};
use report::text::counted;

use super::rows::{of_cell, of_diverged};
use crate::Error;

/// The failure that these runs are, if there are any.
#[must_use]
pub fn diverged(runs: &[DivergedRecord]) -> Option<Error> {
    if runs.is_empty() {
        return None;
    }
    let named: Vec<String> = runs.iter().map(name).collect();
    Some(Error::RunsDiverged(format!(
        "{} diverged: {}; the figures leave them out, and no setting with such a run is called the best",
        counted(runs.len() as u64, "run"),
        named.join(", ")
    )))
}

/// The runs of the settings of which none diverged: the mean of those seeds alone that went well would flatter.
pub(super) fn without(cells: &[CellRecord], diverged: &[DivergedRecord]) -> Vec<CellRecord> {
    let sound = |cell: &&CellRecord| diverged.iter().all(|run| of_diverged(run) != of_cell(cell));
    cells.iter().filter(sound).cloned().collect()
}

/// `steep (held-out faces) with 5 images per class and seed 0`.
fn name(run: &DivergedRecord) -> String {
    let variant = if run.variant.is_empty() { String::new() } else { format!(" ({})", run.variant) };
    let amount = run
        .images_per_class
        .map_or_else(String::new, |count| format!("{} per class and ", counted(count.into(), "image")));
    format!("{}{variant} with {amount}seed {}", run.method, run.seed)
}
