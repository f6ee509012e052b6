//! What several processes share of an optimizer step.

use features::loader::Split;
use run_config::{BatchNormPolicy, ConfigError, Run, Split as Asked};

/// The key.
const SPLIT: &str = "run.split";

/// Returns what the processes of a run share of a step; `has_norms` where stages that are trained have batch-norm. While its
/// policy is not decided it counts as frozen.
///
/// # Errors
/// At `run.split` when steps cannot be shared, with what to write.
pub fn of_run(run: &Run, has_norms: bool) -> Result<Split, ConfigError> {
    let (processes, config) = (run.processes, &run.config);
    let enough_batches = config.train.accumulate.get() >= processes;
    let norms_learn = has_norms && config.finetune.batch_norm == BatchNormPolicy::Train;
    let needs_whole = match () {
        () if norms_learn => Some("batch-norm learns from whole batches (finetune.batch_norm)"),
        () if config.regularize.spectral_shrinkage.is_some() => {
            Some("regularize.spectral_shrinkage is of a whole batch")
        }
        () => None,
    };
    let too_small = config.train.batch_size.get() < processes;
    let refuse = |because: String| Err(run.source.wrong(SPLIT, format!("{because}; {}", remedies(run))));
    match (config.run.split, needs_whole) {
        _ if processes == 1 => Ok(Split::Batches),
        (Asked::Auto | Asked::Batches, _) if enough_batches => Ok(Split::Batches),
        (Asked::Auto | Asked::Batch, None) if !too_small => Ok(Split::Rows),
        (Asked::Batch, Some(because)) => {
            refuse(format!("\"batch\" deals out the images of a batch, and {because}"))
        }
        (Asked::Batches, _) => refuse(short_of_batches(run)),
        (_, Some(because)) => refuse(format!("{}, and {because}", short_of_batches(run))),
        (_, None) => refuse(format!("{processes} processes cannot share {} images", config.train.batch_size)),
    }
}

fn short_of_batches(run: &Run) -> String {
    let batches = match run.config.train.accumulate.get() {
        1 => "1 batch".to_owned(),
        count => format!("{count} batches"),
    };
    format!("{} processes cannot share steps of {batches}", run.processes)
}

/// Returns what to write for steps of the same size, where batches can be as small, and for larger ones.
fn remedies(run: &Run) -> String {
    let (batch_size, accumulate) = (run.config.train.batch_size.get(), run.config.train.accumulate.get());
    let (images, processes) = (batch_size * accumulate, run.processes);
    let larger = format!("steps of {} images: train.accumulate = {processes}", batch_size * processes);
    if images.is_multiple_of(processes) && images > processes {
        return format!(
            "the same steps of {images} images: train.batch_size = {}, train.accumulate = {processes} (batch-norm and mixing then see {} images at a time); {larger}",
            images / processes,
            images / processes
        );
    }
    larger
}

#[cfg(test)]
mod tests;
