use std::num::NonZeroU32;
use std::time::Instant;

use backbone::{Backbone, Snapshot, StageId};
use features::batches::{Drawn, Feed};
use records::{EpochRecord, Event, Interrupt, Listener, StepName};
use regularize::{EarlyStopping, Verdict};
use run_config::{BatchNormPolicy, RegularizeConfig, TrainConfig};
use tch::{Kind, Tensor};

use crate::Error;
use crate::average::{Average, Averaging};
use crate::epoch::{Moving, one_epoch};
use crate::evaluate::{self, Keep, Scored};
use crate::freeze::FreezePlan;
use crate::gradient_flow::GradientFlow;
use crate::objective::Objective;
use crate::optimizer::{Optimizer, Rule, Trainable};
use crate::readings::Readings;
use crate::scaler::Scaler;
use crate::schedule::{Decision, Plateau, Schedule};
use crate::{average, divergence, optimizer};

/// One training step of the recipe.
pub struct Phase<'a> {
    /// `train-head` or `fine-tune`.
    pub step: StepName,
    /// What is frozen, until when, and how gently the rest is trained.
    pub plan: &'a FreezePlan,
    /// How often every training picture is seen.
    pub epochs: u32,
    /// Training pictures.
    pub images: usize,
    /// What is minimised.
    pub objective: Objective,
    /// The loop's numbers.
    pub train: &'a TrainConfig,
    /// Against overfitting.
    pub regularize: &'a RegularizeConfig,
    /// Whether batch-norm's statistics move.
    pub batch_norm: BatchNormPolicy,
    /// Which average of the weights is the model.
    pub averaging: Averaging,
    /// What the network computes in.
    pub kind: Kind,
    /// Decides the order of pictures.
    pub seed: u64,
    /// Optimizer steps taken before this phase.
    pub steps_before: u64,
    /// After how many steps their numbers are read, see [`readings::every`]; each is where gradients are scaled.
    pub read_every: usize,
}

/// What came of a phase.
pub struct Trained {
    /// Its epochs, the last one perhaps cut short.
    pub epochs: Vec<EpochRecord>,
    /// Optimizer steps taken.
    pub steps: u64,
    /// How it ended.
    pub ending: Ending,
    /// How many weights were averaged; 0 when the model is that of one step.
    pub averaged: u32,
    /// Bytes of frozen stages' outputs that were kept in the first epoch; `None` when they were computed anew in each.
    pub kept_bytes: Option<u64>,
    /// What the model says of the validation pictures, where the last epoch asked it and nothing has changed it since.
    pub validated: Option<Scored>,
}

/// How a phase ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All epochs were run.
    Complete,
    /// Validation did not improve any more; the best epoch's weights are back.
    StoppedEarly {
        /// The epoch whose weights are kept, from 1.
        best: u32,
    },
    /// The user stopped it; the weights are the last ones.
    Interrupted,
}

/// Training and validation pictures as the live stages read them.
pub type Feeds = (Feed, Feed);

