//! One pass over the training pictures.

use std::time::{Duration, Instant};

use backbone::{Backbone, StageId};
use report::record::{EpochRecord, StepRecord};
use torch_extra::autocast::Autocast;

use super::average::Average;
use super::gradient_flow::GradientFlow;
use super::optimizer::Optimizer;
use super::schedule::{Schedule, Setting};
use super::{Phase, clip, divergence};
use crate::Error;
use crate::batches::{Batch, Feed};
use crate::event::{Event, Listener};
use crate::interrupt::Interrupt;

/// What moves from step to step.
pub(super) struct Moving {
    pub(super) optimizer: Optimizer,
    pub(super) average: Average,
    pub(super) schedule: Schedule,
    /// What the plateau has brought the rate down to, as a multiple of the schedule's.
    pub(super) reduced: f64,
    /// Steps taken.
    pub(super) steps: u64,
    /// How large the gradients are.
    pub(super) flow: GradientFlow,
}

/// One pass over the training pictures; `None` when it was interrupted on the way.
pub(super) fn one_epoch(
    phase: &Phase<'_>,
    epoch: u32,
    (backbone, feed): (&Backbone, &Feed),
    moving: &mut Moving,
    interrupt: &Interrupt,
    listen: &mut Listener<'_>,
) -> Result<Option<EpochRecord>, Error> {
    let started = Instant::now();
    let train = phase.train;
    let per_epoch = phase.steps_per_epoch();
    let (mut loss_sum, mut right, mut seen) = (0.0, 0, 0);
    let mut rate = train.learning_rate;
    let mut waited = Duration::ZERO;
    let mut batches = feed.drawn(backbone, train.batch_size, train.sampler, phase.seed, epoch);
    for done in 1.. {
        let group = batches.by_ref().take(train.accumulate).collect::<Result<Vec<Batch>, Error>>()?;
        if group.is_empty() {
            break;
        }
        waited += group.iter().map(|batch| batch.waited).sum::<Duration>();
        let planned = moving.schedule.at(moving.steps);
        let setting = Setting { rate: planned.rate * moving.reduced, ..planned };
        moving.steps += 1;
        let step = phase.steps_before + moving.steps;
        let said =
            one_step(phase, (backbone, feed.cut()), &group, moving, setting).map_err(|(loss, origin)| {
                phase.diverged(epoch, step - began_before(&origin, moving), loss, origin)
            })?;

        rate = setting.rate;
        loss_sum += said.loss * said.images as f64;
        seen += said.images;
        right += said.right;
        let record = StepRecord {
            phase: phase.step.name().to_owned(),
            epoch,
            step,
            loss: said.loss,
            learning_rate: rate,
            images: u32::try_from(said.images).unwrap_or(u32::MAX),
        };
        listen(&Event::Stepped { record: &record, done, total: per_epoch, epochs: phase.epochs });
        if interrupt.requested() && done < per_epoch {
            return Ok(None);
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    Ok(Some(EpochRecord {
        phase: phase.step.name().to_owned(),
        epoch,
        train_loss: loss_sum / seen as f64,
        train_accuracy: right as f64 / seen as f64,
        validation_loss: None,
        validation_accuracy: None,
        validation_balanced_accuracy: None,
        learning_rate: rate,
        images_per_second: seen as f64 / seconds,
        seconds,
        waited_seconds: waited.as_secs_f64(),
        gradients: moving.flow.take(phase.steps_before)?,
    }))
}

/// How many steps before the present one that went wrong it began: weights were spoilt by the step before, if there was
/// one.
fn began_before(origin: &divergence::Origin, moving: &Moving) -> u64 {
    u64::from(matches!(origin, divergence::Origin::Weights(_)) && moving.steps > 1)
}

/// What came of a step.
pub(super) struct Stepped {
    pub(super) loss: f64,
    pub(super) right: i64,
    pub(super) images: i64,
}

/// One optimizer step on a group of batches, in this order: the objective, the gradients, the step, what holds the weights
/// within bounds, the average. The loss and where it went wrong when
/// something is not finite.
pub(super) fn one_step(
    phase: &Phase<'_>,
    (backbone, from): (&Backbone, StageId),
    group: &[Batch],
    moving: &mut Moving,
    setting: Setting,
) -> Result<Stepped, (f64, divergence::Origin)> {
    let objective = &phase.objective;
    moving.optimizer.zero_gradients();
    let mut said = Stepped { loss: 0.0, right: 0, images: 0 };
    let weights: Vec<f64> = group.iter().map(|batch| objective.weight(batch)).collect();
    let total: f64 = weights.iter().sum();
    for (batch, weight) in group.iter().zip(weights) {
        let judged = {
            let _short = Autocast::begin(batch.x.device(), phase.kind);
            objective.of(backbone, batch, from)
        };
        // Pictures that all weigh nothing have no mean loss.
        if weight > 0.0 {
            let value = judged.loss.double_value(&[]);
            if !value.is_finite() {
                return Err((value, divergence::find(objective, backbone, batch, from)));
            }
            let share = weight / total;
            let part = if group.len() == 1 { judged.loss } else { judged.loss * share };
            part.backward();
            said.loss += value * share;
        }
        said.right += judged.right;
        said.images += batch.labels.size()[0];
    }
    moving.flow.observe(backbone);
    if !clip::norm(&moving.optimizer.gradients()).is_finite() {
        return Err((said.loss, divergence::of_gradients(backbone, from)));
    }
    if let Some(limit) = phase.train.clip_value {
        clip::by_value(&mut moving.optimizer.gradients(), limit);
    }
    if let Some(limit) = phase.train.clip_norm {
        clip::by_norm(&mut moving.optimizer.gradients(), limit);
    }
    moving.optimizer.step(setting);
    if let Some(limit) = phase.regularize.max_norm {
        moving.optimizer.bound(limit);
    }
    moving.average.after_step();
    Ok(said)
}
