//! `experiments fit-search`: the data files of the crate `search`, fitted on finished cells of development data sets.
//!
//! `docs/search/SET.jsonl` has a line for each finished cell: a setting's accuracy on test images, and for the setting `search`
//! what it said. Held-out sets are refused: their files are never read here.

use std::collections::BTreeMap;
use std::path::Path;

use ::search::fit::{self, Gain, Outcome};
use ::search::{Prior, Rules};
use anyhow::{Context, Result, bail};
use serde::Deserialize;
use statistics::mean;
use xtask::workspace::Workspace;

/// Data sets that may be fitted on.
const DEVELOPMENT: [&str; 5] = ["dogs-cats", "fashion", "cyrillic", "digits", "cifar10"];

/// The first arm of a race, which gains are over.
const FIRST: &str = "linear on joined last 3";

/// Measured settings that are arms of the search.
const ARMS: [(&str, &str); 17] = [
    ("taps:6-8", FIRST),
    ("taps:3-8", "linear on joined wide"),
    ("taps:5-7", "linear on joined 3 to features.7"),
    ("taps:4-6", "linear on joined 3 to features.6"),
    ("taps:3-5", "linear on joined 3 to features.5"),
    ("ridge", "linear on the last stage"),
    ("cut:features.7", "linear on features.7"),
    ("cut:features.6", "linear on features.6"),
    ("cut:features.5", "linear on features.5"),
    ("cut:features.4", "linear on features.4"),
    ("cut:features.3", "linear on features.3"),
    ("head", "head"),
    ("last:1", "last:1 x 0.1"),
    ("last:2", "last:2 x 0.1"),
    ("last:4-frozen", "last:4 x 0.1"),
    ("all-frozen", "all x 0.1"),
    ("taps:4-6-all", "all x 0.1, joined 3 to features.6"),
];

/// Fit the prior and the calibration map of the search on finished cells of development sets
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Data sets to fit on
    #[arg(long, value_name = "NAMES", value_delimiter = ',', default_values_t = DEVELOPMENT.map(String::from))]
    sets: Vec<String>,
    /// Write crates/search/prior.toml and calibration.toml; otherwise they are printed
    #[arg(long)]
    write: bool,
}

/// What is read of a finished cell.
#[derive(Deserialize)]
struct Line {
    images: usize,
    seed: u64,
    setting: String,
    accuracy: f64,
    #[serde(default)]
    search: Option<Claim>,
}

/// What a search said.
#[derive(Deserialize)]
struct Claim {
    chosen: String,
    computed: f64,
    expected_loss: f64,
    #[serde(default)]
    unlike: bool,
    arms: Vec<Arm>,
}

#[derive(Deserialize)]
struct Arm {
    name: String,
    loss: Option<f64>,
}

/// One data set with one number of images.
struct Task {
    set: String,
    /// Mean accuracy over seeds, in points, by name of the arm.
    points: BTreeMap<String, f64>,
    searches: Vec<Searched>,
}

struct Searched {
    accuracy: f64,
    claim: Claim,
}

/// Fits both files, prints what the map says of each data set that it was not fitted on, and writes them if asked.
pub(crate) fn command(workspace: &Workspace, arguments: &Arguments) -> Result<()> {
    if let Some(other) = arguments.sets.iter().find(|set| !DEVELOPMENT.contains(&set.as_str())) {
        bail!("{other} is not a development set; these are: {}", DEVELOPMENT.join(", "));
    }
    let folder = workspace.root.join("docs/search");
    let mut tasks = Vec::new();
    for set in &arguments.sets {
        tasks.extend(tasks_of(set, &folder.join(format!("{set}.jsonl")))?);
    }
    let searches: usize = tasks.iter().map(|task| task.searches.len()).sum();
    if searches == 0 {
        bail!(
            "{} has no finished searches of these sets: cargo run -p experiments -- search",
            folder.display()
        );
    }
    let source = format!("{searches} searches on {}", arguments.sets.join(", "));
    let outcomes: Vec<Outcome> = tasks.iter().flat_map(outcomes).collect();
    let fitted = fit::calibration(&outcomes, Rules::default().close, &source);
    for checked in &fitted.checked {
        anstream::println!(
            "{}: {} searches, within a point {:.0} % by the map of the others, {:.0} % in fact",
            checked.set,
            checked.searches,
            100.0 * checked.said,
            100.0 * checked.happened
        );
    }
    let gains: Vec<Gain> = tasks.iter().flat_map(gains).collect();
    let prior = fit::prior(&gains, &Prior::shipped()?, &source);
    for (name, text) in [
        ("prior.toml", toml::to_string(&prior)?),
        ("calibration.toml", toml::to_string(&fitted.calibration)?),
    ] {
        let text = format!(
            "# Written by `cargo run -p experiments -- fit-search --write`; what it means: crates/search/src.\n{text}"
        );
        if arguments.write {
            files::write(&workspace.root.join("crates/search").join(name), text)?;
        } else {
            anstream::println!("\n# {name}\n{text}");
        }
    }
    Ok(())
}

