//! One pass over the training pictures.

use std::time::{Duration, Instant};

use backbone::{Backbone, StageId};
use features::batches::{Batch, Drawn};
use records::{EpochRecord, Event, Interrupt, Listener, StepRecord};
use tch::{Kind, Tensor};
use torch_extra::autocast::Autocast;

use super::average::Average;
use super::divergence::Origin;
use super::gradient_flow::GradientFlow;
use super::optimizer::Optimizer;
use super::readings::{Readings, Stepped, Unread};
use super::scaler::{Scaler, Verdict};
use super::schedule::{Schedule, Setting};
use super::{Phase, clip, divergence};
use crate::Error;

/// What moves from step to step.
pub(crate) struct Moving {
    pub(crate) optimizer: Optimizer,
    pub(crate) average: Average,
    pub(crate) schedule: Schedule,
    /// What the plateau has brought the rate down to, as a multiple of the schedule's.
    pub(crate) reduced: f64,
    /// Steps taken.
    pub(crate) steps: u64,
    /// How large the gradients are.
    pub(crate) flow: GradientFlow,
    /// What steps have to tell.
    pub(crate) readings: Readings,
    /// What float16 takes beside.
    pub(crate) scaler: Option<Scaler>,
}

/// Numbers went out of bounds.
#[derive(Debug)]
pub(crate) struct Fault {
    /// The loss of the step in which they did.
    pub(crate) loss: f64,
    pub(crate) origin: Origin,
    /// Steps taken since.
    pub(crate) since: u64,
}

/// One pass over the training pictures as they were drawn; `None` when it was interrupted on the way.
pub(crate) fn one_epoch(
    phase: &Phase<'_>,
    epoch: u32,
    (backbone, from): (&Backbone, StageId),
    drawn: Drawn,
    moving: &mut Moving,
    interrupt: &Interrupt,
    listen: &mut Listener<'_>,
) -> Result<Option<EpochRecord>, Error> {
    let started = Instant::now();
    let train = phase.train;
    let per_epoch = phase.steps_per_epoch();
    let before = moving.steps;
    let mut sums = Sums::default();
    let mut rate = train.learning_rate.get();
    let mut waited = Duration::ZERO;
    let mut tell = |stepped: Vec<Stepped>| {
        for said in stepped {
            sums.add(&said);
            let record = said.record(phase, epoch);
            let done = said.step - before;
            listen(&Event::Stepped { record: &record, done, total: per_epoch, epochs: phase.epochs });
        }
    };
    let diverged = |fault: Fault, steps: u64| {
        let step = phase.steps_before + steps - fault.since;
        phase.diverged(epoch, step, fault.loss, fault.origin)
    };
    let mut interrupted = false;
    let mut batches = drawn.batches(backbone);
    for done in 1.. {
        let group =
            batches.by_ref().take(train.accumulate.get()).collect::<Result<Vec<Batch>, features::Error>>()?;
        if group.is_empty() {
            break;
        }
        if moving.steps == 0 {
            tracing::debug!("the first batch is there");
        }
        waited += group.iter().map(|batch| batch.waited).sum::<Duration>();
        let planned = moving.schedule.at(moving.steps);
        let setting = Setting { rate: planned.rate * moving.reduced, ..planned };
        rate = setting.rate;
        let stepped = one_step(phase, (backbone, from), &group, moving, setting);
        tell(moving.readings.take());
        stepped.map_err(|fault| diverged(fault, moving.steps))?;
        if interrupt.requested() && done < per_epoch {
            interrupted = true;
            break;
        }
    }
    let rest = moving.read_rest();
    tell(moving.readings.take());
    rest.map_err(|fault| diverged(fault, moving.steps))?;
    if interrupted {
        return Ok(None);
    }
    let seconds = started.elapsed().as_secs_f64();
    let seen = sums.seen as f64;
    Ok(Some(EpochRecord {
        phase: phase.step.name().to_owned(),
        epoch,
        train_loss: sums.loss / seen,
        train_accuracy: sums.right as f64 / seen,
        validation_loss: None,
        validation_accuracy: None,
        validation_balanced_accuracy: None,
        learning_rate: rate,
        images_per_second: seen / seconds,
        seconds,
        waited_seconds: waited.as_secs_f64(),
        gradients: moving.flow.take(phase.steps_before)?,
    }))
}

/// Sums over an epoch.
#[derive(Default)]
struct Sums {
    /// Of the losses of the pictures.
    loss: f64,
    right: i64,
    seen: i64,
}

impl Sums {
    fn add(&mut self, said: &Stepped) {
        self.loss += said.loss * said.images as f64;
        self.right += said.right;
        self.seen += said.images;
    }
}

impl Stepped {
    fn record(&self, phase: &Phase<'_>, epoch: u32) -> StepRecord {
        StepRecord {
            phase: phase.step.name().to_owned(),
            epoch,
            step: phase.steps_before + self.step,
            loss: self.loss,
            learning_rate: self.rate,
            images: u32::try_from(self.images).unwrap_or(u32::MAX),
        }
    }
}

