//! Step 1: the network, with the source weights.

use std::sync::Arc;

use backbone::{Backbone, Ending, Values};
use checkpoint::Checkpoint;
use records::{EndingRecord, LoadRecord};
use zoo::source_weights;

use super::gather::{build, end};
use super::step::{Inputs, Step};
use crate::Error;

/// The network as the source has it.
pub(super) struct Loaded {
    pub(super) backbone: Backbone,
    /// What was loaded of the weights.
    pub(super) load: LoadRecord,
    /// What makes probabilities of the source head's logits, as far as its weights tell.
    pub(super) head_scale: Option<f64>,
    /// The source weights, where step `head` builds another network of them.
    pub(super) checkpoint: Option<Arc<Checkpoint>>,
}

/// Builds the network and loads the weights of the plan.
///
/// # Errors
/// When the weights do not fit the network.
pub(super) fn load(inputs: &Inputs<'_>, checkpoint: Option<Arc<Checkpoint>>) -> Result<Step<Loaded>, Error> {
    let Inputs { run, materials, plan, .. } = *inputs;
    let (network, input) = (run.network, &materials.input);
    let values = Values::Awaited { seed: run.config.run.seed };
    let mut backbone = build(run, input, checkpoint.as_deref(), values)?;
    let for_delta = checkpoint.clone().filter(|_| run.config.regularize.delta.is_some());
    let prepared = format!("images are {input} ({})", materials.input_from);
    let (Some(weights), Some(checkpoint)) = (plan.weights.clone(), checkpoint) else {
        let ended = ended(inputs, &mut backbone)?;
        backbone.draw_awaited();
        let load = LoadRecord { weights: "none".to_owned(), ..LoadRecord::default() };
        let made = Loaded { backbone, load, head_scale: None, checkpoint: for_delta };
        let what = format!("built {} with random weights{ended}; {prepared}", network.name);
        return Ok(Step { made, what });
    };
    let report = backbone.load(&checkpoint)?;
    let head_scale = source_weights::head_scale(network, run.weights.as_ref(), &checkpoint);
    tracing::info!(file = %checkpoint.path.display(), sha256 = checkpoint.sha256, "loaded source weights");
    let wrong_shape = report.wrong_shape.iter();
    let load = LoadRecord {
        weights,
        sha256: checkpoint.sha256.clone(),
        loaded: report.loaded.len() as u64,
        missing: report.missing.clone(),
        unused: report.unused.iter().chain(&checkpoint.unwrapped.unused).cloned().collect(),
        wrong_shape: wrong_shape.map(|w| format!("{}: {:?}, {:?}", w.name, w.file, w.network)).collect(),
    };
    let differences = match report.differences() {
        none if none.is_empty() => "all of them".to_owned(),
        some => some,
    };
    let unwrapped = match source_weights::describe_unwrapping(&checkpoint) {
        none if none.is_empty() => none,
        some => format!(" ({some})"),
    };
    let refitted = report.refitted.iter().map(|w| {
        format!("; {} interpolated from {:?} to {:?} for images of another size", w.name, w.file, w.network)
    });
    let refitted: String = refitted.collect();
    let ended = ended(inputs, &mut backbone)?;
    // The file's arrays are large.
    drop(checkpoint);
    torch_extra::memory::give_back();
    let (name, LoadRecord { loaded, weights, .. }) = (network.name, &load);
    let what = format!(
        "built {name} and loaded {loaded} tensors from {weights}, {differences}{unwrapped}{refitted}{ended}; {prepared}"
    );
    Ok(Step { made: Loaded { backbone, load, head_scale: Some(head_scale), checkpoint: for_delta }, what })
}

/// Ends the network as the run asks. Returns where it ends and what its head reads, in words; nothing for a whole network.
fn ended(inputs: &Inputs<'_>, backbone: &mut Backbone) -> Result<String, Error> {
    let body = |backbone: &Backbone| -> u64 {
        backbone.ids().rev().skip(1).map(|id| backbone.parameter_count(id)).sum()
    };
    let before = body(backbone);
    end(inputs.run, backbone)?;
    let left = body(backbone);
    Ok(match ending_record(backbone) {
        Some(ending) if left < before => {
            format!("; {ending}, {} of {before} parameters before the head dropped", before - left)
        }
        Some(ending) => format!("; {ending}"),
        None => String::new(),
    })
}

/// Returns the record of where a network ends; `None` for a whole one.
pub(super) fn ending_record(backbone: &Backbone) -> Option<EndingRecord> {
    let Ending { cut, taps } = backbone.ending();
    let features = u64::try_from(backbone.head().features).unwrap_or(0);
    cut.map(|cut| EndingRecord { cut, taps, features })
}
