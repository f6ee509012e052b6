//! Steps 4 and 5: the two phases of training.

use backbone::{Backbone, StageId};
use features::feature_cost;
use records::{Event, KeptRecord, Session, StepName};
use run_config::Checkpoints;
use training::freeze::FreezePlan;
use training::{Ending, Loaders, Phase, PhaseEnd, Trainer, TrainingState, enough_epochs};

use super::head_fit;
use super::loaders::{Request, loaders, variation};
use super::phase::phase;
use super::plan::Training;
use super::prepared::Prepared;
use super::step::{Inputs, Step};
use super::trained::{Trained, checkpoint, try_checkpoint};
use super::{source, words};
use crate::Error;

/// Trains the head, or fine-tunes what the plan unfreezes.
///
/// # Errors
/// When numbers go out of bounds, or an image can no longer be read.
pub(super) fn train(
    inputs: &Inputs<'_>,
    trained: Trained,
    step: StepName,
    session: &mut Session<'_>,
) -> Result<Step<Trained>, Error> {
    let Inputs { run, plan: recipe, .. } = *inputs;
    let training = if step == StepName::TrainHead { recipe.train_head } else { recipe.fine_tune };
    let epochs = match training {
        _ if trained.interrupted => {
            return Ok(Step { made: trained, what: "not begun: the run was interrupted".to_owned() });
        }
        Training::Nothing(because) => {
            return Ok(Step { made: trained, what: format!("nothing to do: {because}") });
        }
        Training::Solve(solver) => {
            return head_fit::solve(inputs, measured(inputs, trained, session)?, solver, session);
        }
        Training::Epochs(epochs) => epochs,
    };
    let trained = measured(inputs, trained, session)?;
    let plan = trained.prepared.plan_of(step);
    if trained.state.is_none() && plan.first_live_in(&trained.prepared.backbone, 1) > StageId::INPUT {
        feature_cost::hint(&run.config).into_iter().for_each(|note| session.emit(&Event::Note(note)));
    }
    let Some(attention) = source::channel_attention(inputs, &trained.prepared, step, session)? else {
        let made = Trained { interrupted: true, ..trained };
        return Ok(Step { made, what: "interrupted before it began".to_owned() });
    };
    let Trained { mut prepared, state, mut loaders, kept: earlier, head_fit, .. } = trained;
    let penalties = prepared.source.penalties(&run.config.regularize, attention);
    let phase = Phase { kind: prepared.kind, ..phase(inputs, step, epochs, &plan, penalties) };
    let mut state = match state {
        Some(state) => state.next(&phase),
        None => TrainingState::new(&phase),
    };
    let later_cuts = later_cuts(inputs, &prepared, &phase);
    let backbone = &mut prepared.backbone;
    let done = run_phase(inputs, &phase, backbone, &mut state, &mut loaders, &later_cuts, session);
    let Done { end, kept_bytes } = match done {
        // The weights from before are worth keeping, whatever else is kept.
        Err(Error::Training(training::Error::Diverged { phase, epoch, step, loss, origin, .. })) => {
            let kept = checkpoint(inputs, backbone, "last-good.safetensors").unwrap_or_else(|error| {
                session.emit(&Event::Warning(error.to_string()));
                None
            });
            return Err(training::Error::Diverged { phase, epoch, step, loss, origin, kept }.into());
        }
        done => done?,
    };
    if run.config.run.checkpoints != Checkpoints::None && state.steps > 0 {
        try_checkpoint(inputs, backbone, &format!("{step}.safetensors"), session);
    }
    let what = words::trained(&phase, backbone, &state, &end, kept_bytes);
    let interrupted = end.ending == Ending::Interrupted;
    let last = state.epochs_of_phase().last().map(|epoch| KeptRecord::last(&epoch.phase, epoch.epoch));
    let kept = end.kept.or(last).or(earlier);
    Ok(Step { made: Trained { prepared, state: Some(state), loaders, kept, head_fit, interrupted }, what })
}

/// Measures by what the head standardises what it reads, before the first training step.
fn measured(inputs: &Inputs<'_>, mut trained: Trained, session: &mut Session<'_>) -> Result<Trained, Error> {
    if trained.state.is_none() && trained.head_fit.is_none() {
        trained.loaders = head_fit::standardise(inputs, &mut trained.prepared, session)?;
    }
    Ok(trained)
}

/// What became of a phase.
struct Done {
    end: PhaseEnd,
    /// Bytes of features of the frozen stages that were kept in the first epoch; `None` when each epoch computes them.
    kept_bytes: Option<u64>,
}

/// Goes over the segments of a phase: for each the loaders, then its epochs, with a checkpoint after each epoch.
fn run_phase(
    inputs: &Inputs<'_>,
    phase: &Phase<'_>,
    backbone: &mut Backbone,
    state: &mut TrainingState,
    current: &mut Option<Loaders>,
    cuts: &[StageId],
    session: &mut Session<'_>,
) -> Result<Done, Error> {
    let after_epochs =
        inputs.run.config.run.checkpoints == Checkpoints::Epochs && phase.step == StepName::FineTune;
    let mut kept_bytes = None;
    let segments = state.segments_left(phase, backbone);
    let mut nothing = ();
    let mut trainer = Trainer::new(phase, backbone, state, &mut nothing);
    for segment in segments {
        trainer.unfreeze(&segment);
        let later_cuts = cuts.iter().copied().filter(|&cut| cut < segment.cut).collect();
        let backbone = trainer.backbone();
        let request = Request { backbone, cut: segment.cut, epochs: phase.epochs, later_cuts };
        let made = match loaders(inputs, &request, current.take(), session) {
            Ok(made) => current.insert(made),
            Err(features::Error::Interrupted) => {
                trainer.interrupt(session)?;
                break;
            }
            Err(error) => return Err(error.into()),
        };
        if segment.first_epoch == 1 {
            kept_bytes = made.training.feature_bytes();
        }
        while trainer.epoch(&segment, made, session)? {
            if after_epochs {
                try_checkpoint(inputs, &trainer.model(), "last.safetensors", session);
            }
            trainer.save(session)?;
        }
        if trainer.is_over() {
            break;
        }
    }
    Ok(Done { end: trainer.finish(current.as_ref())?, kept_bytes })
}

/// Returns the cuts of this phase and of the one after it, the last stage first. Not those of the latter where it shows
/// other views of the images.
fn later_cuts(inputs: &Inputs<'_>, prepared: &Prepared, phase: &Phase<'_>) -> Vec<StageId> {
    let Inputs { run, plan: recipe, .. } = *inputs;
    let backbone = &prepared.backbone;
    let cuts = |plan: &FreezePlan, epochs| {
        plan.segments(backbone, epochs).into_iter().map(|segment| segment.cut).collect::<Vec<_>>()
    };
    let mut all = cuts(phase.plan, phase.epochs);
    if let (StepName::TrainHead, Training::Epochs(next)) = (phase.step, recipe.fine_tune) {
        let next = enough_epochs(next, phase.train, phase.images);
        if variation(run, next) == variation(run, phase.epochs) {
            all.extend(cuts(&prepared.plan, next));
        }
    }
    all.dedup();
    all
}
