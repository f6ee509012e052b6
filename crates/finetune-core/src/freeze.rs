//! How far back to fine-tune, as plain data.

use std::fmt;
use std::str::FromStr;

use backbone::{Backbone, StageId, UnknownStage};

/// `finetune.depth`, not yet applied to a network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Depth {
    /// Only the new head.
    Head,
    /// The head and the stages before it, so many stages in all that have parameters; the head is not counted.
    Last(usize),
    /// From a stage to the head.
    From(String),
    /// Every stage, starting from the source weights.
    All,
    /// Every stage, starting from random weights.
    Scratch,
}

/// A depth that is none of those.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "unknown depth {0:?}: use \"head\", \"last:N\" (the last N stages before the head), \"from:STAGE\", \"all\" or \"scratch\""
)]
pub struct UnknownDepth(String);

impl FromStr for Depth {
    type Err = UnknownDepth;

    fn from_str(text: &str) -> Result<Self, UnknownDepth> {
        let unknown = || UnknownDepth(text.to_owned());
        match text.split_once(':') {
            None => match text {
                "head" => Ok(Self::Head),
                "all" => Ok(Self::All),
                "scratch" => Ok(Self::Scratch),
                _ => Err(unknown()),
            },
            Some(("last", count)) => match count.parse() {
                Ok(count) if count > 0 => Ok(Self::Last(count)),
                _ => Err(unknown()),
            },
            Some(("from", stage)) if !stage.is_empty() => Ok(Self::From(stage.to_owned())),
            Some(_) => Err(unknown()),
        }
    }
}

impl fmt::Display for Depth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str("head"),
            Self::Last(count) => write!(f, "last:{count}"),
            Self::From(stage) => write!(f, "from:{stage}"),
            Self::All => f.write_str("all"),
            Self::Scratch => f.write_str("scratch"),
        }
    }
}

/// What is trained in the fine-tune step, and how gently. Pure data: applying it is [`Backbone::freeze_before`].
#[derive(Clone, Debug, PartialEq)]
pub struct FreezePlan {
    /// The first trainable stage; everything before it is frozen.
    pub first_live: StageId,
    /// Learning rate of each stage from input to head as a multiple of the run's; `0.0` where frozen.
    pub rate_scale: Vec<f64>,
}

impl FreezePlan {
    /// Applies a depth to a network; `gentle` is the rate scale of live stages before the head.
    ///
    /// # Errors
    /// When the depth names a stage that the network does not have.
    pub fn new(backbone: &Backbone, depth: &Depth, gentle: f64) -> Result<Self, UnknownStage> {
        let first_live = match depth {
            Depth::Head => backbone.head_id(),
            Depth::All | Depth::Scratch => StageId::INPUT,
            Depth::From(stage) => backbone.stage(stage)?,
            Depth::Last(count) => {
                // Pooling has nothing to train, so it does not count as a stage here.
                let trainable = backbone.ids().rev().skip(1).filter(|&id| !backbone.roots(id).is_empty());
                trainable.take(*count).last().unwrap_or(backbone.head_id())
            }
        };
        let gentle = if *depth == Depth::Scratch { 1.0 } else { gentle };
        let scale = |id: StageId| match id {
            id if id < first_live => 0.0,
            id if id == backbone.head_id() => 1.0,
            _ => gentle,
        };
        Ok(Self { first_live, rate_scale: backbone.ids().map(scale).collect() })
    }

    /// The plan of the step `train-head`: everything frozen but the head.
    #[must_use]
    pub fn head_only(backbone: &Backbone) -> Self {
        let scale = |id| if id == backbone.head_id() { 1.0 } else { 0.0 };
        Self { first_live: backbone.head_id(), rate_scale: backbone.ids().map(scale).collect() }
    }
}

#[cfg(test)]
mod tests {
    use backbone::{Options, Variables};

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
}
