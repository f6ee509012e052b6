//! Step 3: the head that is trained, new or the source's.

use backbone::Backbone;
use backbone::layers::LinearInit;
use data_parallel::{backend, split};
use features::loader::Share;
use records::{Depth, Event, PhasePlanRecord, Session, StepName};
use run_config::HeadPolicy;
use training::SourceReference;
use training::decide;
use training::outline::outline;
use training::penalties::Penalties;
use training::precision::{self, Purpose, Workload};

use super::freeze::Frozen;
use super::load::Loaded;
use super::phase::phase;
use super::prepared::Prepared;
use super::step::{Inputs, Step};
use super::{frozen_proof, source};
use crate::Error;

/// Replaces the head, or keeps the source's, and puts the network on its device.
///
/// # Errors
/// When an image can no longer be read, or on interruption.
pub(super) fn head(
    inputs: &Inputs<'_>,
    frozen: Frozen,
    session: &mut Session<'_>,
) -> Result<Step<Prepared>, Error> {
    let Inputs { run, materials, images, plan: recipe, .. } = *inputs;
    let Frozen { loaded: Loaded { mut backbone, load, head_scale, checkpoint }, plan } = frozen;
    let mut source = SourceReference::default();
    let what = match recipe.head {
        HeadPolicy::New => {
            source.original_head = source::original_head(inputs, &mut backbone, head_scale, session)?;
            replace(inputs, &mut backbone)
        }
        HeadPolicy::Keep => {
            let (head, order) = (backbone.head(), materials.class_order.in_words());
            format!(
                "kept the source's {} for its {} classes, to be trained on; {order}",
                head.root, head.classes
            )
        }
    };
    backbone.to(run.device, run.config.run.precision.weights());
    backbone.use_channels_last();
    let workload = Workload {
        input: &materials.input,
        batch_size: run.config.train.batch_size.get().min(images.train.len()),
        threads: run.threads,
        purpose: Purpose::Train { from: plan.first_live, low_rank: plan.low_rank },
    };
    let measured = || precision::kind(run.config.run.precision, &mut backbone, &workload);
    let kind = inputs.kind.unwrap_or_else(measured);
    // What one process has measured holds for all.
    let kind = precision::named(&materials.team.from_lead(precision::name(kind).to_owned())?);
    source.weights = source::weights(inputs, &backbone, &load.missing);
    source.network = source::network(inputs, checkpoint.as_deref())?;
    let stages = frozen_proof::records(&backbone, &plan)?;
    let mut prepared = Prepared { backbone, kind, plan, source, load, stages, phases: Vec::new() };
    let phases = recipe.phases().map(|(step, epochs)| {
        let plan = prepared.plan_of(step);
        let phase = phase(inputs, step, epochs, &plan, Penalties::default());
        let prepares = step == StepName::TrainHead && *run.depth() != Depth::Head;
        let epochs_by = decide::epochs_by(phase.epochs > epochs, prepares, &run.decisions).to_owned();
        PhasePlanRecord { epochs_by, ..outline(&phase, &prepared.backbone) }
    });
    prepared.phases = phases.collect();
    session.emit(&Event::Planned(&prepared.phases));
    announce_shares(inputs, &prepared, session)?;
    Ok(Step { made: prepared, what })
}

/// Puts a new head in place of the source's. Returns what was done.
fn replace(inputs: &Inputs<'_>, backbone: &mut Backbone) -> String {
    let before = backbone.head().classes;
    let classes = inputs.images.classes.len();
    let init = match inputs.run.depth() {
        Depth::Scratch => backbone.head().init,
        _ => LinearInit::TorchDefault,
    };
    backbone.replace_head(i64::try_from(classes).unwrap_or(i64::MAX), init);
    let new = backbone.ids().filter(|&id| id >= backbone.first_new() && id < backbone.head_id());
    let new: Vec<_> = new.map(|id| backbone.name(id)).collect();
    let more = match new.as_slice() {
        [] => String::new(),
        new => format!("; the weights hold features only, so {} starts afresh too", new.join(", ")),
    };
    let head = backbone.head();
    format!(
        "put a fresh {} for {classes} classes ({} features each) in place of the one for {before}{more}",
        head.root, head.features
    )
}

/// Emits what each process computes of an optimizer step.
fn announce_shares(inputs: &Inputs<'_>, prepared: &Prepared, session: &mut Session<'_>) -> Result<(), Error> {
    let Inputs { run, materials, .. } = *inputs;
    if run.processes > 1 {
        let split = split::of_run(run, !prepared.backbone.norms(prepared.plan.first_live).is_empty())?;
        let (batch_size, batches) = (run.config.train.batch_size.get(), run.config.train.accumulate.get());
        let share = Share::of(&materials.team, split, batches);
        session.emit(&Event::Note(share.of_all(batch_size).join("; ")));
        session.emit(&Event::Note(backend::settle(&materials.team, run)?));
    }
    Ok(())
}
