//! How each side does each work: configurations, commands, and what is read from their output. What is no training is in
//! `images`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use records::{EpochRecord, RecipeStepRecord};
use serde::Deserialize;
use statistics::mean;

use super::images;
use super::materials::{BATCH, IMAGENET, LITE, Materials};
use super::measure::{self, Said, last_line};
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

    /// How many photographs a network classifies: fewer where it takes long.
    pub(super) fn predicted(&self, work: Work) -> usize {
        if work == Work::Predict { self.predicted } else { self.predicted / 3 }
    }
}

/// A training that both sides run.
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
        Work::Predict | Work::PredictConvnext | Work::PredictVit | Work::Decode => None,
    }
}

/// The network that a work is about, if it is about one.
pub(super) fn arch(work: Work, size: &Size) -> Option<&'static str> {
    training(work, size).map(|job| job.arch).or_else(|| work.prediction().map(|by| by.arch))
}

/// Runs a side once, in a fresh `scratch` folder.
pub(super) fn run(
    materials: &Materials,
    work: Work,
    side: Side,
    size: &Size,
    scratch: &Path,
) -> Result<Outcome> {
    match (training(work, size), work.prediction(), side) {
        (Some(training), _, Side::Ours) => our_training(materials, work, &training, scratch),
        (Some(training), _, peer) => their_training(materials, work, &training, peer, scratch),
        (None, Some(by), Side::Ours) => images::our_prediction(materials, by, scratch),
        (None, Some(by), peer) => images::their_prediction(materials, by, peer, scratch),
        (None, None, Side::Ours) => images::our_decoding(materials, scratch),
        (None, None, _) => images::their_decoding(materials, scratch),
    }
}

/// Trains a new head of a network for one epoch: a model to predict with, in `scratch/run`.
pub(super) fn model(materials: &Materials, arch: &'static str, scratch: &Path) -> Result<()> {
    let job = Training { arch, depth: "head", ours: "head", head_epochs: 0, epochs: 1, augment: false };
    our_training(materials, Work::Head, &job, scratch).map(drop)
}

fn our_training(materials: &Materials, work: Work, job: &Training, scratch: &Path) -> Result<Outcome> {
    let (config, folder) = (scratch.join("bench.toml"), scratch.join("run"));
    let text = our_config(job, &materials.data, materials.weights(job.arch)?, &materials.precision);
    fs::write(&config, text).with_context(|| format!("cannot write {}", config.display()))?;
    let mut command = materials.finetune(scratch)?;
    command.arg("--config").arg(&config).arg("--out").arg(&folder);
    let first = (work == Work::FirstStep).then(|| folder.join("metrics.jsonl"));
    if first.is_some() {
        command.env("RUST_LOG", "finetune_core::train=debug,training=debug");
    }
    let (measured, _) = measure::measured(&command, first.as_deref(), scratch)?;
    let mut outcome = Outcome::measured(&measured);
    if first.is_some() {
        outcome.profile = until_first_step(&measured.said, measured.seconds);
        outcome.first_batch = first_batch(&measured.said);
    } else {
        let path = folder.join("summary.json");
        let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        let summary: Summary =
            serde_json::from_slice(&text).context("a run's summary is of an unknown form")?;
        summary.fill(&mut outcome);
    }
    Ok(outcome)
}

/// The way to the first training step from the lines of our side: each step of the recipe from where it begins.
fn until_first_step(said: &[Said], seconds: f64) -> Vec<(String, f64)> {
    let mut profile = Vec::new();
    let (mut part, mut since) = ("start and decoding", 0.0);
    for Said { after, line } in said {
        let next = match line.trim_start() {
            line if line.starts_with("decoding: ") => "preparing the steps",
            // "step 1/5 load"
            line if line.starts_with("step ") => line.rsplit(' ').next().unwrap_or_default(),
            line if line.contains(FIRST_BATCH) => "the step itself",
            _ => continue,
        };
        profile.push((part.to_owned(), after - since));
        (part, since) = (next, *after);
    }
    profile.push((part.to_owned(), seconds - since));
    profile
}

/// Part of the line that each side writes when it has the first batch.
const FIRST_BATCH: &str = "first batch";

fn first_batch(said: &[Said]) -> Option<f64> {
    said.iter().find(|said| said.line.contains(FIRST_BATCH)).map(|said| said.after)
}

/// What is read of `summary.json`.
#[derive(Deserialize)]
struct Summary {
    steps: Vec<RecipeStepRecord>,
    epochs: Vec<EpochRecord>,
}