/// Reads the cells of a data set, by number of images; none where it is not measured.
fn tasks_of(set: &str, path: &Path) -> Result<Vec<Task>> {
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut by_images: BTreeMap<usize, Vec<Line>> = BTreeMap::new();
    for (number, line) in (1..).zip(text.lines()).filter(|(_, line)| !line.trim().is_empty()) {
        let at = || format!("{}:{number} is no finished cell", path.display());
        let line: Line = serde_json::from_str(line).with_context(at)?;
        by_images.entry(line.images).or_default().push(line);
    }
    let task = |lines: Vec<Line>| {
        let mut points = BTreeMap::new();
        for (setting, arm) in ARMS {
            let of_setting = lines.iter().filter(|line| line.setting == setting);
            let accuracies: BTreeMap<u64, f64> = of_setting.map(|line| (line.seed, line.accuracy)).collect();
            if !accuracies.is_empty() {
                let all: Vec<f64> = accuracies.into_values().collect();
                points.insert(arm.to_owned(), 100.0 * mean(&all));
            }
        }
        let searches = lines.into_iter().filter_map(|line| {
            Some(Searched {
                accuracy: line.accuracy,
                claim: line.search.filter(|_| line.setting.starts_with("search"))?,
            })
        });
        Task { set: set.to_owned(), points, searches: searches.collect() }
    };
    Ok(by_images.into_values().map(task).collect())
}

/// What searches said, and how far their choice lay below the best of the arms that are measured: by the mean of the chosen
/// arm over seeds where that is measured, else by the run of the search.
fn outcomes(task: &Task) -> Vec<Outcome> {
    let Some(best) = task.points.values().copied().reduce(f64::max) else { return Vec::new() };
    let outcome = |searched: &Searched| {
        let own = task.points.get(&searched.claim.chosen).copied().unwrap_or(100.0 * searched.accuracy);
        Outcome {
            set: task.set.clone(),
            computed: searched.claim.computed,
            expected_loss: searched.claim.expected_loss,
            regret: (best - own).max(0.0),
        }
    };
    task.searches.iter().map(outcome).collect()
}

/// Gains of arms over the first: of accuracy on test images, and of the loss that searches measured out of fold.
fn gains(task: &Task) -> Vec<Gain> {
    let Some(first) = task.points.get(FIRST) else { return Vec::new() };
    let unlike =
        task.searches.iter().filter(|searched| searched.claim.unlike).count() * 2 > task.searches.len();
    let saved = |arm: &str| {
        let of = |claim: &Claim, name: &str| claim.arms.iter().find(|arm| arm.name == name)?.loss;
        let shares = task.searches.iter().filter_map(|searched| {
            let (own, first) = (of(&searched.claim, arm)?, of(&searched.claim, FIRST)?);
            (first > 0.0).then(|| 1.0 - own / first)
        });
        let shares: Vec<f64> = shares.collect();
        (!shares.is_empty()).then(|| mean(&shares))
    };
    let gain = |(arm, points): (&String, &f64)| Gain {
        set: task.set.clone(),
        arm: arm.clone(),
        unlike,
        points: points - first,
        loss: saved(arm),
    };
    task.points.iter().filter(|(arm, _)| *arm != FIRST).map(gain).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_become_outcomes_and_gains_and_held_out_sets_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("digits.jsonl");
        let cell = |setting: &str, seed: u64, accuracy: f64, search: &str| {
            format!(
                "{{\"set\":\"digits\",\"images\":20,\"seed\":{seed},\"setting\":\"{setting}\",\"accuracy\":{accuracy}{search}}}\n"
            )
        };
        let claim = ",\"search\":{\"chosen\":\"head\",\"computed\":0.5,\"expected_loss\":1.5,\"unlike\":true,\
            \"arms\":[{\"name\":\"head\",\"loss\":0.3},{\"name\":\"linear on joined last 3\",\"loss\":0.4}]}";
        let lines = [
            cell("taps:6-8", 0, 0.80, ""),
            cell("taps:6-8", 1, 0.82, ""),
            cell("head", 0, 0.84, ""),
            cell("all-frozen", 0, 0.86, ""),
            cell("fastai", 0, 0.99, ""),
            cell("search", 0, 0.84, claim),
        ];
        std::fs::write(&path, lines.concat()).unwrap();
        let tasks = tasks_of("digits", &path).unwrap();
        let outcome = &outcomes(&tasks[0])[0];
        assert!((outcome.regret - 2.0).abs() < 1e-9, "{outcome:?}: what is no arm does not count");
        let gains = gains(&tasks[0]);
        let head = gains.iter().find(|gain| gain.arm == "head").unwrap();
        assert!((head.points - 3.0).abs() < 1e-9 && (head.loss.unwrap() - 0.25).abs() < 1e-9 && head.unlike);
        assert_eq!(gains.len(), 2);
        std::fs::write(&path, "torn").unwrap();
        assert!(tasks_of("digits", &path).is_err());
    }
}