/// Makes them for the stages from a cut on, out of those that there were before.
pub type MakeFeeds<'a> =
    dyn FnMut(&Backbone, StageId, Option<Feeds>, &mut Listener<'_>) -> Result<Feeds, features::Error> + 'a;

/// Trains the stages that the plan makes live, from the epoch on in which it does. The feeds are those of the training
/// before, if there was one, and the last ones used afterwards. `after_epoch` is called with the network after each whole
/// epoch.
///
/// # Errors
/// [`Error::Diverged`] when the loss, in training or on the validation pictures, is no longer a number, with the weights of
/// the last whole epoch put back.
pub fn train(
    phase: &Phase<'_>,
    backbone: &mut Backbone,
    (made, make): (&mut Option<Feeds>, &mut MakeFeeds<'_>),
    interrupt: &Interrupt,
    after_epoch: &mut dyn FnMut(&Backbone, &mut Listener<'_>),
    listen: &mut Listener<'_>,
) -> Result<Trained, Error> {
    let mut trained = Trained {
        epochs: Vec::new(),
        steps: 0,
        ending: Ending::Complete,
        averaged: 0,
        kept_bytes: None,
        validated: None,
    };
    let mut watch = EarlyStopping::new(phase.regularize.early_stopping.map(NonZeroU32::get));
    let mut plateau = Plateau::of(phase.train);
    let mut best: Option<(u32, Snapshot)> = None;
    let mut moving = phase.begin();
    let mut ahead: Option<Drawn> = None;
    for epoch in 1..=phase.epochs {
        let first_live = phase.plan.first_live_in(backbone, epoch);
        if epoch == 1 || made.as_ref().is_none_or(|(feed, _)| feed.cut() != first_live) {
            backbone.freeze_before(first_live);
            backbone.prepare_inference(StageId::INPUT..first_live, phase.kind);
            moving.optimizer.follow(phase.trainables(backbone, epoch));
            moving.average.follow(backbone, first_live);
            match make(backbone, first_live, made.take(), listen) {
                Ok(feeds) => *made = Some(feeds),
                Err(features::Error::Interrupted) => trained.ending = Ending::Interrupted,
                Err(error) => return Err(error.into()),
            }
        }
        let Some((feed, validation)) = &*made else { break };
        let kept_bytes = feed.kept_bytes();
        if epoch == 1 {
            trained.kept_bytes = kept_bytes;
        }
        tracing::debug!(step = phase.step.name(), epoch, cut = backbone.name(first_live), ?kept_bytes);
        let good = Snapshot::take(backbone, first_live);
        let drawn = ahead.take().unwrap_or_else(|| phase.draw(backbone, feed, epoch));
        let passed = one_epoch(phase, epoch, (backbone, first_live), drawn, &mut moving, interrupt, listen);
        let sound = passed.and_then(|record| match divergence::in_weights(backbone, first_live) {
            Some(origin) => {
                let loss = record.map_or(f64::NAN, |record| record.train_loss);
                Err(phase.diverged(epoch, phase.steps_before + moving.steps, loss, origin))
            }
            None => Ok(record),
        });
        trained.steps = moving.steps;
        let record = sound.inspect_err(|_| good.restore())?;
        let Some(mut record) = record else {
            trained.ending = Ending::Interrupted;
            break;
        };
        moving.average.after_epoch(epoch);
        // While this epoch is judged, the pictures of the next one are under way, unless other stages are going to read them.
        if epoch < phase.epochs && phase.plan.first_live_in(backbone, epoch + 1) == first_live {
            ahead = Some(phase.draw(backbone, feed, epoch + 1));
        }
        // What is validated and kept is what would be the model if the training ended here.
        let stand_in = moving.average.is_running();
        if stand_in {
            moving.average.exchange();
        }
        let started = Instant::now();
        if !validation.is_empty() {
            let size = phase.train.batch_size.get();
            let keep = if epoch == phase.epochs { Keep::Scores } else { Keep::Answers };
            let scored = evaluate::pass(backbone, validation, (size, phase.read_every), phase.kind, keep)?;
            record.waited_seconds += scored.waited.as_secs_f64();
            let said = &scored.said;
            // Weights that are finite and still of no use: no step may follow that would notice.
            if !said.loss().is_finite() {
                let origin = divergence::in_validation(backbone, validation, size)?;
                good.restore();
                return Err(phase.diverged(epoch, phase.steps_before + moving.steps, said.loss(), origin));
            }
            record.validation_loss = Some(said.loss());
            record.validation_accuracy = Some(said.accuracy());
            record.validation_balanced_accuracy = Some(said.balanced_accuracy());
            trained.validated = (keep == Keep::Scores).then_some(scored);
        }
        record.seconds += started.elapsed().as_secs_f64();
        listen(&Event::Epoch { record: &record, epochs: phase.epochs });
        let loss = record.validation_loss;
        trained.epochs.push(record);
        after_epoch(backbone, listen);
        let verdict = loss.map(|loss| watch.observe(loss));
        if verdict == Some(Verdict::Best) && phase.regularize.early_stopping.is_some() {
            best = Some((epoch, Snapshot::take(backbone, phase.plan.first_live)));
        }
        if stand_in {
            moving.average.exchange();
        }
        if let (Some(plateau), Some(loss)) = (&mut plateau, loss)
            && let Decision::Reduce(factor) = plateau.observe(loss)
        {
            moving.reduced = factor;
        }
        if verdict == Some(Verdict::Stop) {
            break;
        }
        if interrupt.requested() {
            trained.ending = Ending::Interrupted;
            break;
        }
    }
    finish(phase, backbone, moving.average, &mut trained, made.as_ref().map(|(feed, _)| feed))?;
    if let Some((epoch, snapshot)) = best.filter(|_| trained.ending == Ending::Complete) {
        snapshot.restore();
        trained.ending = Ending::StoppedEarly { best: epoch };
    }
    if trained.averaged > 0 || trained.ending != Ending::Complete {
        trained.validated = None;
    }
    Ok(trained)
}

/// Puts the average in place of the last weights, where one is kept. Without pictures to measure statistics on, a mean
/// over epochs is no model, and the last weights stay.
fn finish(
    phase: &Phase<'_>,
    backbone: &Backbone,
    mut average: Average,
    trained: &mut Trained,
    feed: Option<&Feed>,
) -> Result<(), Error> {
    match (phase.averaging, trained.ending) {
        (Averaging::Exponential(_), _) if average.taken() > 0 => average.exchange(),
        (Averaging::FromEpoch(_), Ending::Complete) if average.taken() > 0 => {
            average.exchange();
            if let (Some(feed), BatchNormPolicy::Train) = (feed, phase.batch_norm) {
                let size = phase.train.batch_size.get();
                let batches = feed.unmixed(backbone, size, phase.seed);
                average::measure_norms(backbone, feed.cut(), batches)?;
            }
        }
        _ => return Ok(()),
    }
    trained.averaged = average.taken();
    Ok(())
}

impl Phase<'_> {
    /// Optimizer steps in an epoch.
    #[must_use]
    pub fn steps_per_epoch(&self) -> u64 {
        steps_per_epoch(self.train, self.images)
    }

    /// What is trained in an epoch, from 1: the live stages, and what the objective trains beside them.
    pub(crate) fn trainables(&self, backbone: &Backbone, epoch: u32) -> Vec<Trainable> {
        let mut trainables = optimizer::live(backbone, self.plan, epoch, self.regularize);
        let as_head = self.plan.rate_scale[backbone.head_id().index()];
        let decay = |value: &Tensor| self.regularize.decay_of(value);
        trainables.extend(self.objective.penalties.trainables(as_head, decay));
        trainables
    }

    /// The pictures of an epoch, which workers begin to prepare.
    pub(crate) fn draw(&self, backbone: &Backbone, feed: &Feed, epoch: u32) -> Drawn {
        feed.draw(backbone, self.train.batch_size.get(), self.train.sampler, self.seed, epoch)
    }

    pub(crate) fn begin(&self) -> Moving {
        // Whether a step is taken at all depends on its gradients.
        let scaler = (self.kind == Kind::Half).then(Scaler::default);
        Moving {
            optimizer: Optimizer::new(Rule::of(self.train)),
            average: Average::new(self.averaging),
            schedule: Schedule::new(self.train, self.steps_per_epoch(), self.epochs),
            reduced: 1.0,
            steps: 0,
            flow: GradientFlow::over(self.steps_per_epoch().saturating_mul(self.epochs.into())),
            readings: Readings::every(if scaler.is_some() { 1 } else { self.read_every }),
            scaler,
        }
    }

    pub(crate) fn diverged(&self, epoch: u32, step: u64, loss: f64, origin: divergence::Origin) -> Error {
        Error::Diverged { phase: self.step.name().to_owned(), epoch, step, loss, origin, kept: None }
    }
}

/// Optimizer steps in an epoch over so many pictures.
#[must_use]
pub fn steps_per_epoch(train: &TrainConfig, images: usize) -> u64 {
    images.div_ceil(train.batch_size.saturating_mul(train.accumulate).get()) as u64
}

/// The epochs asked for, or more where so few images make too few steps.
#[must_use]
pub fn enough_epochs(epochs: u32, train: &TrainConfig, images: usize) -> u32 {
    let needed = train.min_steps.div_ceil(steps_per_epoch(train, images).max(1));
    epochs.max(u32::try_from(needed).unwrap_or(u32::MAX))
}
