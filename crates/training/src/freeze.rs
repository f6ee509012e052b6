//! How far back to fine-tune, how gently, and from when on, as plain data.

use std::collections::BTreeMap;

use backbone::{Backbone, Stage, StageId, UnknownStage};
use ranged::Positive;
use records::Depth;
use run_config::{FinetuneConfig, ThawConfig};

/// What is trained in a training step of the recipe. Pure data: applying it is [`Backbone::freeze_before`].
#[derive(Clone, Debug, PartialEq)]
pub struct FreezePlan {
    /// The first stage that is ever trained; everything before it stays frozen.
    pub first_live: StageId,
    /// Learning rate of each stage from input to head as a multiple of the run's; `0.0` where it stays frozen.
    pub rate_scale: Vec<f64>,
    /// The epoch, from 1, at whose beginning each stage thaws; `None` where it stays frozen. It never falls from one
    /// stage to the one before it, so that at any time what is frozen is a prefix of the network.
    pub thaws: Vec<Option<u32>>,
}

/// A policy that names what the network does not have, or contradicts itself.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// There is no such stage.
    #[error(transparent)]
    UnknownStage(#[from] UnknownStage),
    /// A rate for a stage that is never trained.
    #[error(
        "{stage} stays frozen at this depth, so it has no learning rate; remove it, or go back as far with finetune.depth"
    )]
    RateOfFrozen {
        /// The stage.
        stage: String,
    },
    /// A thaw of a stage that is never trained.
    #[error("{stage} stays frozen at this depth; remove it, or go back as far with finetune.depth")]
    ThawOfFrozen {
        /// The stage.
        stage: String,
    },
    /// The head is always live.
    #[error("the head is live from the first epoch on; name the stages before it")]
    ThawOfHead,
    /// Epochs count from 1.
    #[error("epochs count from 1")]
    ThawAtZero,
    /// A stage would be live before the one after it.
    #[error(
        "{stage} would thaw in epoch {epoch}, before {later} in epoch {later_epoch}; stages thaw from the head backwards"
    )]
    ThawOutOfOrder {
        /// The stage nearer to the input.
        stage: String,
        /// When it would thaw.
        epoch: u32,
        /// The stage after it.
        later: String,
        /// When that thaws.
        later_epoch: u32,
    },
}

impl FreezePlan {
    /// Applies a depth to a network, everything live from the first epoch on; `gentle` is the rate scale of live stages
    /// before the head.
    ///
    /// # Errors
    /// When the depth names a stage that the network does not have.
    pub fn new(backbone: &Backbone, depth: &Depth, gentle: f64) -> Result<Self, UnknownStage> {
        let first_live = match depth {
            Depth::Head => backbone.first_new(),
            // A run with "auto" has another depth before anything is frozen; until then it may be any.
            Depth::All | Depth::Scratch | Depth::Auto => StageId::INPUT,
            Depth::From(stage) => backbone.stage(stage)?,
            Depth::Last(count) => trainable(backbone).take(*count).last().unwrap_or(backbone.first_new()),
        };
        // What has nothing of the source is always trained, and at the head's rate.
        let first_live = first_live.min(backbone.first_new());
        let gentle = if *depth == Depth::Scratch { 1.0 } else { gentle };
        let scale = |id: StageId| match id {
            id if id < first_live => 0.0,
            id if id >= backbone.first_new() => 1.0,
            _ => gentle,
        };
        let thaws = |id: StageId| (id >= first_live).then_some(1);
        Ok(Self {
            first_live,
            rate_scale: backbone.ids().map(scale).collect(),
            thaws: backbone.ids().map(thaws).collect(),
        })
    }

    /// Depth, rates and thaws of a configuration, applied to a network.
    ///
    /// # Errors
    /// A mistake, with the key that it was made in.
    pub fn of(
        backbone: &Backbone,
        depth: &Depth,
        finetune: &FinetuneConfig,
    ) -> Result<Self, (String, PlanError)> {
        let mut plan = Self::new(backbone, depth, finetune.rate_scale().get())
            .map_err(|error| ("finetune.depth".to_owned(), error.into()))?;
        if *depth != Depth::Scratch {
            plan.fall_off(backbone, finetune.rate_decay.get(), finetune.rate_floor.get());
        }
        plan.set_rates(backbone, &finetune.rates)?;
        if let Some(thaw) = &finetune.thaw {
            plan.set_thaws(backbone, thaw)?;
        }
        Ok(plan)
    }

    /// The plan of the step `train-head`: everything frozen but the head, or the classifier it ends where that is new.
    #[must_use]
    pub fn head_only(backbone: &Backbone) -> Self {
        let is_new = |id| id >= backbone.first_new();
        Self {
            first_live: backbone.first_new(),
            rate_scale: backbone.ids().map(|id| if is_new(id) { 1.0 } else { 0.0 }).collect(),
            thaws: backbone.ids().map(|id| is_new(id).then_some(1)).collect(),
        }
    }

