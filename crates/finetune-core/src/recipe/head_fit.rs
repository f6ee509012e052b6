//! What is computed of the head from features, before anything is trained.

use backbone::{Mode, StageId};
use features::loader::Variation;
use records::{Depth, Event, HeadFitRecord, Session};
use run_config::{Checkpoints, HeadPolicy, HeadSolver};
use training::head_fit::{self, Problem};
use training::{Loaders, enough_epochs};

use super::loaders::{Request, loaders, once, variation};
use super::plan::Training;
use super::prepared::Prepared;
use super::step::{Inputs, Step};
use super::trained::{Trained, try_checkpoint};
use crate::Error;

/// Measures by what a new head standardises what it reads; nothing where it does not, or is the source's. Returns the loaders
/// of that pass where training can go on with them.
///
/// # Errors
/// When an image can no longer be read, or on interruption.
pub(super) fn standardise(
    inputs: &Inputs<'_>,
    prepared: &mut Prepared,
    session: &mut Session<'_>,
) -> Result<Option<Loaders>, Error> {
    if !prepared.backbone.head().is_standardised() || inputs.plan.head == HeadPolicy::Keep {
        return Ok(None);
    }
    let (batch_size, seed) = (inputs.run.config.train.batch_size.get(), inputs.run.config.run.seed);
    if inputs.plan.depth == Depth::Scratch {
        // Random weights have no running statistics yet: they are measured along with what the head reads.
        let measuring = (0..).map(|before| Mode::MeasureNorm { before });
        let backbone = &prepared.backbone;
        let loader = once(inputs, backbone, StageId::INPUT, &inputs.images.train, session.interrupt)?;
        head_fit::standardise(backbone, &loader, batch_size, seed, measuring)?;
        return Ok(None);
    }
    let as_it_is = std::iter::repeat(Mode::Evaluate);
    // Where images vary, what the head reads of them as they are is not kept.
    if variation(inputs.run, 1) == Variation::Fixed {
        let made = head_loaders(inputs, prepared, session)?;
        head_fit::standardise(&prepared.backbone, &made.training, batch_size, seed, as_it_is)?;
        return Ok(Some(made));
    }
    let cut = freeze(prepared);
    let loader = once(inputs, &prepared.backbone, cut, &inputs.images.train, session.interrupt)?;
    head_fit::standardise(&prepared.backbone, &loader, batch_size, seed, as_it_is)?;
    Ok(None)
}

/// Computes the head by a solver, in place of training it.
///
/// # Errors
/// At `finetune.head_solver` when the images are too few; when one can no longer be read, or on interruption.
pub(super) fn solve(
    inputs: &Inputs<'_>,
    trained: Trained,
    solver: HeadSolver,
    session: &mut Session<'_>,
) -> Result<Step<Trained>, Error> {
    let Inputs { run, images, .. } = *inputs;
    let Trained { mut prepared, loaders: made, .. } = trained;
    let made = match made {
        Some(made) => made,
        None => head_loaders(inputs, &mut prepared, session)?,
    };
    let problem = Problem {
        images: &made.training,
        labels: &images.train.labels(),
        groups: &images.train.groups(),
        classes: images.classes.len(),
        batch_size: run.config.train.batch_size.get(),
        seed: run.config.run.seed,
    };
    let fit: Option<HeadFitRecord> =
        head_fit::solve(&prepared.backbone, solver, &problem).map_err(|error| match error {
            training::Error::Transferability(error) => {
                run.source.wrong("finetune.head_solver", error.to_string()).into()
            }
            error => Error::from(error),
        })?;
    let what = fit.as_ref().map_or_else(String::new, |fit| {
        session.emit(&Event::HeadFit(fit));
        format!("computed the head from {} features of {} images: {fit}", fit.features, fit.images)
    });
    if run.config.run.checkpoints != Checkpoints::None {
        try_checkpoint(inputs, &prepared.backbone, "train-head.safetensors", session);
    }
    Ok(Step {
        made: Trained {
            prepared,
            loaders: Some(made),
            head_fit: fit,
            state: None,
            kept: None,
            interrupted: false,
        },
        what,
    })
}

/// Freezes everything before what is new, and prepares it to compute fast. Returns the first stage that is new.
fn freeze(prepared: &mut Prepared) -> StageId {
    let cut = prepared.backbone.first_new();
    prepared.backbone.freeze_before(cut);
    prepared.backbone.prepare_inference(StageId::INPUT..cut, prepared.kind);
    cut
}

/// Makes loaders of what passes into the head; what the step `fine-tune` is going to need is kept on the way.
fn head_loaders(
    inputs: &Inputs<'_>,
    prepared: &mut Prepared,
    session: &mut Session<'_>,
) -> Result<Loaders, Error> {
    let cut = freeze(prepared);
    let mut later_cuts = fine_tune_cuts(inputs, prepared);
    later_cuts.retain(|&later| later < cut);
    let request = Request { backbone: &prepared.backbone, cut, epochs: 1, later_cuts };
    Ok(loaders(inputs, &request, None, session)?)
}

/// Returns the cuts of the step `fine-tune`, the last stage first.
fn fine_tune_cuts(inputs: &Inputs<'_>, prepared: &Prepared) -> Vec<StageId> {
    let Training::Epochs(epochs) = inputs.plan.fine_tune else { return Vec::new() };
    let epochs = enough_epochs(epochs, &inputs.run.config.train, inputs.images.train.len());
    let segments = prepared.plan.segments(&prepared.backbone, epochs);
    segments.into_iter().map(|segment| segment.cut).collect()
}
