//! Which stages are trained, at which learning rates, and from which epoch on, as plain data.

use std::collections::BTreeMap;

use backbone::{Backbone, BlockDecay, LowRank, Stage, StageId, UnknownStage};
use ranged::Positive;
use records::Depth;
use run_config::{FinetuneConfig, ThawConfig};

/// What is trained in a training step of the recipe. Pure data: applying it is [`FreezePlan::apply`], then
/// [`Backbone::freeze_before`].
#[derive(Clone, Debug, PartialEq)]
pub struct FreezePlan {
    /// The first stage that is ever trained; everything before it stays frozen.
    pub first_live: StageId,
    /// Learning rate of each stage from input to head as a multiple of the run's; `0.0` where it stays frozen.
    pub rate_scale: Vec<f64>,
    /// What the learning rate is multiplied by from each block of a stage to the one before it, and where that ends; `None` where
    /// a stage is trained at one rate.
    pub block_decay: Vec<Option<BlockDecay>>,
    /// The epoch, from 1, at whose beginning each stage is unfrozen; `None` where it stays frozen. It never falls from one
    /// stage to the one before it, so that at any time what is frozen is a prefix of the network.
    pub unfreeze_epochs: Vec<Option<u32>>,
    /// Updates that are trained in place of weights of the source; `None` where these are trained themselves.
    pub low_rank: Option<LowRank>,
}

/// Epochs between two cuts: in all of them the same stages are trained.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// The first live stage, whose input batches are.
    pub cut: StageId,
    /// The first epoch, from 1.
    pub first_epoch: u32,
    /// The last epoch, which belongs to the segment.
    pub last_epoch: u32,
}

/// Batch-norm in the stages before the head that a plan trains.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Norms {
    /// Largest learning rate of a trained stage before the head, as a multiple of the head's.
    pub largest_rate: f64,
}

/// A policy that names what the network does not have, or contradicts itself.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// There is no such stage.
    #[error(transparent)]
    UnknownStage(#[from] UnknownStage),
    /// A learning rate for a stage that is never trained.
    #[error(
        "{stage} stays frozen at this depth, so it has no learning rate; remove it, or go back as far with finetune.depth"
    )]
    RateOfFrozen {
        /// The stage.
        stage: String,
    },
    /// A depth beyond the first stage.
    #[error(
        "goes back further than this network, which has {stages} stages with weights before its head; \"all\" trains them all"
    )]
    TooDeep {
        /// Stages before the head that have weights.
        stages: usize,
    },
    /// An epoch for a stage that is never trained.
    #[error("{stage} stays frozen at this depth; remove it, or go back as far with finetune.depth")]
    UnfreezeOfFrozen {
        /// The stage.
        stage: String,
    },
    /// The head is always live.
    #[error("the head is live from the first epoch on; name the stages before it")]
    UnfreezeOfHead,
    /// Epochs count from 1.
    #[error("epochs count from 1")]
    UnfreezeAtZero,
    /// A stage would be live before the one after it.
    #[error(
        "{stage} would be unfrozen in epoch {epoch}, before {later} in epoch {later_epoch}; stages are unfrozen from the head backwards"
    )]
    UnfreezeOutOfOrder {
        /// The stage nearer to the input.
        stage: String,
        /// The epoch in which it would be unfrozen.
        epoch: u32,
        /// The stage after it.
        later: String,
        /// The epoch in which that is unfrozen.
        later_epoch: u32,
    },
}

impl FreezePlan {
    /// Applies a depth to a network, everything live from the first epoch on. `backbone_rate` is the learning rate of live
    /// stages before the head, as a multiple of the head's.
    ///
    /// # Errors
    /// When the depth names a stage that the network does not have.
    pub fn new(backbone: &Backbone, depth: &Depth, backbone_rate: f64) -> Result<Self, UnknownStage> {
        let first_live = match depth {
            Depth::Head => backbone.first_new(),
            // A run with "auto" or "search" has another depth before anything is frozen; until then it may be any.
            Depth::All | Depth::Scratch | Depth::Auto | Depth::Search => StageId::INPUT,
            Depth::From(stage) => backbone.stage(stage)?,
            Depth::Last(count) => trainable(backbone).take(*count).last().unwrap_or(backbone.first_new()),
        };
        // What has nothing of the source is always trained, and at the head's rate.
        let first_live = first_live.min(backbone.first_new());
        let backbone_rate = if *depth == Depth::Scratch { 1.0 } else { backbone_rate };
        let scale = |id: StageId| match id {
            id if id < first_live => 0.0,
            id if id >= backbone.first_new() => 1.0,
            _ => backbone_rate,
        };
        let unfrozen_in = |id: StageId| (id >= first_live).then_some(1);
        Ok(Self {
            first_live,
            rate_scale: backbone.ids().map(scale).collect(),
            block_decay: backbone.ids().map(|_| None).collect(),
            unfreeze_epochs: backbone.ids().map(unfrozen_in).collect(),
            low_rank: None,
        })
    }

