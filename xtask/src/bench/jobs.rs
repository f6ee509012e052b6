//! How each side does each work: configurations, commands, and what is read of what they leave.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::Deserialize;

use super::materials::{IMAGENET, LITE, Materials};
use super::measure;
use super::works::{Outcome, Side, Work};

/// How much is done.
pub(super) struct Size {
    pub(super) head_epochs: u32,
    pub(super) last_stage_epochs: u32,
    pub(super) full_epochs: u32,
    pub(super) predicted: usize,
    pub(super) rounds: usize,
}

impl Size {
    pub(super) const FULL: Self =
        Self { head_epochs: 10, last_stage_epochs: 5, full_epochs: 3, predicted: 1000, rounds: 3 };
    pub(super) const QUICK: Self =
        Self { head_epochs: 2, last_stage_epochs: 1, full_epochs: 1, predicted: 60, rounds: 1 };
}

/// A training, as both sides are told of it.
struct Training {
    arch: &'static str,
    depth: &'static str,
    ours: &'static str,
    head_epochs: u32,
    epochs: u32,
    augment: bool,
}

fn training(work: Work, size: &Size) -> Option<Training> {
    let resnet50 = Training {
        arch: "resnet50",
        depth: "head",
        ours: "head",
        head_epochs: 0,
        epochs: size.head_epochs,
        augment: false,
    };
    let all = Training {
        arch: "resnet18",
        depth: "all",
        ours: "all",
        epochs: size.full_epochs,
        augment: true,
        ..resnet50
    };
    match work {
        Work::Head => Some(resnet50),
        Work::Lite => Some(Training { arch: "efficientnet_lite0", ..resnet50 }),
        Work::LastStage => Some(Training {
            depth: "last-stage",
            ours: "from:layer4",
            head_epochs: 1,
            epochs: size.last_stage_epochs,
            ..resnet50
        }),
        Work::Full | Work::FirstStep => Some(all),
        Work::Predict | Work::Decode => None,
    }
}

/// Runs a side once, in a fresh `scratch` folder.
pub(super) fn run(
    materials: &Materials,
    work: Work,
    side: Side,
    size: &Size,
    scratch: &Path,
) -> Result<Outcome> {
    match (training(work, size), side) {
        (Some(training), Side::Ours) => our_training(materials, work, &training, scratch),
        (Some(training), peer) => their_training(materials, work, &training, peer, scratch),
        (None, Side::Ours) if work == Work::Predict => our_prediction(materials, scratch),
        (None, peer) if work == Work::Predict => their_prediction(materials, peer, scratch),
        (None, Side::Ours) => our_pictures(materials, scratch),
        (None, _) => their_pictures(materials, scratch),
    }
}

fn our_training(materials: &Materials, work: Work, job: &Training, scratch: &Path) -> Result<Outcome> {
    let (config, folder) = (scratch.join("bench.toml"), scratch.join("run"));
    let text = our_config(job, &materials.data, materials.weights(job.arch)?, &materials.precision);
    fs::write(&config, text).with_context(|| format!("cannot write {}", config.display()))?;
    let mut command = materials.finetune(scratch)?;
    command.arg("--config").arg(&config).arg("--out").arg(&folder);
    let first = (work == Work::FirstStep).then(|| folder.join("metrics.jsonl"));
    let (measured, _) = measure::measured(&command, first.as_deref(), scratch)?;
    let mut outcome = Outcome::measured(measured);
    if first.is_none() {
        let path = folder.join("summary.json");
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let summary: Summary =
            serde_json::from_slice(&text).context("a run's summary is of an unknown form")?;
        summary.fill(&mut outcome);
    }
    Ok(outcome)
}

/// What is read of `summary.json`.
#[derive(Deserialize)]
struct Summary {
    steps: Vec<Step>,
    epochs: Vec<Epoch>,
}

#[derive(Deserialize)]
struct Step {
    name: String,
    seconds: Option<f64>,
}

#[derive(Deserialize)]
struct Epoch {
    phase: String,
    validation_accuracy: Option<f64>,
    seconds: Option<f64>,
}

impl Summary {
    fn fill(self, outcome: &mut Outcome) {
        let last = self.epochs.last();
        let main: Vec<f64> = self
            .epochs
            .iter()
            .filter(|epoch| last.is_some_and(|last| last.phase == epoch.phase))
            .filter_map(|epoch| epoch.seconds)
            .collect();
        outcome.epoch = mean(&main);
        outcome.accuracy = last.and_then(|epoch| epoch.validation_accuracy);
        outcome.profile =
            self.steps.into_iter().filter_map(|step| Some((step.name, step.seconds?))).collect();
        let told: f64 = outcome.profile.iter().map(|(_, seconds)| seconds).sum();
        outcome.profile.push(("outside of the five steps".to_owned(), outcome.seconds - told));
    }
}

