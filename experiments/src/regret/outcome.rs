use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use records::{CellRecord, PartSeconds, Similarity};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use statistics::{mean, standard_deviation};

use super::tasks::Task;
use crate::bench::machine::Machine;

/// What came of a task.
pub(super) struct Outcome {
    pub(super) task: &'static Task,
    /// Each depth of the comparison.
    pub(super) depths: Vec<Tried>,
    /// What was advised for each seed.
    pub(super) advised: Vec<Advised>,
    /// Test accuracy of the runs that followed the advice, its rate included, for each seed.
    pub(super) followed: Vec<f64>,
    /// The commit and the compiler of the program.
    pub(super) program: String,
    /// When it was measured, as `2026-01-31`.
    pub(super) day: String,
}

/// A depth of the comparison.
pub(super) struct Tried {
    pub(super) depth: &'static str,
    /// Stages before the head that it trains at the usual rate, if so.
    pub(super) trained: Option<usize>,
    /// Test accuracy for each seed.
    pub(super) accuracies: Vec<f64>,
}

/// The part of the advice that is stored of each run: [`records::AdviceRecord`] has the same keys among others.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Advised {
    pub(super) depth: String,
    pub(super) rate_scale: f64,
    pub(super) confidence: f64,
    pub(super) value: f64,
    /// `None` where the figures are not clear.
    pub(super) similarity: Option<Similarity>,
    pub(super) little_value: bool,
    pub(super) source: Option<SourcePrediction>,
    pub(super) stages: Vec<Stage>,
    pub(super) parts: Vec<PartSeconds>,
}

impl Advised {
    /// How the images relate to the source's, in a word.
    fn similarity(&self) -> &'static str {
        match self.similarity {
            Some(Similarity::Alike) => "alike",
            Some(Similarity::Related) => "related",
            Some(Similarity::Unlike) => "unlike",
            None => "unclear",
        }
    }
}

/// Predictions of the source's classifier.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct SourcePrediction {
    pub(super) confidence: f64,
    pub(super) entropy: f64,
}

/// A stage's evidence.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Stage {
    pub(super) accuracy: f64,
    /// `None` where it was not asked for.
    pub(super) logme: Option<f64>,
    /// `None` where it was not asked for.
    pub(super) h_score: Option<f64>,
}

impl Outcome {
    /// Reads the comparison of a task, run by this machine's program on its day.
    pub(super) fn read(task: &'static Task, runs: &Path, machine: Machine) -> Result<Self> {
        #[derive(Deserialize)]
        struct Comparison {
            cells: Vec<CellRecord>,
        }
        #[derive(Deserialize)]
        struct Run {
            advice: Advised,
        }
        let comparison: Comparison = read(&runs.join("summary.json"))?;
        let of = |method: &str| {
            let cells = comparison.cells.iter().filter(|cell| cell.method == method);
            cells.map(|cell| cell.accuracy).collect::<Vec<f64>>()
        };
        let depths = task.source.depths().iter();
        let depths =
            depths.map(|&(depth, trained)| Tried { depth, trained, accuracies: of(depth) }).collect();
        let seeds = comparison.cells.iter().filter(|cell| cell.method == "auto").map(|cell| cell.seed);
        let advised = seeds.map(|seed| {
            let name = format!("cells/{}-per-class-auto-seed-{seed}/summary.json", task.images_per_class);
            Ok(read::<Run>(&runs.join(name))?.advice)
        });
        Ok(Self {
            task,
            depths,
            advised: advised.collect::<Result<_>>()?,
            followed: of("auto"),
            program: machine.program,
            day: machine.day,
        })
    }

    /// The depth with the best mean.
    pub(super) fn best(&self) -> Option<&Tried> {
        self.depths.iter().max_by(|a, b| a.mean().total_cmp(&b.mean()))
    }

    /// Mean accuracy of the runs that followed the advice.
    pub(super) fn advised(&self) -> f64 {
        mean(&self.followed)
    }

    /// Mean accuracy at the advised depth, at the learning rate of the comparison.
    pub(super) fn at_advice(&self) -> f64 {
        let trained = |advice: &Advised| self.stages_of(&advice.depth);
        self.at_each(trained)
    }

    /// Mean accuracy where everything after the stage with the best score is trained.
    pub(super) fn at_best_stage(&self, score: fn(&Stage) -> f64) -> f64 {
        self.at_each(|advice| {
            let stages = advice.stages.iter().skip(1).enumerate(); // the pixels are no stage
            let best =
                stages.max_by(|(_, a), (_, b)| score(a).total_cmp(&score(b))).map_or(0, |(place, _)| place);
            advice.stages.len().saturating_sub(2 + best)
        })
    }

    /// Mean accuracy of a constant answer.
    pub(super) fn at(&self, depth: &str) -> f64 {
        self.depths.iter().find(|tried| tried.depth == depth).map_or(f64::NAN, Tried::mean)
    }

    /// In percentage points, how far an accuracy lies below that of the best depth.
    pub(super) fn regret(&self, accuracy: f64) -> f64 {
        100.0 * (self.best().map_or(f64::NAN, Tried::mean) - accuracy)
    }

