//! One pass over the training images.

use std::time::{Duration, Instant};

use backbone::Backbone;
use data_parallel::spread::Spread;
use data_parallel::work::Work;
use features::loader::EpochBatches;
use records::{EpochRecord, Session, StepRecord};

use crate::deferred::StepMetrics;
use crate::save::{SaveMoment, SaveState};
use crate::state::TrainingState;
use crate::step::{Fault, LiveStages, Stopped, shared_step};
use crate::{Error, Phase};

/// How an epoch's steps are taken.
pub(crate) struct Means<'a> {
    /// Saves states in between.
    pub(crate) saver: &'a mut dyn SaveState,
    /// The processes that take the steps together.
    pub(crate) spread: &'a mut Spread,
}

/// Takes the steps of an epoch over its images; `None` when it was interrupted on the way. States are saved in between.
///
/// # Errors
/// [`Error::Diverged`] when numbers went out of bounds, and when an image can no longer be read.
pub(crate) fn train_pass(
    phase: &Phase<'_>,
    live: LiveStages<'_>,
    images: EpochBatches,
    state: &mut TrainingState,
    Means { saver, spread }: Means<'_>,
    session: &mut Session<'_>,
) -> Result<Option<EpochRecord>, Error> {
    let mut started = Instant::now();
    let schedule = phase.schedule();
    let stop = |state: &TrainingState, stopped| match stopped {
        Stopped::Fault(Fault { loss, origin, since }) => state.diverged(loss, origin, since),
        Stopped::Team(error) => error.into(),
    };
    let mut interrupted = false;
    let class_weights = phase.objective.class_weights();
    for group in images.groups(live.backbone, phase.train.accumulate.get()) {
        let group = match group {
            Ok(group) => group,
            Err(error) => {
                state.count_time(&mut started);
                rescue(phase, live.backbone, state, saver, session)?;
                return Err(error.into());
            }
        };
        if state.steps == 0 {
            tracing::debug!("the first batch is there");
        }
        let rates = state.rates(&schedule);
        if let Some(pass) = &mut state.pass {
            pass.waited += group.own.iter().map(|batch| batch.waited).sum::<Duration>();
            pass.learning_rate = rates.learning_rate;
        }
        let work = Work::of(&group, class_weights.as_deref());
        let stepped = shared_step(phase, live, &work, state, rates, spread);
        state.count_read(phase, session);
        if let Err(Stopped::Team(_)) = &stepped {
            // The step is taken in no process: what it left is undone.
            state.steps -= 1;
            spread.undo();
            state.count_time(&mut started);
            rescue(phase, live.backbone, state, saver, session)?;
        }
        stepped.map_err(|stopped| stop(state, stopped))?;
        let done = state.pass.as_ref().map_or(0, |pass| state.steps - pass.steps_before);
        if session.interrupted() && done < phase.steps_per_epoch() {
            interrupted = true;
            break;
        }
        if state.deferred.is_empty() && saver.is_due(SaveMoment::Step) {
            state.count_time(&mut started);
            saver.save(&state.saved(phase, live.backbone)?, session);
        }
    }
    let rest = state.read_rest();
    state.count_read(phase, session);
    rest.map_err(|stopped| stop(state, stopped))?;
    state.count_time(&mut started);
    if interrupted {
        if saver.is_due(SaveMoment::End) {
            saver.save(&state.saved(phase, live.backbone)?, session);
        }
        return Ok(None);
    }
    let Some(pass) = &mut state.pass else { return Ok(None) };
    let (images, seconds) = (pass.images as f64, pass.elapsed.as_secs_f64());
    Ok(Some(EpochRecord {
        phase: phase.step.name().to_owned(),
        epoch: state.epoch,
        train_loss: pass.loss_sum / images,
        train_accuracy: pass.correct as f64 / images,
        validation_loss: None,
        validation_accuracy: None,
        validation_balanced_accuracy: None,
        validation_f1: None,
        learning_rate: pass.learning_rate,
        images_per_second: images / seconds,
        seconds,
        waited_seconds: pass.waited.as_secs_f64(),
        gradients: state.gradient_flow.records(state.steps_before)?,
    }))
}

/// Saves what the training has come to before something ends it. Where metrics of steps wait on a GPU for what other processes
/// have of them, the last state that was saved has to do.
pub(crate) fn rescue(
    phase: &Phase<'_>,
    backbone: &Backbone,
    state: &TrainingState,
    saver: &mut dyn SaveState,
    session: &mut Session<'_>,
) -> Result<(), Error> {
    if state.deferred.is_empty() && saver.is_due(SaveMoment::End) {
        saver.save(&state.saved(phase, backbone)?, session);
    }
    Ok(())
}

impl TrainingState {
    /// Adds the time since then to that of the epoch, and counts from now on.
    fn count_time(&mut self, since: &mut Instant) {
        if let Some(pass) = &mut self.pass {
            pass.elapsed += since.elapsed();
        }
        *since = Instant::now();
    }
}

impl StepMetrics {
    /// Returns the step as it is recorded, counted over the whole run.
    pub(crate) fn record(&self, state: &TrainingState) -> StepRecord {
        StepRecord {
            phase: state.phase.name().to_owned(),
            epoch: state.epoch,
            step: state.steps_before + self.step,
            loss: self.loss,
            learning_rate: self.learning_rate,
            images: u32::try_from(self.images).unwrap_or(u32::MAX),
        }
    }
}
