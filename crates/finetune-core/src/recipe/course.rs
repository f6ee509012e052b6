//! What a run saves on the way, and what an earlier process saved of it.

use std::cell::Cell;
use std::time::Instant;

use records::{RecipeStepRecord, StepName};
use run_state::{Clock, FrozenStage, Keeper, PhaseKeeper, Progress};
use tch::Kind;
use training::precision;
use training::{SavedTraining, Tensors};

use super::prepared::Prepared;
use super::trained::Trained;
use crate::Error;

/// Where the states of a run go, and from which one it goes on.
pub struct Course<'a> {
    keeper: Option<&'a mut Keeper>,
    resumed: Option<Resumed>,
    /// Steps of the recipe that are over.
    pub(super) steps: Vec<RecipeStepRecord>,
    pub(super) clock: Clock,
}

/// What an earlier process came to.
pub struct Resumed {
    /// How far it got.
    pub progress: Progress,
    /// The tensors of its training.
    pub tensors: Tensors,
}

impl<'a> Course<'a> {
    /// Returns the course of a run that saves its states by a keeper and goes on from an earlier process, where there are these.
    #[must_use]
    pub fn new(keeper: Option<&'a mut Keeper>, resumed: Option<Resumed>) -> Self {
        let before = resumed.as_ref().map_or(0.0, |resumed| resumed.progress.seconds);
        Self { keeper, resumed, steps: Vec::new(), clock: Clock { began: Instant::now(), before } }
    }

    /// Returns the course of a run that saves nothing.
    #[must_use]
    pub fn unsaved() -> Self {
        Self::new(None, None)
    }

    /// Returns the type that the network computes in, as the earlier process decided it.
    pub(super) fn kind(&self) -> Option<Kind> {
        let name = &self.resumed.as_ref()?.progress.precision;
        Some(precision::named(name))
    }

    /// Returns the record of a step that the earlier process has ended.
    pub(super) fn ended(&self, step: StepName) -> Option<RecipeStepRecord> {
        let steps = &self.resumed.as_ref()?.progress.steps;
        steps.iter().find(|record| record.name == step.name()).cloned()
    }

    /// Returns the seconds that the earlier process spent on a phase that it has not ended.
    pub(super) fn seconds_in(&self, step: StepName) -> f64 {
        let progress = self.resumed.as_ref().map(|resumed| &resumed.progress);
        let at_hand = progress.filter(|progress| progress.training.phase == step.name());
        at_hand.map_or(0.0, |progress| progress.phase_seconds)
    }

    /// Adds what the earlier process spent on a step to its record, and takes its words.
    pub(super) fn continue_record(&self, record: &mut RecipeStepRecord) {
        let steps = self.resumed.iter().flat_map(|resumed| &resumed.progress.steps);
        if let Some(before) = steps.into_iter().find(|before| before.name == record.name) {
            record.seconds += before.seconds;
            record.what.clone_from(&before.what);
        }
    }

    /// Gives the network what earlier phases came to. Frozen stages have to be those that the earlier process had.
    ///
    /// # Errors
    /// With the first that is not.
    pub(super) fn lay_over(&self, trained: &mut Trained) -> Result<(), Error> {
        let Some(Resumed { progress, .. }) = &self.resumed else { return Ok(()) };
        trained.head_fit.clone_from(&progress.head_fit);
        trained.kept.clone_from(&progress.kept);
        let now = frozen(&trained.prepared);
        let other = progress.frozen.iter().find(|stage| !now.contains(stage));
        match other {
            Some(stage) => Err(run_state::Error::OtherStage { stage: stage.name.clone() }.into()),
            None => Ok(()),
        }
    }

    /// Takes what the earlier process came to in a phase that it has not ended.
    pub(super) fn resume(&mut self, step: StepName) -> Option<ResumedPhase> {
        let resumed = self.resumed.take_if(|resumed| resumed.progress.training.phase == step.name())?;
        let Progress { training: numbers, feature_bytes, phase_seconds, .. } = resumed.progress;
        let saved = SavedTraining { numbers, tensors: resumed.tensors };
        Some(ResumedPhase { saved, feature_bytes, seconds: phase_seconds })
    }

    /// Returns what saves the states of a phase.
    pub(super) fn in_phase<'b>(
        &'b mut self,
        trained: &Trained,
        seconds_before: f64,
        feature_bytes: &'b Cell<Option<Option<u64>>>,
    ) -> PhaseKeeper<'b> {
        PhaseKeeper {
            keeper: self.keeper.as_deref_mut(),
            steps: self.steps.clone(),
            frozen: frozen(&trained.prepared),
            precision: precision::name(trained.prepared.kind).to_owned(),
            head_fit: trained.head_fit.clone(),
            kept: trained.kept.clone(),
            feature_bytes,
            phase_clock: Clock { began: Instant::now(), before: seconds_before },
            run_clock: self.clock,
        }
    }
}

/// A phase that an earlier process has not ended.
pub(super) struct ResumedPhase {
    pub(super) saved: SavedTraining,
    pub(super) feature_bytes: Option<Option<u64>>,
    pub(super) seconds: f64,
}

fn frozen(prepared: &Prepared) -> Vec<FrozenStage> {
    let stages = prepared.stages.iter().filter(|stage| !stage.live);
    stages
        .map(|stage| FrozenStage { name: stage.name.clone(), digest: stage.digest_before.clone() })
        .collect()
}