    /// Depths, advice and regrets for a terminal.
    pub(super) fn text(&self) -> String {
        let mut text = format!("{}: {}\n", self.task.name, self.task.what);
        for tried in &self.depths {
            text += &format!("  {:13} {}\n", tried.depth, spread(&tried.accuracies));
        }
        text += &format!("  followed      {}\n", spread(&self.followed));
        for advice in &self.advised {
            text += &format!(
                "  advised {} x {} ({:.0}%), {}, value {:.0}%{}\n",
                advice.depth,
                advice.rate_scale,
                100.0 * advice.confidence,
                advice.similarity(),
                100.0 * advice.value,
                if advice.little_value { ", little value" } else { "" }
            );
        }
        text + &format!(
            "  regret {:.1}, by depth alone {:.1}; of head {:.1}, last:2 {:.1}, all {:.1}\n",
            self.regret(self.advised()),
            self.regret(self.at_advice()),
            self.regret(self.at("head")),
            self.regret(self.at("last:2")),
            self.regret(self.at("all"))
        )
    }

    /// Mean over the seeds of the accuracy at the depth of the comparison that trains about as many stages.
    fn at_each(&self, trained: impl Fn(&Advised) -> usize) -> f64 {
        let accuracies = self.advised.iter().enumerate().map(|(seed, advice)| {
            let wanted = trained(advice);
            let near = self.depths.iter().filter_map(|tried| Some((tried.trained?.abs_diff(wanted), tried)));
            let nearest = near.min_by_key(|(distance, _)| *distance).map(|(_, tried)| tried);
            nearest.and_then(|tried| tried.accuracies.get(seed).copied()).unwrap_or(f64::NAN)
        });
        mean(&accuracies.collect::<Vec<_>>())
    }

    /// How many stages a depth trains.
    fn stages_of(&self, depth: &str) -> usize {
        let known = self.depths.iter().find(|tried| tried.depth == depth).and_then(|tried| tried.trained);
        let counted = || depth.strip_prefix("last:")?.parse().ok();
        known.or_else(counted).unwrap_or(0)
    }
}

impl Tried {
    pub(super) fn mean(&self) -> f64 {
        mean(&self.accuracies)
    }
}

/// Mean and standard deviation in percent, `82.1 ± 1.3`.
fn spread(accuracies: &[f64]) -> String {
    format!("{:.1} ± {:.1}", 100.0 * mean(accuracies), 100.0 * standard_deviation(accuracies))
}

fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    serde_json::from_slice(&text).with_context(|| format!("{} is no summary of a run", path.display()))
}

#[cfg(test)]
mod tests {
    use super::super::tasks::TASKS;
    use super::*;

    fn advised(depth: &str, scores: &[f64]) -> Advised {
        let stage = |&score: &f64| Stage { accuracy: score, logme: Some(-score), h_score: Some(0.0) };
        Advised {
            depth: depth.to_owned(),
            rate_scale: 0.1,
            confidence: 1.0,
            value: 0.5,
            similarity: Some(Similarity::Alike),
            little_value: false,
            source: None,
            stages: scores.iter().map(stage).collect(),
            parts: Vec::new(),
        }
    }

    #[test]
    fn regret_is_the_best_mean_less_that_of_the_advised_depth_seed_by_seed() {
        let tried =
            |depth, trained, accuracies: &[f64]| Tried { depth, trained, accuracies: accuracies.to_vec() };
        let outcome = Outcome {
            task: &TASKS[0],
            depths: vec![
                tried("head", Some(0), &[0.80, 0.70]),
                tried("last:2", Some(2), &[0.90, 0.80]),
                tried("all", Some(4), &[0.70, 0.90]),
                tried("scratch", None, &[0.1, 0.1]),
            ],
            // Pixels, then four stages: the probe is best after the second, LogME after the first.
            advised: vec![
                advised("head", &[0.9, 0.2, 0.8, 0.5, 0.4]),
                advised("all", &[0.9, 0.2, 0.8, 0.5, 0.4]),
            ],
            followed: vec![0.8, 0.9],
            program: String::new(),
            day: String::new(),
        };
        assert_eq!(outcome.best().unwrap().depth, "last:2");
        assert!(
            (outcome.regret(outcome.at_advice()) - 0.0).abs() < 1e-9,
            "0.80 and 0.90 against 0.90 and 0.80"
        );
        assert!((outcome.regret(outcome.at("head")) - 10.0).abs() < 1e-9);
        assert!((outcome.at_best_stage(|stage| stage.accuracy) - 0.85).abs() < 1e-9, "last:2");
        assert!(
            (outcome.at_best_stage(|stage| stage.logme.unwrap_or(f64::NEG_INFINITY)) - 0.85).abs() < 1e-9,
            "three stages: last:2 is the first near"
        );
        assert!(
            outcome.text().contains("regret 0.0, by depth alone 0.0; of head 10.0, last:2 0.0, all 5.0"),
            "{}",
            outcome.text()
        );
    }
}