fn our_config(job: &Training, data: &Path, weights: &Path, precision: &str) -> String {
    let quoted = |path: &Path| toml::Value::String(path.display().to_string()).to_string();
    let (root, weights) = (quoted(data), quoted(weights));
    let (arch, depth, head_epochs, epochs) = (job.arch, job.ours, job.head_epochs, job.epochs);
    let input = if arch == "efficientnet_lite0" { LITE } else { IMAGENET }.to_toml();
    let augment = if job.augment { "\n[augment]\nhorizontal_flip = 0.5\nresized_crop = {}\n" } else { "" };
    format!(
        "# Written by `cargo xtask bench`.\n\n[data]\nroot = {root}\ninput = {input}\n\n\
         [model]\narch = \"{arch}\"\nweights = {weights}\n\n\
         [finetune]\ndepth = \"{depth}\"\nhead_epochs = {head_epochs}\nrate_scale = 0.1\n{augment}\n\
         [regularize]\nweight_decay = 0.0\n\n\
         [train]\nepochs = {epochs}\nbatch_size = {BATCH}\nlearning_rate = 1e-3\noptimizer = \"adamw\"\n\
         schedule = \"constant\"\n\n[run]\nseed = 0\ndevice = \"cpu\"\ncheckpoints = \"none\"\n\
         precision = \"{precision}\"\n"
    )
}

pub(super) const BATCH: u32 = 16;

fn their_training(
    materials: &Materials,
    work: Work,
    job: &Training,
    side: Side,
    scratch: &Path,
) -> Result<Outcome> {
    let mut command = materials.python()?.script("train.py");
    command.args(["--form", side.name(), "--arch", job.arch, "--depth", job.depth]);
    command.arg("--weights").arg(materials.weights(job.arch)?).arg("--data").arg(&materials.data);
    let input = if job.arch == "efficientnet_lite0" { LITE } else { IMAGENET };
    command.arg("--input").arg(input.to_json());
    command.args(["--batch-size", &BATCH.to_string(), "--head-epochs", &job.head_epochs.to_string()]);
    command.args(["--epochs", &job.epochs.to_string(), "--learning-rate", "1e-3", "--rate-scale", "0.1"]);
    command.arg("--save").arg(scratch.join("model.pth"));
    if job.augment {
        command.arg("--augment");
    }
    let first = (work == Work::FirstStep).then(|| scratch.join("stepped"));
    if let Some(first) = &first {
        command.arg("--first-step").arg(first);
    }
    let (measured, stdout) = measure::measured(&command, first.as_deref(), scratch)?;
    let mut outcome = Outcome::measured(measured);
    if first.is_none() {
        let Trained { epochs, accuracy } = last_line(&stdout)?;
        let own = epochs.len().saturating_sub(job.epochs as usize);
        outcome.epoch = mean(&epochs[own..]);
        outcome.accuracy = Some(accuracy);
        let trained: f64 = epochs.iter().sum();
        outcome.profile =
            vec![("epochs".to_owned(), trained), ("before and after".to_owned(), outcome.seconds - trained)];
    }
    Ok(outcome)
}

#[derive(Deserialize)]
struct Trained {
    epochs: Vec<f64>,
    accuracy: f64,
}

fn our_prediction(materials: &Materials, scratch: &Path) -> Result<Outcome> {
    let mut command = materials.finetune(scratch)?;
    command
        .arg("predict")
        .arg("--run")
        .arg(materials.model()?)
        .args(["--device", "cpu", "--top", "1", "--json"]);
    command
        .args(["--precision", &materials.precision, "--batch-size", &BATCH.to_string()])
        .arg(&materials.folder);
    let (measured, stdout) = measure::measured(&command, None, scratch)?;
    let said = stdout.lines().filter_map(|line| serde_json::from_str::<Said>(line).ok());
    let right: Vec<bool> = said.map(|said| is_right(&said.path, &said.class)).collect();
    Outcome::measured(measured).predicted(&right, materials.predicted)
}

#[derive(Deserialize)]
struct Said {
    path: PathBuf,
    class: String,
}

fn their_prediction(materials: &Materials, side: Side, scratch: &Path) -> Result<Outcome> {
    let mut command = materials.python()?.script("predict.py");
    command.args(["--form", side.name(), "--arch", "resnet50", "--batch-size", &BATCH.to_string()]);
    command.arg("--weights").arg(materials.model()?.join("model.safetensors"));
    command.arg("--input").arg(IMAGENET.to_json()).arg("--data").arg(&materials.folder);
    command.arg("--classes").arg(materials.classes.join(","));
    let (measured, stdout) = measure::measured(&command, None, scratch)?;
    let right: Vec<bool> = stdout.lines().filter_map(right_in_columns).collect();
    Outcome::measured(measured).predicted(&right, materials.predicted)
}