    /// The first stage that is live in an epoch, counted from 1.
    #[must_use]
    pub fn first_live_in(&self, backbone: &Backbone, epoch: u32) -> StageId {
        backbone.ids().find(|id| self.is_live(*id, epoch)).unwrap_or(backbone.head_id())
    }

    /// The first stages that are live in one epoch or another of so many, the last stage first.
    #[must_use]
    pub fn cuts(&self, backbone: &Backbone, epochs: u32) -> Vec<StageId> {
        let epochs = 1..=epochs.min(self.last_thaw());
        let mut cuts: Vec<StageId> = epochs.map(|epoch| self.first_live_in(backbone, epoch)).collect();
        cuts.dedup();
        cuts
    }

    /// Whether a stage is live in an epoch, counted from 1.
    #[must_use]
    pub fn is_live(&self, id: StageId, epoch: u32) -> bool {
        self.thaws[id.index()].is_some_and(|thaws| thaws <= epoch)
    }

    /// The epoch of the last thaw.
    #[must_use]
    pub fn last_thaw(&self) -> u32 {
        self.thaws.iter().flatten().copied().max().unwrap_or(1)
    }

    /// Whether stochastic depth has a residual branch to skip in what is ever trained.
    #[must_use]
    pub fn skips_something(&self, backbone: &Backbone) -> bool {
        backbone.stages().iter().skip(self.first_live.index()).any(Stage::has_branch)
    }

    /// Lets the rate fall from each live stage to the one before it, what is new left aside, down to a floor.
    fn fall_off(&mut self, backbone: &Backbone, decay: f64, floor: f64) {
        let mut scale = None;
        for id in backbone.ids().rev().filter(|&id| id >= self.first_live && id < backbone.first_new()) {
            let here = &mut self.rate_scale[id.index()];
            let unbounded = scale.unwrap_or(*here);
            *here = unbounded.max(floor);
            // Pooling has nothing to train, so it is no step back.
            scale = Some(if backbone.roots(id).is_empty() { unbounded } else { unbounded * decay });
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
        }
        Ok(())
    }

    fn set_thaws(&mut self, backbone: &Backbone, thaw: &ThawConfig) -> Result<(), (String, PlanError)> {
        let mut named = vec![None; self.thaws.len()];
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
                _ if epoch == 0 => return Err(wrong(PlanError::ThawAtZero)),
                id if id >= backbone.first_new() => return Err(wrong(PlanError::ThawOfHead)),
                id if id < self.first_live => {
                    return Err(wrong(PlanError::ThawOfFrozen { stage: stage.clone() }));
                }
                id => named[id.index()] = Some(epoch),
            }
        }
        // A stage that is not named thaws together with the one after it.
        let (mut after, mut after_epoch) = (backbone.head_id(), 1);
        for id in backbone.ids().rev().skip(1).filter(|&id| id >= self.first_live) {
            let epoch = named[id.index()].unwrap_or(after_epoch);
            if epoch < after_epoch {
                let stage = backbone.name(id).to_owned();
                let key = format!("finetune.thaw.at.{stage}");
                let later = backbone.name(after).to_owned();
                return Err((
                    key,
                    PlanError::ThawOutOfOrder { stage, epoch, later, later_epoch: after_epoch },
                ));
            }
            self.thaws[id.index()] = Some(epoch);
            (after, after_epoch) = (id, epoch);
        }
        Ok(())
    }
}

/// The stages before what is new, usually the head, that have parameters, from the last one back.
fn trainable(backbone: &Backbone) -> impl Iterator<Item = StageId> {
    backbone.ids().rev().filter(|&id| id < backbone.first_new() && !backbone.roots(id).is_empty())
}

#[cfg(test)]
mod tests {
    use backbone::{Options, Variables};

    use std::num::NonZeroU32;

    use ranged::NotNegative;

    use super::*;

    fn first_live(depth: &str) -> String {
        let backbone =
            resnet::resnet18(&Variables::new().root(), &Options { classes: 2, ..Options::default() });
        let plan = FreezePlan::new(&backbone, &depth.parse().unwrap(), 0.1).unwrap();
        assert!(plan.rate_scale[..plan.first_live.index()].iter().all(|&scale| scale == 0.0));
        assert!(plan.rate_scale[plan.first_live.index()..].iter().all(|&scale| scale > 0.0));
        backbone.name(plan.first_live).to_owned()
    }

    #[test]
    fn depths_become_stages() {
        for (depth, stage) in [
            ("head", "head"),
            ("last:1", "layer4"),
            ("last:2", "layer3"),
            ("last:99", "stem"),
            ("from:layer3", "layer3"),
            ("from:head", "head"),
            ("all", "stem"),
            ("scratch", "stem"),
        ] {
            assert_eq!(first_live(depth), stage, "{depth}");
        }
    }

