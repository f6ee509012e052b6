use backbone::Backbone;
use records::{LoadRecord, PhasePlanRecord, StageRecord, StepName};
use tch::Kind;
use training::SourceReference;
use training::freeze::FreezePlan;

/// The network as it is going to be trained.
pub(super) struct Prepared {
    pub(super) backbone: Backbone,
    /// Type that it computes in.
    pub(super) kind: Kind,
    /// Which stages the step `fine-tune` trains.
    pub(super) plan: FreezePlan,
    /// What is kept of the source for the techniques that pull towards it.
    pub(super) source: SourceReference,
    /// What was loaded of the weights.
    pub(super) load: LoadRecord,
    /// Every stage with its digest before training.
    pub(super) stages: Vec<StageRecord>,
    /// What the training steps are going to do.
    pub(super) phases: Vec<PhasePlanRecord>,
}

impl Prepared {
    /// Returns the plan of a training step: `train-head` trains the head alone.
    pub(super) fn plan_of(&self, step: StepName) -> FreezePlan {
        match step {
            StepName::TrainHead => FreezePlan::head_only(&self.backbone),
            _ => self.plan.clone(),
        }
    }
}
