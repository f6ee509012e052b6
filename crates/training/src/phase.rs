use backbone::{Backbone, StageId};
use features::loader::{EpochBatches, EpochStart, FeatureLoader};
use records::StepName;
use run_config::{BatchNormPolicy, RegularizeConfig, TrainConfig};
use tch::{Kind, Tensor};

use crate::average::Averaging;
use crate::freeze::FreezePlan;
use crate::objective::Objective;
use crate::optimizer::{self, Optimizer, Trainable};
use crate::schedule::Schedule;

/// What one of the two training steps of the recipe is to do. It does not change while it is done; what changes is
/// [`TrainingState`](crate::TrainingState).
pub struct Phase<'a> {
    /// `train-head` or `fine-tune`.
    pub step: StepName,
    /// Which stages are trained, from which epoch on, and at which multiples of the learning rate.
    pub plan: &'a FreezePlan,
    /// Number of epochs.
    pub epochs: u32,
    /// Number of training images.
    pub images: usize,
    /// What is minimised.
    pub objective: Objective,
    /// Optimizer, schedule, batch size and what bounds a step.
    pub train: &'a TrainConfig,
    /// Techniques against overfitting.
    pub regularize: &'a RegularizeConfig,
    /// Whether batch-norm normalises by the batch or by the source's statistics.
    pub batch_norm: BatchNormPolicy,
    /// Which average of the weights is the model.
    pub averaging: Averaging,
    /// Whether the weights before the first epoch may become the model: not those of a new head.
    pub begins_trained: bool,
    /// Share of the fine-tuned weights in the model, see [`wise_ft`](regularize::wise_ft); `None` where it is all of them.
    pub wise_ft: Option<f64>,
    /// Type that the network computes in; weights are float32.
    pub kind: Kind,
    /// Decides the order of images.
    pub seed: u64,
    /// Number of steps whose metrics are read together, see [`sync_interval`](crate::deferred::sync_interval); 1 where the
    /// loss is scaled.
    pub sync_interval: usize,
}

impl Phase<'_> {
    /// Returns the number of optimizer steps in an epoch.
    #[must_use]
    pub fn steps_per_epoch(&self) -> u64 {
        steps_per_epoch(self.train, self.images)
    }

    /// Returns the learning-rate schedule over all steps of the phase.
    #[must_use]
    pub fn schedule(&self) -> Schedule {
        Schedule::new(self.train, self.steps_per_epoch(), self.epochs)
    }

    /// Returns what is trained in an epoch, from 1: the parameters of the live stages, and those of penalties.
    #[must_use]
    pub fn trainables(&self, backbone: &Backbone, epoch: u32) -> Vec<Trainable> {
        let mut trainables = optimizer::live(backbone, self.plan, epoch, self.regularize);
        let head_scale = self.plan.rate_scale[backbone.head_id().index()];
        let decay = |value: &Tensor| self.regularize.decay_of(value, false);
        trainables.extend(self.objective.penalties.trainables(head_scale, decay));
        trainables
    }

    /// Returns the parameters that have a gradient in every step: those that are trained, but for inactive auxiliary heads, and the
    /// original head of Co-Tuning where no features can change.
    #[must_use]
    pub fn reduced(&self, backbone: &Backbone, optimizer: &Optimizer, first: StageId) -> Vec<Tensor> {
        let active = self.objective.penalties.active(backbone, first, self.objective.mode);
        let reduced = optimizer.parameters().iter().filter(|parameter| active.contains(&parameter.name));
        reduced.map(|parameter| parameter.value.shallow_clone()).collect()
    }

    /// Returns the training images of an epoch, which workers begin to prepare.
    pub(crate) fn begin_epoch(
        &self,
        backbone: &Backbone,
        training: &FeatureLoader,
        start: EpochStart,
    ) -> EpochBatches {
        training.epoch(backbone, self.train.batch_size.get(), self.train.sampler, self.seed, start)
    }
}

/// Returns the number of optimizer steps in an epoch over this number of images.
#[must_use]
pub fn steps_per_epoch(train: &TrainConfig, images: usize) -> u64 {
    images.div_ceil(train.batch_size.saturating_mul(train.accumulate).get()) as u64
}

/// Returns the number of epochs asked for, or more where `train.min_steps` needs them.
#[must_use]
pub fn enough_epochs(epochs: u32, train: &TrainConfig, images: usize) -> u32 {
    let needed = train.min_steps().div_ceil(steps_per_epoch(train, images).max(1));
    epochs.max(u32::try_from(needed).unwrap_or(u32::MAX))
}
