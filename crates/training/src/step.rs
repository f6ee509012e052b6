//! One optimizer step.

use backbone::{Backbone, StageId};
use data_parallel::spread::Spread;
use data_parallel::work::{Count, Work};
use features::loader::Batch;
use tch::{Kind, Tensor};
use team::Team;
use torch_extra::autocast::Autocast;

use crate::deferred::{PendingStep, StepMetrics};
use crate::divergence::Origin;
use crate::scaler::{Scaler, Verdict};
use crate::schedule::StepRates;
use crate::seed::seed_batch;
use crate::state::TrainingState;
use crate::{Phase, clip, divergence};

/// A network of which the stages from one on are trained.
#[derive(Clone, Copy)]
pub(crate) struct LiveStages<'a> {
    pub(crate) backbone: &'a Backbone,
    /// The first live stage, whose input batches are.
    pub(crate) first: StageId,
}

/// Numbers went out of bounds.
#[derive(Debug)]
pub(crate) struct Fault {
    /// Loss of the step in which they did.
    pub(crate) loss: f64,
    /// Where.
    pub(crate) origin: Origin,
    /// Steps taken since.
    pub(crate) since: u64,
}

/// Why a step was not taken.
#[derive(Debug)]
pub(crate) enum Stopped {
    /// Numbers went out of bounds.
    Fault(Fault),
    /// Another process failed.
    Team(team::Error),
}

#[cfg(test)]
impl Stopped {
    pub(crate) fn fault(self) -> Fault {
        match self {
            Self::Fault(fault) => fault,
            Self::Team(error) => panic!("{error}"),
        }
    }
}

impl From<team::Error> for Stopped {
    fn from(error: team::Error) -> Self {
        Self::Team(error)
    }
}

/// Takes one optimizer step on batches that this process has all of. See [`shared_step`].
pub(crate) fn one_step(
    phase: &Phase<'_>,
    live: LiveStages<'_>,
    batches: &[Batch],
    state: &mut TrainingState,
    rates: StepRates,
) -> Result<(), Stopped> {
    let weights: Vec<f64> = batches.iter().map(|batch| phase.objective.weight(batch)).collect();
    shared_step(phase, live, &Work::whole(batches, &weights), state, rates, &mut Spread::alone())
}

/// Takes one optimizer step on a group of batches, in this order: the objective, the gradients, what bounds them, the step,
/// what bounds the weights, the average. Its metrics are in `state.deferred` once they are read. Where several processes share
/// the batches, all take the same step on the sum of their gradients.
pub(crate) fn shared_step(
    phase: &Phase<'_>,
    live: LiveStages<'_>,
    work: &Work<'_>,
    state: &mut TrainingState,
    rates: StepRates,
    spread: &mut Spread,
) -> Result<(), Stopped> {
    state.steps += 1;
    let step = differentiate(phase, live, work, state, rates.learning_rate, spread)?;
    let out_of_bounds = if state.deferred.add(step) { state.deferred.read()? } else { None };
    if let Some(metrics) = out_of_bounds {
        match state.verdict(&metrics) {
            Verdict::Diverged if metrics.step < state.steps => {
                return Err(Stopped::Fault(state.seen_later(&metrics)));
            }
            Verdict::Diverged => {
                let origin = locate(phase, live, work, state, &metrics);
                let origin = agreed(origin, &spread.team())?;
                // Weights that are not finite became so in the step before, if there was one.
                let since = u64::from(matches!(origin, Origin::Weights(_)) && state.steps > 1);
                return Err(Stopped::Fault(Fault { loss: metrics.loss, origin, since }));
            }
            Verdict::SkipStep => {
                state.deferred.keep(metrics);
                state.gradient_flow.skip();
                return Ok(());
            }
        }
    }
    if let Some(scaler) = &mut state.scaler {
        scaler.good_step();
    }
    state.gradient_flow.observe(live.backbone);
    if let Some(limit) = phase.train.clip_value {
        clip::by_value(&mut state.optimizer.gradients(), limit.get());
    }
    if let Some(limit) = phase.train.clip_norm {
        clip::by_norm(&mut state.optimizer.gradients(), limit.get());
    }
    state.optimizer.step(rates);
    if let Some(limit) = phase.regularize.max_norm {
        state.optimizer.limit_norms(limit.get());
    }
    state.average.after_step();
    Ok(())
}