impl Moving {
    /// Reads the steps that nobody has read yet.
    pub(crate) fn read_rest(&mut self) -> Result<(), Fault> {
        self.readings.read().map_or(Ok(()), |spoilt| Err(self.seen_later(&spoilt)))
    }

    /// What becomes of a step whose numbers are out of bounds.
    fn verdict(&mut self, spoilt: &Stepped) -> Verdict {
        match &mut self.scaler {
            // The scale does not enter the loss, only its gradients.
            Some(scaler) if spoilt.loss.is_finite() => scaler.bad_step(),
            _ => Verdict::Diverged,
        }
    }

    /// A step that was not looked at before others were taken on what it had spoilt.
    fn seen_later(&self, spoilt: &Stepped) -> Fault {
        let since = self.steps - spoilt.step;
        Fault { loss: spoilt.loss, origin: Origin::SeenLater(since), since }
    }
}

/// One optimizer step on a group of batches, in this order: the objective, the gradients, the step, what holds the weights
/// within bounds, the average. What came of it is among `moving.readings` once these have been read.
pub(crate) fn one_step(
    phase: &Phase<'_>,
    (backbone, from): (&Backbone, StageId),
    group: &[Batch],
    moving: &mut Moving,
    setting: Setting,
) -> Result<(), Fault> {
    moving.steps += 1;
    let said = differentiate(phase, (backbone, from), group, moving, setting.rate);
    let spoilt = if moving.readings.add(said) { moving.readings.read() } else { None };
    if let Some(spoilt) = spoilt {
        match moving.verdict(&spoilt) {
            Verdict::Diverged if spoilt.step < moving.steps => return Err(moving.seen_later(&spoilt)),
            Verdict::Diverged => {
                let origin = place(phase, (backbone, from), group, &spoilt);
                // Weights were spoilt by the step before, if there was one.
                let since = u64::from(matches!(origin, Origin::Weights(_)) && moving.steps > 1);
                return Err(Fault { loss: spoilt.loss, origin, since });
            }
            Verdict::LeaveOut => {
                moving.readings.keep(spoilt);
                moving.flow.pass();
                return Ok(());
            }
        }
    }
    if let Some(scaler) = &mut moving.scaler {
        scaler.good_step();
    }
    moving.flow.observe(backbone);
    if let Some(limit) = phase.train.clip_value {
        clip::by_value(&mut moving.optimizer.gradients(), limit.get());
    }
    if let Some(limit) = phase.train.clip_norm {
        clip::by_norm(&mut moving.optimizer.gradients(), limit.get());
    }
    moving.optimizer.step(setting);
    if let Some(limit) = phase.regularize.max_norm {
        moving.optimizer.bound(limit.get());
    }
    moving.average.after_step();
    Ok(())
}

/// Computes the gradients of a step. Nothing is read from the device, but for class weights.
fn differentiate(
    phase: &Phase<'_>,
    (backbone, from): (&Backbone, StageId),
    group: &[Batch],
    moving: &mut Moving,
    rate: f64,
) -> Unread {
    let objective = &phase.objective;
    moving.optimizer.forget_gradients();
    let scale = moving.scaler.map_or(1.0, Scaler::scale);
    let (mut loss, mut right, mut images) = (None, None, 0);
    for (batch, share) in group.iter().zip(objective.shares(group)) {
        let judged = {
            let _short = Autocast::begin(batch.x.device(), phase.kind);
            objective.of(backbone, batch, from)
        };
        // Pictures that all weigh nothing have no mean loss.
        if share > 0.0 {
            let value = judged.loss.detach().to_kind(Kind::Double) * share;
            loss = Some(loss.map_or(value.shallow_clone(), |sum: Tensor| sum + &value));
            let factor = share * scale;
            let part = if factor == 1.0 { judged.loss } else { judged.loss * factor };
            part.backward();
        }
        right = Some(right.map_or(judged.right.shallow_clone(), |sum: Tensor| sum + &judged.right));
        images += batch.labels.size()[0];
    }
    let mut gradients = moving.optimizer.gradients();
    if scale != 1.0 {
        clip::scale(&mut gradients, 1.0 / scale);
    }
    let device = backbone.placement().0;
    let none = |sum: Option<Tensor>| sum.unwrap_or_else(|| Tensor::zeros([0; 0], (Kind::Double, device)));
    Unread {
        step: moving.steps,
        rate,
        images,
        loss: none(loss),
        right: none(right),
        norm: clip::norm(&gradients).to_device(device),
    }
}

/// Where the step at hand went out of bounds.
fn place(
    phase: &Phase<'_>,
    (backbone, from): (&Backbone, StageId),
    group: &[Batch],
    spoilt: &Stepped,
) -> Origin {
    if spoilt.loss.is_finite() {
        return divergence::of_gradients(backbone, from);
    }
    let origins = group.iter().map(|batch| divergence::find(&phase.objective, backbone, batch, from));
    origins.into_iter().find(|origin| *origin != Origin::Loss).unwrap_or(Origin::Loss)
}
