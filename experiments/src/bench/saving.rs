//! What the states cost that a run is resumed from: seconds of saving next to those of training.

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use records::EpochRecord;
use serde::Deserialize;

use super::materials::{BATCH, IMAGENET, Materials};
use super::measure::{self, Said};

const ARCH: &str = "resnet18";

/// Epochs of the run.
pub(super) const EPOCHS: u32 = 6;

/// Share of the training that saving may take.
const MOST: f64 = 0.01;

/// The network that the run needs weights of.
pub(super) fn network() -> &'static str {
    ARCH
}

/// What saving cost in a run.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Cost {
    /// Seconds for which the training waited, for each state.
    held: Vec<f64>,
    /// Seconds until each was on the disk, waiting included.
    states: Vec<f64>,
    /// Seconds of all epochs.
    training: f64,
    /// Bytes of the largest state.
    bytes: u64,
}

/// Trains the whole network and saves states as often as a run does whose `run.save_seconds` is 1: what bounds the cost is the rule
/// that a state waits for 100 times what the last one took.
pub(super) fn cost(materials: &Materials, epochs: u32, scratch: &Path) -> Result<Cost> {
    let (config, folder) = (scratch.join("saving.toml"), scratch.join("run"));
    let quoted = |path: &Path| toml::Value::String(path.display().to_string()).to_string();
    let text = format!(
        "# Written by `experiments bench --saving`.\n\n[data]\nroot = {}\ninput = {}\n\n\
         [model]\narch = \"{ARCH}\"\nweights = {}\n\n[finetune]\ndepth = \"all\"\nhead_epochs = 0\n\n\
         [train]\nepochs = {epochs}\nbatch_size = {BATCH}\nlearning_rate = 1e-4\noptimizer = \"adamw\"\nema = 0.99\n\n\
         [run]\ndevice = \"cpu\"\ncheckpoints = \"none\"\nsave_seconds = 1\nprecision = \"{}\"\n",
        quoted(&materials.data),
        IMAGENET.to_toml(),
        quoted(materials.weights(ARCH)?),
        materials.precision
    );
    fs::write(&config, text).with_context(|| format!("cannot write {}", config.display()))?;
    let mut command = materials.finetune(scratch)?;
    command.arg("--config").arg(&config).arg("--out").arg(&folder);
    command.env("RUST_LOG", "run_state=debug").env("NO_COLOR", "1");
    let (measured, _) = measure::measured(&command, None, scratch)?;
    let path = folder.join("summary.json");
    let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let summary: Summary = serde_json::from_slice(&text).context("a run's summary is of an unknown form")?;
    let training = summary.epochs.iter().map(|epoch| epoch.seconds).sum();
    let [held, states, bytes] = ["held=", "seconds=", "bytes="].map(|key| numbers(&measured.said, key));
    Ok(Cost { held, states, training, bytes: bytes.into_iter().fold(0.0, f64::max) as u64 })
}

#[derive(Deserialize)]
struct Summary {
    epochs: Vec<EpochRecord>,
}

/// Returns a number of each line that tells of a state.
fn numbers(said: &[Said], key: &str) -> Vec<f64> {
    let lines = said.iter().filter(|said| said.line.contains("saved a state"));
    let values = lines.filter_map(|said| said.line.split_once(key)?.1.split_whitespace().next());
    values.filter_map(|value| value.parse().ok()).collect()
}

impl Cost {
    fn share(&self) -> f64 {
        self.held.iter().sum::<f64>() / self.training
    }

    /// Fails where saving takes too much of the training.
    pub(super) fn check(&self) -> Result<()> {
        ensure!(!self.states.is_empty(), "the run saved no state");
        ensure!(self.share() <= MOST, "saving took {:.2} % of the training", 100.0 * self.share());
        Ok(())
    }
}

impl fmt::Display for Cost {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { held, states, training, bytes } = self;
        let mean = |of: &[f64]| of.iter().sum::<f64>() / of.len().max(1) as f64;
        writeln!(
            out,
            "saving the states of {ARCH}, all of it trained with AdamW and an average of its weights"
        )?;
        writeln!(
            out,
            "  states    {} of up to {:.0} MB, on the disk after {:.2} s each, for which the training waits {:.2} s",
            states.len(),
            *bytes as f64 / 1e6,
            mean(states),
            mean(held)
        )?;
        writeln!(out, "  share     {:.2} % of {training:.0} s of training", 100.0 * self.share())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_states_cost_is_read_from_the_lines_that_tell_of_them() {
        let line = |line: &str| Said { after: 0.0, line: line.to_owned() };
        let said = [
            line("    epoch 1/3"),
            line("DEBUG run_state::keeper: saved a state held=0.5 seconds=0.75 bytes=1000"),
            line("DEBUG run_state::keeper: saved a state held=0.25 seconds=0.75 bytes=3000"),
        ];
        let [held, states] = ["held=", "seconds="].map(|key| numbers(&said, key));
        assert_eq!((held.as_slice(), numbers(&said, "bytes=")), (&[0.5, 0.25][..], vec![1000.0, 3000.0]));
        let cost = Cost { held, states, training: 100.0, bytes: 3_000_000 };
        assert!(cost.check().is_ok() && cost.to_string().contains("0.75 % of 100 s"), "{cost}");
        assert!(Cost { training: 70.0, ..cost.clone() }.check().is_err());
        assert!(Cost { states: Vec::new(), held: Vec::new(), ..cost }.check().is_err());
    }
}
