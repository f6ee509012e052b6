//! What training has come to.

use std::num::NonZeroU32;
use std::time::Duration;

use backbone::{Backbone, Snapshot, StageId};
use records::{EpochRecord, Event, Session, StepName};
use regularize::EarlyStopping;
use tch::Kind;

use crate::average::Average;
use crate::best::{Best, Figures, Moment};
use crate::deferred::{DeferredMetrics, StepMetrics};
use crate::evaluate::Scored;
use crate::gradient_flow::GradientFlow;
use crate::optimizer::{Optimizer, Rule};
use crate::scaler::Scaler;
use crate::schedule::{Plateau, Schedule, StepRates};
use crate::{Phase, divergence};

/// All that changes in training, the network's weights aside. Whatever outlives a step is in here and nowhere else; the
/// rest is a function of configuration, seed, epoch and image. So training can be stopped between two steps, and go on
/// from this value and the weights.
///
/// The first fields are of the whole run, the others of the phase at hand.
#[derive(Debug)]
pub struct TrainingState {
    /// Optimizer steps of the phases that are over.
    pub steps_before: u64,
    /// Every epoch that is over, of all phases, in order.
    pub epochs: Vec<EpochRecord>,
    /// The best weights of the run, where these become the model; `None` before the first validation, and where the last do.
    pub best: Option<Best>,

    /// The phase at hand.
    pub phase: StepName,
    /// Epoch at hand, from 1; one more than the phase has once all are over.
    pub epoch: u32,
    /// The pass over this epoch's images that is under way; `None` between two epochs.
    pub pass: Option<Pass>,
    /// Optimizer steps of this phase, skipped ones included: the position in its schedule.
    pub steps: u64,
    /// Momenta and counts of steps of every trained parameter.
    pub optimizer: Optimizer,
    /// The average of the weights, where one is kept.
    pub average: Average,
    /// The weights that the phase began with, where the model is to lie between them and the fine-tuned ones.
    pub begin: Option<Snapshot>,
    /// Watches the metric of the validation images for early stopping.
    pub early_stopping: EarlyStopping,
    /// Watches the validation loss to reduce the learning rate.
    pub plateau: Option<Plateau>,
    /// Scales the loss; only in float16.
    pub(crate) scaler: Option<Scaler>,
    /// Gradient norms of stages that are not in a record yet.
    pub(crate) gradient_flow: GradientFlow,
    /// Metrics of steps that are not read yet.
    pub(crate) deferred: DeferredMetrics,
    /// Scores of the validation images after the last epoch.
    pub validated: Option<Scored>,
    /// How the phase ended; `None` while it goes on.
    pub ending: Option<Ending>,
}

/// One pass over the training images, under way.
#[derive(Debug)]
pub struct Pass {
    /// The live weights with which the epoch began, to go back to when numbers go out of bounds.
    pub start: Snapshot,
    /// Optimizer steps of the phase before this epoch.
    pub steps_before: u64,
    /// Sum of the losses of the images.
    pub loss_sum: f64,
    /// Images predicted correctly.
    pub correct: i64,
    /// Images seen.
    pub images: i64,
    /// Learning rate of the last step.
    pub learning_rate: f64,
    /// Time spent waiting for the data loader.
    pub waited: Duration,
    /// Time spent on the epoch.
    pub elapsed: Duration,
}

/// How a phase ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// All epochs were run.
    Complete,
    /// Early stopping ended it.
    StoppedEarly,
    /// The user stopped it.
    Interrupted,
}

impl TrainingState {
    /// Returns the state at the start of the first phase of a run.
    #[must_use]
    pub fn new(phase: &Phase<'_>) -> Self {
        // Whether a step is taken at all depends on its gradients, so with a scale each is read at once.
        let scaler = (phase.kind == Kind::Half).then(Scaler::default);
        let sync_interval = if scaler.is_some() { 1 } else { phase.sync_interval };
        Self {
            steps_before: 0,
            epochs: Vec::new(),
            best: None,
            phase: phase.step,
            epoch: 1,
            pass: None,
            steps: 0,
            optimizer: Optimizer::new(Rule::of(phase.train)),
            average: Average::new(phase.averaging),
            begin: None,
            early_stopping: EarlyStopping::new(phase.regularize.early_stopping.map(NonZeroU32::get)),
            plateau: Plateau::of(phase.train),
            scaler,
            gradient_flow: GradientFlow::over(phase.steps_per_epoch().saturating_mul(phase.epochs.into())),
            deferred: DeferredMetrics::new(sync_interval),
            validated: None,
            ending: None,
        }
    }

