//! What the configuration leaves open, decided once images and network are known.

use records::{Depth, Event, Session};
use run_config::{BatchNormPolicy, Run};
use training::against_data::check_wise_ft;
use training::decide::{self, Circumstances};

use super::chosen_images::images_of;
use super::gather::{Materials, trial};
use crate::Error;

/// Decides what the configuration of a run leaves open, writes it into the configuration, and says so.
///
/// # Errors
/// When a class has fewer images than are asked for, and at a key that the network contradicts.
pub(crate) fn decide(run: &mut Run, materials: &Materials, session: &mut Session<'_>) -> Result<(), Error> {
    let images = images_of(run, &materials.images)?;
    if run.config.finetune.batch_norm == BatchNormPolicy::Auto {
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
        check_wise_ft(run, &backbone, &plan)?;
    }
    let train = &mut run.config.train;
    let (epochs, record) = decide::epochs(train, images.train.len());
    train.validate_every = Some(decide::validate_every(train, epochs));
    train.keep = Some(decide::keep(train, images.validation.len(), images.fold.is_some()));
    train.min_steps = Some(train.min_steps());
    train.epochs = Some(epochs);
    run.decisions.extend(record);
    for decision in &run.decisions {
        session.emit(&Event::Note(decision.to_string()));
    }
    Ok(())
}