impl Summary {
    fn fill(self, outcome: &mut Outcome) {
        let last = self.epochs.last();
        let of_main = |epoch: &&EpochRecord| last.is_some_and(|last| last.phase == epoch.phase);
        let main: Vec<f64> = self.epochs.iter().filter(of_main).map(|epoch| epoch.seconds).collect();
        outcome.epoch = (!main.is_empty()).then(|| mean(&main));
        outcome.accuracy = last.and_then(|epoch| epoch.validation_accuracy);
        outcome.profile = self.steps.into_iter().map(|step| (step.name, step.seconds)).collect();
        let of_steps: f64 = outcome.profile.iter().map(|(_, seconds)| seconds).sum();
        outcome.profile.push(("outside of the five steps".to_owned(), outcome.seconds - of_steps));
    }
}

fn our_config(job: &Training, data: &Path, weights: &Path, precision: &str) -> String {
    let quoted = |path: &Path| toml::Value::String(path.display().to_string()).to_string();
    let (root, weights) = (quoted(data), quoted(weights));
    let (arch, depth, head_epochs, epochs) = (job.arch, job.ours, job.head_epochs, job.epochs);
    let input = if arch == "efficientnet_lite0" { LITE } else { IMAGENET }.to_toml();
    let augment = if job.augment { "\n[augment]\nhorizontal_flip = 0.5\nresized_crop = {}\n" } else { "" };
    format!(
        "# Written by `experiments bench`.\n\n[data]\nroot = {root}\ninput = {input}\n\n\
         [model]\narch = \"{arch}\"\nweights = {weights}\n\n\
         [finetune]\ndepth = \"{depth}\"\nhead_epochs = {head_epochs}\nrate_scale = 0.1\n{augment}\n\
         [regularize]\nweight_decay = 0.0\n\n\
         [train]\nepochs = {epochs}\nbatch_size = {BATCH}\nlearning_rate = 1e-3\noptimizer = \"adamw\"\n\
         schedule = \"constant\"\n\n[run]\nseed = 0\ndevice = \"cpu\"\ncheckpoints = \"none\"\n\
         precision = \"{precision}\"\n"
    )
}

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
    let mut outcome = Outcome::measured(&measured);
    if first.is_some() {
        outcome.first_batch = first_batch(&measured.said);
    } else {
        let Trained { epochs, accuracy } = last_line(&stdout)?;
        let own = epochs.len().saturating_sub(job.epochs as usize);
        let counted = &epochs[own..];
        outcome.epoch = (!counted.is_empty()).then(|| mean(counted));
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

#[cfg(test)]
mod tests {
    use serde_json::json;

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
        let step = |name: &str, seconds| json!({"name": name, "what": "", "seconds": seconds});
        let epoch = |phase: &str, accuracy, seconds| {
            json!({
                "phase": phase, "epoch": 1, "train_loss": 0.5, "train_accuracy": 0.5, "validation_loss": 0.5,
                "validation_accuracy": accuracy, "learning_rate": 1e-3, "images_per_second": 9.0, "seconds": seconds
            })
        };
        let summary = json!({
            "name": "what else a summary has",
            "steps": [step("load", 1.0), step("fine-tune", 6.0)],
            "epochs": [epoch("train-head", 0.5, 9.0), epoch("fine-tune", 0.6, 2.0), epoch("fine-tune", 0.7, 4.0)]
        });
        let mut outcome = Outcome { seconds: 10.0, ..Outcome::default() };
        serde_json::from_value::<Summary>(summary).unwrap().fill(&mut outcome);
        assert_eq!((outcome.epoch, outcome.accuracy), (Some(3.0), Some(0.7)));
        assert_eq!(outcome.profile[2], ("outside of the five steps".to_owned(), 3.0));
    }

    #[test]
    fn the_time_to_the_first_step_is_split_by_the_lines_on_stderr() {
        let said = [
            (0.5, "    decoding: 600 images"),
            (0.75, "step 1/5 load"),
            (0.8, "    a note"),
            (1.0, "step 2/5 freeze"),
            (1.5, "DEBUG finetune_core::train::epoch: the first batch is there"),
        ];
        let said = said.map(|(after, line)| Said { after, line: line.to_owned() });
        let profile = until_first_step(&said, 3.0);
        let parts: Vec<(&str, f64)> =
            profile.iter().map(|(part, seconds)| (part.as_str(), *seconds)).collect();
        assert_eq!(
            parts,
            [
                ("start and decoding", 0.5),
                ("preparing the steps", 0.25),
                ("load", 0.25),
                ("freeze", 0.5),
                ("the step itself", 1.5)
            ]
        );
        assert_eq!((first_batch(&said), first_batch(&said[..3])), (Some(1.5), None));
    }
}