    #[test]
    fn nonsense_is_refused_and_an_unknown_stage_lists_the_known() {
        for nonsense in ["", "last", "last:0", "last:-1", "last:x", "from:", "deep", "head:1"] {
            assert!(nonsense.parse::<Depth>().is_err(), "{nonsense}");
        }
        let backbone = resnet::resnet18(&Variables::new().root(), &Options::default());
        let error = FreezePlan::new(&backbone, &"from:layer9".parse().unwrap(), 0.1).unwrap_err().to_string();
        assert!(error.contains("stem, layer1, layer2, layer3, layer4, pool, head"), "{error}");
    }

    #[test]
    fn scratch_is_not_gentle() {
        let backbone = resnet::resnet18(&Variables::new().root(), &Options::default());
        assert!(
            FreezePlan::new(&backbone, &Depth::Scratch, 0.1).unwrap().rate_scale.iter().all(|&s| s == 1.0)
        );
        let all = FreezePlan::new(&backbone, &Depth::All, 0.1).unwrap();
        assert_eq!((all.rate_scale[0], *all.rate_scale.last().unwrap()), (0.1, 1.0));
    }

    fn planned(depth: &str, finetune: FinetuneConfig) -> Result<FreezePlan, String> {
        let backbone = resnet::resnet18(&Variables::new().root(), &Options::default());
        FreezePlan::of(&backbone, &depth.parse().unwrap(), &finetune)
            .map_err(|(key, error)| format!("{key}: {error}"))
    }

    /// Stages: stem, layer1 to layer4, pool, head.
    #[test]
    fn rates_fall_off_towards_the_input_down_to_the_floor_and_single_ones_win() {
        let config = || FinetuneConfig {
            rate_scale: Some(Positive::of(0.5)),
            rate_decay: Positive::of(0.5),
            rate_floor: NotNegative::of(0.1),
            rates: BTreeMap::from([("layer3".to_owned(), Positive::of(0.7))]),
            ..FinetuneConfig::default()
        };
        let plan = planned("from:layer1", config()).unwrap();
        assert_eq!(plan.rate_scale, [0.0, 0.1, 0.125, 0.7, 0.5, 0.5, 1.0]);
        let error = planned("from:layer4", config()).unwrap_err();
        assert!(error.starts_with("finetune.rates.layer3: layer3 stays frozen"), "{error}");
        let typo =
            FinetuneConfig { rates: BTreeMap::from([("layer33".to_owned(), Positive::of(0.7))]), ..config() };
        assert!(
            planned("all", typo).unwrap_err().contains("stem, layer1, layer2, layer3, layer4, pool, head")
        );
    }

    #[test]
    fn stages_thaw_from_the_head_backwards() {
        let thawing = |every: Option<u32>, at: &[(&str, u32)]| {
            let every = every.and_then(NonZeroU32::new);
            let at = at.iter().map(|&(stage, epoch)| (stage.to_owned(), epoch)).collect();
            FinetuneConfig { thaw: Some(ThawConfig { every, at }), ..FinetuneConfig::default() }
        };
        let live = Some;
        let plan = planned("from:layer2", thawing(Some(2), &[])).unwrap();
        assert_eq!(plan.thaws, [None, None, live(5), live(3), live(1), live(1), live(1)]);
        let plan = planned("all", thawing(None, &[("layer4", 2), ("layer2", 6)])).unwrap();
        assert_eq!(plan.thaws, [live(6), live(6), live(6), live(2), live(2), live(1), live(1)]);
        assert_eq!(plan.last_thaw(), 6);
        let backbone = resnet::resnet18(&Variables::new().root(), &Options::default());
        let cuts = |epochs| {
            let cuts = plan.cuts(&backbone, epochs);
            cuts.into_iter().map(|id| backbone.name(id)).collect::<Vec<_>>()
        };
        assert_eq!(cuts(100), ["pool", "layer3", "stem"]);
        assert_eq!((cuts(5), cuts(1)), (vec!["pool", "layer3"], vec!["pool"]));
        for (at, says) in [
            (("layer9", 2), "no stage \"layer9\""),
            (("head", 2), "the head is live"),
            (("layer4", 0), "epochs count from 1"),
            (("stem", 3), "stays frozen"),
        ] {
            let error = planned("from:layer2", thawing(None, &[at])).unwrap_err();
            assert!(error.starts_with(&format!("finetune.thaw.at.{}: ", at.0)), "{error}");
            assert!(error.contains(says), "{error}");
        }
        let error = planned("all", thawing(None, &[("layer4", 4), ("layer3", 2)])).unwrap_err();
        assert!(error.contains("layer3 would thaw in epoch 2, before layer4 in epoch 4"), "{error}");
    }
}