/// Computes the gradients of a step, summed over its batches, those of other processes included. Nothing is read from the
/// device.
fn differentiate(
    phase: &Phase<'_>,
    live: LiveStages<'_>,
    work: &Work<'_>,
    state: &mut TrainingState,
    learning_rate: f64,
    spread: &mut Spread,
) -> Result<PendingStep, team::Error> {
    let objective = &phase.objective;
    state.optimizer.forget_gradients();
    spread.begin();
    let scale = state.scaler.map_or(1.0, Scaler::scale);
    let (mut loss, mut correct) = (None, None);
    // Images whose class weights are all 0 have no mean loss.
    let last = work.counts.iter().rposition(|count| count.share > 0.0);
    for (place, (batch, &Count { weight, share })) in work.own.iter().zip(&work.counts).enumerate() {
        seed_batch(phase, state, batch);
        let of_batch = {
            let _cut = batch.rows.cut();
            let _autocast = Autocast::begin(batch.x.device(), phase.kind);
            objective.part_of(live.backbone, batch, live.first, weight)
        };
        if share > 0.0 {
            let value = of_batch.loss.detach().to_kind(Kind::Double) * share;
            loss = Some(loss.map_or(value.shallow_clone(), |sum: Tensor| sum + &value));
            let factor = share * scale;
            let part = if factor == 1.0 { of_batch.loss } else { of_batch.loss * factor };
            if last == Some(place) {
                spread.expect()?;
            }
            spread.backward(&part)?;
        }
        correct =
            Some(correct.map_or(of_batch.correct.shallow_clone(), |sum: Tensor| sum + &of_batch.correct));
    }
    if work.has_loss {
        if last.is_none() {
            spread.add_nothing()?;
        }
        spread.finish()?;
    }
    spread.merge_norms()?;
    let mut gradients = state.optimizer.gradients();
    if scale != 1.0 {
        clip::scale(&mut gradients, 1.0 / scale);
    }
    let device = live.backbone.placement().0;
    let or_zero = |sum: Option<Tensor>| sum.unwrap_or_else(|| Tensor::zeros([0; 0], (Kind::Double, device)));
    Ok(PendingStep {
        step: state.steps,
        learning_rate,
        images: work.images,
        loss: or_zero(loss),
        correct: or_zero(correct),
        gradient_norm: clip::norm(&gradients).to_device(device),
    })
}

/// Returns where the step at hand went out of bounds, as far as the batches of this process show it.
fn locate(
    phase: &Phase<'_>,
    live: LiveStages<'_>,
    work: &Work<'_>,
    state: &TrainingState,
    metrics: &StepMetrics,
) -> Origin {
    if metrics.loss.is_finite() {
        return divergence::of_gradients(live.backbone, live.first);
    }
    let find = |batch: &Batch| {
        // With what was dropped when it went wrong.
        seed_batch(phase, state, batch);
        let _cut = batch.rows.cut();
        divergence::find(&phase.objective, live.backbone, batch, live.first)
    };
    work.own.iter().map(find).find(|origin| *origin != Origin::Loss).unwrap_or(Origin::Loss)
}

/// Returns the place that the process of the lowest rank has found, for all of them have the same step gone wrong.
fn agreed(own: Origin, team: &Team) -> Result<Origin, team::Error> {
    let found = if own == Origin::Loss { String::new() } else { own.to_string() };
    let all = team.gather(found.into_bytes())?;
    let first = all.iter().position(|found| !found.is_empty());
    Ok(match first {
        Some(rank) if rank != team.rank() => {
            Origin::Elsewhere(String::from_utf8_lossy(&all[rank]).into_owned())
        }
        _ => own,
    })
}

impl TrainingState {
    /// Reads the metrics of the steps that are pending.
    pub(crate) fn read_rest(&mut self) -> Result<(), Stopped> {
        self.deferred.read()?.map_or(Ok(()), |metrics| Err(Stopped::Fault(self.seen_later(&metrics))))
    }

    /// Decides what becomes of a step whose numbers are out of bounds.
    fn verdict(&mut self, metrics: &StepMetrics) -> Verdict {
        match &mut self.scaler {
            // The scale does not enter the loss, only its gradients.
            Some(scaler) if metrics.loss.is_finite() => scaler.bad_step(),
            _ => Verdict::Diverged,
        }
    }

    /// Returns the fault of a step that was read after others had been taken on the weights it spoilt.
    fn seen_later(&self, metrics: &StepMetrics) -> Fault {
        let since = self.steps - metrics.step;
        Fault { loss: metrics.loss, origin: Origin::SeenLater(since), since }
    }
}