    /// Applies depth, learning rates and gradual unfreezing of a configuration to a network.
    ///
    /// # Errors
    /// The key at fault, and what is wrong with it.
    pub fn of(
        backbone: &Backbone,
        depth: &Depth,
        finetune: &FinetuneConfig,
    ) -> Result<Self, (String, PlanError)> {
        let stages = trainable(backbone).count();
        if matches!(depth, Depth::Last(count) if *count > stages) {
            return Err(("finetune.depth".to_owned(), PlanError::TooDeep { stages }));
        }
        let mut plan = Self::new(backbone, depth, finetune.rate_scale().get())
            .map_err(|error| ("finetune.depth".to_owned(), error.into()))?;
        if *depth != Depth::Scratch {
            plan.decay_rates(backbone, finetune.rate_decay.get(), finetune.rate_floor.get());
        }
        let transfers = !matches!(depth, Depth::Head | Depth::Scratch);
        plan.low_rank = finetune.low_rank().filter(|_| transfers);
        plan.set_rates(backbone, &finetune.rates)?;
        if let Some(thaw) = &finetune.thaw {
            plan.set_unfreeze_epochs(backbone, thaw)?;
        }
        Ok(plan)
    }

    /// Returns the plan of the step `train-head`: everything frozen but the head, or the whole classifier where that is new.
    #[must_use]
    pub fn head_only(backbone: &Backbone) -> Self {
        let is_new = |id| id >= backbone.first_new();
        Self {
            first_live: backbone.first_new(),
            rate_scale: backbone.ids().map(|id| if is_new(id) { 1.0 } else { 0.0 }).collect(),
            block_decay: backbone.ids().map(|_| None).collect(),
            unfreeze_epochs: backbone.ids().map(|id| is_new(id).then_some(1)).collect(),
            low_rank: None,
        }
    }

    /// Makes the network one of which the plan trains parameters: with the updates that it asks for. [`Backbone::merge`] takes that
    /// back when the training is over.
    pub fn apply(&self, backbone: &mut Backbone) {
        if let Some(low_rank) = self.low_rank {
            backbone.adapt(self.first_live, low_rank);
        }
    }

    /// Returns the number of values that are trained of a stage that the plan trains, else of all that could be.
    #[must_use]
    pub fn trainable_values(&self, backbone: &Backbone, id: StageId) -> u64 {
        match self.low_rank {
            Some(low_rank) if id >= self.first_live && id < backbone.first_new() => {
                backbone.update_count(id, low_rank)
            }
            _ => backbone.parameter_count(id),
        }
    }

    /// Returns the first stage that is live in an epoch, counted from 1.
    #[must_use]
    pub fn first_live_in(&self, backbone: &Backbone, epoch: u32) -> StageId {
        backbone.ids().find(|id| self.is_live(*id, epoch)).unwrap_or(backbone.head_id())
    }

    /// Returns the segments of a phase of this many epochs, in order; each cut lies before the one of the segment before.
    #[must_use]
    pub fn segments(&self, backbone: &Backbone, epochs: u32) -> Vec<Segment> {
        let mut segments: Vec<Segment> = Vec::new();
        for first_epoch in 1..=epochs.min(self.last_unfreeze()) {
            let cut = self.first_live_in(backbone, first_epoch);
            match segments.last_mut() {
                Some(segment) if segment.cut == cut => {}
                Some(segment) => {
                    segment.last_epoch = first_epoch - 1;
                    segments.push(Segment { cut, first_epoch, last_epoch: epochs });
                }
                None => segments.push(Segment { cut, first_epoch, last_epoch: epochs }),
            }
        }
        segments
    }

    /// Returns the learning rate of a variable of a stage as a multiple of the run's.
    #[must_use]
    pub fn rate_of(&self, backbone: &Backbone, id: StageId, variable: &str) -> f64 {
        let rate = self.rate_scale[id.index()];
        match self.block_decay[id.index()].zip(backbone.stages().get(id.index())) {
            Some((decay, stage)) => decay.rate_of(stage, variable, rate),
            None => rate,
        }
    }

    /// Returns whether a stage is live in an epoch, counted from 1.
    #[must_use]
    pub fn is_live(&self, id: StageId, epoch: u32) -> bool {
        self.unfreeze_epochs[id.index()].is_some_and(|unfrozen| unfrozen <= epoch)
    }

    /// Returns the epoch from which on everything is live that ever is.
    #[must_use]
    pub fn last_unfreeze(&self) -> u32 {
        self.unfreeze_epochs.iter().flatten().copied().max().unwrap_or(1)
    }