/// Whether the line `path <tab> class <tab> probability` is right; `None` if it is another.
fn right_in_columns(line: &str) -> Option<bool> {
    let mut columns = line.split('\t');
    let (path, class, _probability) = (columns.next()?, columns.next()?, columns.next()?);
    Some(is_right(Path::new(path), class))
}

fn is_right(path: &Path, class: &str) -> bool {
    path.parent().and_then(Path::file_name).is_some_and(|folder| folder == class)
}

fn our_pictures(materials: &Materials, scratch: &Path) -> Result<Outcome> {
    let mut command = materials.pixels.command(["time"]);
    command.arg(&materials.data);
    let (measured, stdout) = measure::measured(&command, None, scratch)?;
    let pace: BTreeMap<String, f64> = last_line(&stdout)?;
    let seconds = |name| pace.get(name).map(|per_second| 1.0 / per_second);
    Ok(Outcome { decoded: seconds("first"), cached: seconds("cached"), ..Outcome::measured(measured) })
}

fn their_pictures(materials: &Materials, scratch: &Path) -> Result<Outcome> {
    let mut command = materials.python()?.script("decode.py");
    command.arg("--data").arg(&materials.data).arg("--input").arg(IMAGENET.to_json());
    let (measured, stdout) = measure::measured(&command, None, scratch)?;
    let pace: BTreeMap<String, f64> = last_line(&stdout)?;
    let decoded = pace.get("images_per_second").map(|per_second| 1.0 / per_second);
    Ok(Outcome { decoded, ..Outcome::measured(measured) })
}

fn last_line<T: serde::de::DeserializeOwned>(stdout: &str) -> Result<T> {
    let line = stdout.lines().next_back().context("a program that was measured said nothing")?;
    serde_json::from_str(line).with_context(|| format!("a program that was measured ended with: {line}"))
}

fn mean(figures: &[f64]) -> Option<f64> {
    (!figures.is_empty()).then(|| figures.iter().sum::<f64>() / figures.len() as f64)
}

impl Outcome {
    fn measured(measured: measure::Measured) -> Self {
        Self { seconds: measured.seconds, peak_bytes: measured.peak_bytes as f64, ..Self::default() }
    }

    fn predicted(mut self, right: &[bool], wanted: usize) -> Result<Self> {
        anyhow::ensure!(right.len() == wanted, "{} of {wanted} pictures were classified", right.len());
        self.accuracy = mean(&right.iter().map(|&right| f64::from(u8::from(right))).collect::<Vec<_>>());
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configs_are_toml_whatever_the_folder_is_called() {
        for work in Work::ALL {
            let Some(job) = training(work, &Size::FULL) else { continue };
            let text = our_config(&job, Path::new("/a \"b\" \\c"), Path::new("/w.pth"), "auto");
            let config: toml::Table = text.parse().unwrap();
            assert_eq!(config["data"]["root"].as_str(), Some("/a \"b\" \\c"));
            assert_eq!(config["data"]["input"]["crop"].as_integer(), Some(224));
            assert_eq!(config["run"]["precision"].as_str(), Some("auto"));
            assert_eq!(config.contains_key("augment"), job.augment);
        }
    }

    #[test]
    fn the_summary_gives_epochs_of_the_main_training_and_the_rest_of_the_time() {
        let text = r#"{"steps": [{"name": "load", "seconds": 1.0}, {"name": "fine-tune", "seconds": 6.0}], "epochs": [
            {"phase": "train-head", "validation_accuracy": 0.5, "seconds": 9.0},
            {"phase": "fine-tune", "validation_accuracy": 0.6, "seconds": 2.0},
            {"phase": "fine-tune", "validation_accuracy": 0.7, "seconds": 4.0}]}"#;
        let mut outcome = Outcome { seconds: 10.0, ..Outcome::default() };
        serde_json::from_str::<Summary>(text).unwrap().fill(&mut outcome);
        assert_eq!((outcome.epoch, outcome.accuracy), (Some(3.0), Some(0.7)));
        assert_eq!(outcome.profile[2], ("outside of the five steps".to_owned(), 3.0));
    }

    #[test]
    fn a_prediction_is_right_when_it_names_the_folder() {
        assert_eq!(right_in_columns("/d/cats/1.jpg\tcats\t0.9"), Some(true));
        assert_eq!(right_in_columns("/d/dogs/1.jpg\tcats\t0.9"), Some(false));
        assert_eq!(right_in_columns("a warning"), None);
        assert!(Outcome::default().predicted(&[true], 2).is_err());
        assert_eq!(Outcome::default().predicted(&[true, false], 2).unwrap().accuracy, Some(0.5));
    }
}
