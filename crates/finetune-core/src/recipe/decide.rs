//! What the configuration leaves open, decided once images and network are known.

use records::{Depth, Event, Session};
use run_config::{BatchNormPolicy, Run};
use training::decide::{self, Circumstances};

use super::gather::{Materials, images_of, trial};
use crate::Error;

/// Decides what the configuration of a run leaves open, writes it into the configuration, and says so.
///
/// # Errors
/// When a class has fewer images than are asked for, and at a key that the network contradicts.
pub(crate) fn decide(run: &mut Run, materials: &Materials, session: &mut Session<'_>) -> Result<(), Error> {
    if run.config.finetune.batch_norm == BatchNormPolicy::Auto {
        let images = images_of(run, materials)?;
        let (backbone, plan) =
            trial(run, &materials.input, materials.checkpoint.as_deref(), &images.classes)?;
        let (policy, record) = decide::batch_norm(Circumstances {
            from_source: run.weights.is_some() && *run.depth() != Depth::Scratch,
            norms: plan.norms(&backbone),
            images: images.train.len(),
            batch_size: run.config.train.batch_size.get(),
        });
        run.config.finetune.batch_norm = policy;
        run.decisions.extend(record);
    }
    for decision in &run.decisions {
        session.emit(&Event::Note(decision.to_string()));
    }
    Ok(())
}
