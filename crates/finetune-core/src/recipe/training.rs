//! Steps 4 and 5: the two phases of training.

use std::cell::Cell;

use backbone::{Backbone, StageId};
use features::feature_cost;
use records::{Event, KeptRecord, Session, StepName};
use run_config::Checkpoints;
use team::Team;
use training::freeze::FreezePlan;
use training::penalties::saved_attention;
use training::{
    Ending, Handed, Loaders, Phase, PhaseEnd, SaveState, SavedTraining, Tensors, Trainer, TrainingState,
    enough_epochs,
};

use super::course::Course;
use super::head_fit;
use super::loaders::{Request, loaders, variation};
use super::phase::phase;
use super::plan::Training;
use super::prepared::Prepared;
use super::step::{Inputs, Step};
use super::trained::{Trained, checkpoint, try_checkpoint};
use super::{source, words};
use crate::Error;

/// Trains the head, or fine-tunes what the plan unfreezes, from where an earlier process left it if one did.
///
/// # Errors
/// When numbers go out of bounds, or an image can no longer be read.
pub(super) fn train(
    inputs: &Inputs<'_>,
    trained: Trained,
    step: StepName,
    course: &mut Course<'_>,
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
    let resumed = course.resume(step);
    // What an earlier process measured is among the weights that it saved.
    let trained = if resumed.is_some() { trained } else { measured(inputs, trained, session)? };
    let plan = trained.prepared.plan_of(step);
    if trained.state.is_none() && plan.first_live_in(&trained.prepared.backbone, 1) > StageId::INPUT {
        feature_cost::hint(&run.config).into_iter().for_each(|note| session.emit(&Event::Note(note)));
    }
    let attention = match &resumed {
        Some(resumed) => Some(saved_attention(&trained.prepared.backbone, &resumed.saved.tensors)),
        None => source::channel_attention(inputs, &trained.prepared, step, session)?,
    };
    let Some(attention) = attention else {
        let made = Trained { interrupted: true, ..trained };
        return Ok(Step { made, what: "interrupted before it began".to_owned() });
    };
    let seconds = resumed.as_ref().map_or(0.0, |resumed| resumed.seconds);
    let feature_bytes = Cell::new(resumed.as_ref().and_then(|resumed| resumed.feature_bytes));
    let saver = &mut course.in_phase(&trained, seconds, &feature_bytes);
    let Trained { mut prepared, state, mut loaders, kept: earlier, head_fit, .. } = trained;
    plan.apply(&mut prepared.backbone);
    let penalties = prepared.source.penalties(&run.config.regularize, attention);
    let phase = Phase { kind: prepared.kind, ..phase(inputs, step, epochs, &plan, penalties) };
    let mut state = match (resumed, state) {
        (Some(resumed), _) => TrainingState::restored(&phase, &prepared.backbone, resumed.saved)
            .map_err(training::Error::from)?,
        (None, Some(state)) => state.next(&phase),
        (None, None) => TrainingState::new(&phase),
    };
    let later_cuts = later_cuts(inputs, &prepared, &phase);
    let backbone = &mut prepared.backbone;
    let mut under_way = UnderWay { state: &mut state, loaders: &mut loaders, feature_bytes: &feature_bytes };
    let end = match run_phase(inputs, &phase, backbone, &mut under_way, &later_cuts, saver, session) {
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
    let what = words::trained(&phase, backbone, &state, &end, feature_bytes.get().flatten());
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

/// What a phase has come to.
struct UnderWay<'a> {
    state: &'a mut TrainingState,
    /// The images as the stages that were trained last read them.
    loaders: &'a mut Option<Loaders>,
    /// Bytes of features of the frozen stages that were kept in the first epoch, once that is known; no bytes when each epoch
    /// computes them.
    feature_bytes: &'a Cell<Option<Option<u64>>>,
}

/// Goes over the segments of a phase that are left: for each the loaders, then its epochs, with a checkpoint after each epoch and
/// then, where it is time, a state.
fn run_phase(
    inputs: &Inputs<'_>,
    phase: &Phase<'_>,
    backbone: &mut Backbone,
    under_way: &mut UnderWay<'_>,
    cuts: &[StageId],
    saver: &mut dyn SaveState,
    session: &mut Session<'_>,
) -> Result<PhaseEnd, Error> {
    let UnderWay { state, loaders: current, feature_bytes } = under_way;
    let after_epochs =
        inputs.run.config.run.checkpoints == Checkpoints::Epochs && phase.step == StepName::FineTune;
    let segments = state.segments_left(phase, backbone);
    let mut trainer = Trainer::new(phase, backbone, state, saver);
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
        if feature_bytes.get().is_none() {
            feature_bytes.set(Some(made.training.feature_bytes()));
        }
        let mut epochs = |trainer: &mut Trainer<'_>, made: &Loaders| -> Result<(), Error> {
            while trainer.epoch(&segment, made, session)? {
                if after_epochs {
                    try_checkpoint(inputs, &trainer.model(), "last.safetensors", session);
                }
                trainer.save(session)?;
            }
            Ok(())
        };
        if made.training.is_for_one() {
            by_lead(&inputs.materials.team, &mut trainer, made, epochs)?;
        } else {
            epochs(&mut trainer, made)?;
        }
        if trainer.is_over() {
            break;
        }
    }
    Ok(trainer.finish(current.as_ref())?)
}

/// Lets rank 0 train alone, while the others wait, and gives all of them what came of it.
fn by_lead(
    team: &Team,
    trainer: &mut Trainer<'_>,
    made: &mut Loaders,
    epochs: impl FnOnce(&mut Trainer<'_>, &Loaders) -> Result<(), Error>,
) -> Result<(), Error> {
    made.share_with(&Team::alone());
    let handed = team.while_lead(|| {
        epochs(trainer, made)?;
        Ok::<_, Error>(trainer.hand_over()?)
    })?;
    made.share_with(team);
    let (numbers, tensors) = match handed {
        Some(Handed { saved: SavedTraining { numbers, tensors }, is_interrupted }) => {
            (Some((numbers, is_interrupted)), tensors)
        }
        None => (None, Tensors::new()),
    };
    let numbers = team.from_lead(numbers)?;
    let tensors = team.tensors_from_lead(tensors)?;
    match numbers {
        Some((numbers, is_interrupted)) if !team.is_lead() => {
            trainer.take_over(Handed { saved: SavedTraining { numbers, tensors }, is_interrupted })?;
        }
        _ => {}
    }
    Ok(())
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