    /// Returns the state at the start of another phase of the same run.
    #[must_use]
    pub fn next(self, phase: &Phase<'_>) -> Self {
        let steps_before = self.total_steps();
        Self { steps_before, epochs: self.epochs, best: self.best, ..Self::new(phase) }
    }

    /// Returns the number of optimizer steps in the run.
    #[must_use]
    pub fn total_steps(&self) -> u64 {
        self.steps_before + self.steps
    }

    /// Takes note of the weights that the phase begins with, unless it goes on. They are what the best of the run so far are, for
    /// a phase ends with these; this one trains more stages.
    pub(crate) fn begin(&mut self, phase: &Phase<'_>, backbone: &Backbone) {
        if self.epoch > 1 || self.pass.is_some() {
            return;
        }
        let weights = || Snapshot::take(backbone, phase.plan.first_live);
        if let Some(best) = &mut self.best {
            best.weights = weights();
        }
        self.begin = phase.wise_ft.map(|_| weights());
    }

    /// Makes the weights of the network the best of the run, if their figures are. Returns whether they are.
    pub(crate) fn judge(
        &mut self,
        phase: &Phase<'_>,
        backbone: &Backbone,
        moment: Moment,
        figures: Figures,
    ) -> bool {
        let metric = phase.train.metric;
        let better = self.best.as_ref().is_none_or(|best| figures.better_than(&best.figures, metric));
        if better {
            let weights = Snapshot::take(backbone, phase.plan.first_live);
            self.best = Some(Best { moment, figures, weights });
        }
        better
    }

    /// Returns the epochs of the phase at hand that are over.
    pub fn epochs_of_phase(&self) -> impl Iterator<Item = &EpochRecord> {
        self.epochs.iter().filter(|epoch| epoch.phase == self.phase.name())
    }

    /// Returns the batches of the epoch at hand that steps were taken on.
    pub(crate) fn batches_done(&self, phase: &Phase<'_>) -> u64 {
        let steps = self.pass.as_ref().map_or(0, |pass| self.steps - pass.steps_before);
        steps.saturating_mul(phase.train.accumulate.get() as u64)
    }

    /// Returns learning rate and momentum of the next step.
    pub(crate) fn rates(&self, schedule: &Schedule) -> StepRates {
        let scheduled = schedule.at(self.steps);
        let reduced = self.plateau.as_ref().map_or(1.0, Plateau::factor);
        StepRates { learning_rate: scheduled.learning_rate * reduced, ..scheduled }
    }

    /// Begins the pass of an epoch, unless it is under way already.
    pub(crate) fn begin_pass(&mut self, phase: &Phase<'_>, backbone: &Backbone, first_live: StageId) {
        let steps_before = self.steps;
        self.pass.get_or_insert_with(|| Pass {
            start: Snapshot::take(backbone, first_live),
            steps_before,
            loss_sum: 0.0,
            correct: 0,
            images: 0,
            learning_rate: phase.train.learning_rate.get(),
            waited: Duration::ZERO,
            elapsed: Duration::ZERO,
        });
    }

    /// Adds the steps that were read to the epoch's sums, and emits each.
    pub(crate) fn count_read(&mut self, phase: &Phase<'_>, session: &mut Session<'_>) {
        let total = phase.steps_per_epoch();
        for metrics in self.deferred.take() {
            let mut done = metrics.step;
            if let Some(pass) = &mut self.pass {
                pass.add(&metrics);
                done -= pass.steps_before;
            }
            let record = metrics.record(self);
            session.emit(&Event::Stepped { record: &record, done, total, epochs: phase.epochs });
        }
    }

    /// Puts back the weights with which the epoch began.
    pub(crate) fn restore_epoch_start(&self) {
        if let Some(pass) = &self.pass {
            pass.start.restore();
        }
    }

    /// Returns the error of an epoch whose numbers went out of bounds `since` steps ago.
    pub(crate) fn diverged(&self, loss: f64, origin: divergence::Origin, since: u64) -> crate::Error {
        crate::Error::Diverged {
            phase: self.phase.name().to_owned(),
            epoch: self.epoch,
            step: self.total_steps() - since,
            loss,
            origin,
            kept: None,
        }
    }
}

impl Pass {
    fn add(&mut self, metrics: &StepMetrics) {
        self.loss_sum += metrics.loss * metrics.images as f64;
        self.correct += metrics.correct;
        self.images += metrics.images;
    }
}