    /// Returns whether what is ever trained has a residual branch that stochastic depth may skip.
    #[must_use]
    pub fn skips_something(&self, backbone: &Backbone) -> bool {
        backbone.stages().iter().skip(self.first_live.index()).any(Stage::has_branch)
    }

    /// Returns what is known of batch-norm in the transferred stages that are ever trained; `None` where none has any.
    #[must_use]
    pub fn norms(&self, backbone: &Backbone) -> Option<Norms> {
        let live = || backbone.ids().filter(|&id| id >= self.first_live && id < backbone.first_new());
        let has_norm = |id: StageId| {
            backbone.stage_variables(id).iter().any(|variable| variable.name.ends_with(".running_mean"))
        };
        let trained = live().filter(|&id| backbone.parameter_count(id) > 0);
        let rates = trained.map(|id| self.rate_scale[id.index()]);
        let head = self.rate_scale[backbone.head_id().index()];
        live().any(has_norm).then(|| Norms { largest_rate: rates.fold(0.0, f64::max) / head })
    }

    /// Multiplies the learning rate by `decay` from each live stage to the one before it, down to a floor, and from block to block
    /// within stages that are made of such. What is new keeps its rate.
    fn decay_rates(&mut self, backbone: &Backbone, decay: f64, floor: f64) {
        let of_blocks = BlockDecay { decay, floor };
        let mut scale = None;
        for id in backbone.ids().rev().filter(|&id| id >= self.first_live && id < backbone.first_new()) {
            let here = &mut self.rate_scale[id.index()];
            let unbounded = scale.unwrap_or(*here);
            *here = unbounded.max(floor);
            let blocks = backbone.stages().get(id.index()).map_or(1, Stage::layer_count);
            self.block_decay[id.index()] = (blocks > 1).then_some(of_blocks);
            // Pooling has nothing to train, so it does not count.
            scale = Some(if backbone.roots(id).is_empty() {
                unbounded
            } else {
                of_blocks.after(unbounded, blocks)
            });
        }
    }

    fn set_rates(
        &mut self,
        backbone: &Backbone,
        rates: &BTreeMap<String, Positive>,
    ) -> Result<(), (String, PlanError)> {
        for (stage, &rate) in rates {
            let wrong = |error| (format!("finetune.rates.{stage}"), error);
            let id = backbone.stage(stage).map_err(|error| wrong(error.into()))?;
            if id < self.first_live {
                return Err(wrong(PlanError::RateOfFrozen { stage: stage.clone() }));
            }
            self.rate_scale[id.index()] = rate.get();
            self.block_decay[id.index()] = None;
        }
        Ok(())
    }

    fn set_unfreeze_epochs(
        &mut self,
        backbone: &Backbone,
        thaw: &ThawConfig,
    ) -> Result<(), (String, PlanError)> {
        let mut named = vec![None; self.unfreeze_epochs.len()];
        if let Some(every) = thaw.every {
            let live = trainable(backbone).filter(|&id| id >= self.first_live);
            for (id, steps_back) in live.zip(0..) {
                named[id.index()] = Some(every.get().saturating_mul(steps_back).saturating_add(1));
            }
        }
        for (stage, &epoch) in &thaw.at {
            let wrong = |error| (format!("finetune.thaw.at.{stage}"), error);
            let id = backbone.stage(stage).map_err(|error| wrong(error.into()))?;
            match id {
                _ if epoch == 0 => return Err(wrong(PlanError::UnfreezeAtZero)),
                id if id >= backbone.first_new() => return Err(wrong(PlanError::UnfreezeOfHead)),
                id if id < self.first_live => {
                    return Err(wrong(PlanError::UnfreezeOfFrozen { stage: stage.clone() }));
                }
                id => named[id.index()] = Some(epoch),
            }
        }
        // A stage that is not named is unfrozen together with the one after it.
        let (mut after, mut after_epoch) = (backbone.head_id(), 1);
        for id in backbone.ids().rev().skip(1).filter(|&id| id >= self.first_live) {
            let epoch = named[id.index()].unwrap_or(after_epoch);
            if epoch < after_epoch {
                let stage = backbone.name(id).to_owned();
                let key = format!("finetune.thaw.at.{stage}");
                let later = backbone.name(after).to_owned();
                return Err((
                    key,
                    PlanError::UnfreezeOutOfOrder { stage, epoch, later, later_epoch: after_epoch },
                ));
            }
            self.unfreeze_epochs[id.index()] = Some(epoch);
            (after, after_epoch) = (id, epoch);
        }
        Ok(())
    }
}

/// Returns the stages before what is new, usually the head, that have parameters, from the last one back.
fn trainable(backbone: &Backbone) -> impl Iterator<Item = StageId> {
    backbone.ids().rev().filter(|&id| id < backbone.first_new() && !backbone.roots(id).is_empty())
}

#[cfg(test)]
mod tests;
