//! What came out of the comparison: for people and for programs.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use records::ComparisonRow;
use serde::{Deserialize, Serialize};

use super::configs::UNSHARED;

/// What is read of the summary of a comparison, the last line that `finetune --json` prints.
#[derive(Deserialize)]
struct Summary {
    rows: Vec<ComparisonRow>,
}

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

/// The seeds of one setting taken together. A figure that is not finite becomes `null`.
#[derive(Debug, Serialize)]
struct Row {
    images_per_class: Option<u32>,
    method: String,
    /// Over all classes.
    accuracy_mean: f64,
    accuracy_sd: f64,
    seeds: u32,
    /// Over the classes that differ from every Latin letter.
    unshared_mean: Option<f64>,
    unshared_sd: Option<f64>,
}

impl Outcome {
    /// Reads what `finetune --json` wrote to stdout.
    pub(super) fn new(stdout: &str, seconds: f64, report: PathBuf) -> Result<Self> {
        let line = stdout.lines().next_back().context("finetune wrote nothing to stdout")?;
        let Summary { rows } = serde_json::from_str(line)
            .context("the last line that finetune wrote is no summary of a comparison")?;
        let first = rows.first().map(|row| row.variant.as_str());
        let of = |wanted: &dyn Fn(&ComparisonRow) -> bool| {
            rows.iter().filter(|row| wanted(row)).map(Row::new).collect()
        };
        Ok(Self {
            results: of(&|row| Some(row.variant.as_str()) == first),
            families: of(&|row| Some(row.variant.as_str()) != first),
            seconds,
            report,
        })
    }

    /// Table and verdict as finetune printed them, and where the report lies.
    pub(super) fn text(&self, stdout: &str) -> String {
        // After them finetune names the report, with its whole path, and the summary.
        let table = stdout.rsplit_once("\n\nreport  ").map_or("", |(table, _)| table);
        format!("{table}\n\nReport: {} ({:.0} s)\n", shown(&self.report), self.seconds)
    }
}

impl Row {
    fn new(row: &ComparisonRow) -> Self {
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
    use serde_json::json;

    use super::*;

    /// What finetune prints: table, verdict, report, summary.
    fn stdout() -> String {
        let row = |variant: &str, accuracy: Option<f64>| {
            json!({
                "variant": variant, "images_per_class": 5, "method": "scratch", "accuracy_mean": accuracy,
                "accuracy_sd": 0.02, "groups": {UNSHARED: {"mean": 0.25, "sd": 0.01}}, "seeds": 3
            })
        };
        let rows = [row("held-out faces", Some(0.5)), row("held-out families", None)];
        let summary = json!({"name": "letters", "rows": rows, "cells": [], "seconds": 1.0});
        format!("a table\n\na verdict\n\nreport  /home/u/runs/report.html\n{summary}\n")
    }

    #[test]
    fn the_json_has_the_promised_shape() {
        let outcome = Outcome::new(&stdout(), 12.5, PathBuf::from("runs/letters/comparison/report.html"));
        let line = |accuracy: Option<f64>| {
            json!({
                "images_per_class": 5, "method": "scratch", "accuracy_mean": accuracy, "accuracy_sd": 0.02, "seeds": 3,
                "unshared_mean": 0.25, "unshared_sd": 0.01
            })
        };
        let expected = json!({
            "results": [line(Some(0.5))],
            "families": [line(None)],
            "seconds": 12.5,
            "report": "runs/letters/comparison/report.html"
        });
        assert_eq!(serde_json::to_value(outcome.unwrap()).unwrap(), expected);
    }

    #[test]
    fn the_text_has_the_table_the_verdict_and_the_time() {
        let outcome = Outcome::new(&stdout(), 12.5, PathBuf::from("/x/report.html")).unwrap();
        assert_eq!(outcome.text(&stdout()), "a table\n\na verdict\n\nReport: /x/report.html (12 s)\n");
    }

    #[test]
    fn output_without_a_summary_is_an_error() {
        let error = |stdout| Outcome::new(stdout, 0.0, PathBuf::new()).unwrap_err().to_string();
        assert!(error("").contains("nothing"));
        assert!(error("{\"name\":\"x\"}").contains("no summary"));
    }
}
