//! Step 1: the network, with the source weights.

use std::sync::Arc;

use backbone::{Backbone, Values};
use checkpoint::Checkpoint;
use records::LoadRecord;
use zoo::source_weights;

use super::gather::build;
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
    let mut backbone = build(run, input, checkpoint.as_deref(), values);
    let for_delta = checkpoint.clone().filter(|_| run.config.regularize.delta.is_some());
    let prepared = format!("images are {input} ({})", materials.input_from);
    let (Some(weights), Some(checkpoint)) = (plan.weights.clone(), checkpoint) else {
        backbone.draw_awaited();
        let load = LoadRecord { weights: "none".to_owned(), ..LoadRecord::default() };
        let made = Loaded { backbone, load, head_scale: None, checkpoint: for_delta };
        return Ok(Step { made, what: format!("built {} with random weights; {prepared}", network.name) });
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
    // The file's arrays are large.
    drop(checkpoint);
    torch_extra::memory::give_back();
    let (name, LoadRecord { loaded, weights, .. }) = (network.name, &load);
    let what = format!(
        "built {name} and loaded {loaded} tensors from {weights}, {differences}{unwrapped}; {prepared}"
    );
    Ok(Step { made: Loaded { backbone, load, head_scale: Some(head_scale), checkpoint: for_delta }, what })
}
