//! What came out of the comparison: for people and for programs.

use std::path::{Path, PathBuf};

use report::record::{GridRecord, GridRow};
use serde::Serialize;

use super::configs::UNSHARED;

/// The JSON object of `--json`.
#[derive(Debug, Serialize)]
pub(super) struct Outcome {
    /// Held-out faces: the first variant.
    results: Vec<Row>,
    /// Held-out families: the harder variant.
    families: Vec<Row>,
    /// Wall-clock seconds: drawing, source training, comparison.
    seconds: f64,
    /// `report.html`.
    report: PathBuf,
}

/// The seeds of one setting taken together.
#[derive(Debug, Serialize)]
struct Row {
    images_per_class: Option<u32>,
    method: String,
    /// Over all classes.
    accuracy_mean: f64,
    accuracy_sd: f64,
    seeds: u32,
    /// Over the classes that look like no Latin letter.
    unshared_mean: Option<f64>,
    unshared_sd: Option<f64>,
}

impl Outcome {
    pub(super) fn new(grid: &GridRecord, seconds: f64, report: PathBuf) -> Self {
        Self::of_rows(&grid.rows, seconds, report)
    }

    fn of_rows(rows: &[GridRow], seconds: f64, report: PathBuf) -> Self {
        let first = rows.first().map(|row| row.variant.as_str());
        let of =
            |wanted: &dyn Fn(&GridRow) -> bool| rows.iter().filter(|row| wanted(row)).map(Row::new).collect();
        Self {
            results: of(&|row| Some(row.variant.as_str()) == first),
            families: of(&|row| Some(row.variant.as_str()) != first),
            seconds,
            report,
        }
    }

    /// Table, verdict and where the report lies.
    pub(super) fn text(&self, grid: &GridRecord) -> String {
        let mut text = report::text::grid_table(grid);
        text += &format!("\nReport: {} ({:.0} s)\n", shown(&self.report), self.seconds);
        text
    }
}

impl Row {
    fn new(row: &GridRow) -> Self {
        let unshared = row.groups.get(UNSHARED);
        Self {
            images_per_class: row.images_per_class,
            method: row.method.clone(),
            accuracy_mean: row.accuracy_mean,
            accuracy_sd: row.accuracy_sd,
            seeds: row.seeds,
            unshared_mean: unshared.map(|unshared| unshared.mean),
            unshared_sd: unshared.map(|unshared| unshared.sd),
        }
    }
}

/// The path from where the user is, if it lies below.
fn shown(path: &Path) -> String {
    let here = std::env::current_dir().ok();
    let below = here.and_then(|here| path.strip_prefix(here).ok().map(Path::to_owned));
    below.as_deref().unwrap_or(path).display().to_string()
}

#[cfg(test)]
mod tests {
    use report::record::MeanSd;
    use serde_json::json;

    use super::*;

    fn row(variant: &str, method: &str, accuracy_mean: f64) -> GridRow {
        GridRow {
            variant: variant.to_owned(),
            images_per_class: Some(5),
            method: method.to_owned(),
            accuracy_mean,
            accuracy_sd: 0.02,
            groups: [(UNSHARED.to_owned(), MeanSd { mean: 0.25, sd: 0.01 })].into(),
            seeds: 3,
        }
    }

    #[test]
    fn the_json_has_the_promised_shape() {
        let rows = [row("held-out faces", "scratch", 0.5), row("held-out families", "scratch", 0.375)];
        let outcome = Outcome::of_rows(&rows, 12.5, PathBuf::from("runs/letters/comparison/report.html"));
        let line = |accuracy: f64| {
            json!({
                "images_per_class": 5, "method": "scratch", "accuracy_mean": accuracy, "accuracy_sd": 0.02, "seeds": 3,
                "unshared_mean": 0.25, "unshared_sd": 0.01
            })
        };
        let expected = json!({
            "results": [line(0.5)],
            "families": [line(0.375)],
            "seconds": 12.5,
            "report": "runs/letters/comparison/report.html"
        });
        assert_eq!(serde_json::to_value(&outcome).unwrap(), expected);
    }
}
