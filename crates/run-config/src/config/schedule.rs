//! Schedules of the learning rate, each with its own numbers.

use std::num::NonZeroU32;

use ranged::{Fraction, Positive, ProperFraction};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `train.schedule`: how the learning rate changes over the steps of a phase.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "name", rename_all = "kebab-case")]
pub enum LearningRateSchedule {
    /// The same learning rate at every step.
    Constant,
    /// Multiplied by a factor at regular intervals.
    Step(StepDecay),
    /// Half a cosine from the full learning rate to zero (Loshchilov and Hutter 2017).
    #[default]
    Cosine,
    /// Up to the full learning rate and far below it, momentum the other way round (Smith and Topin 2019): PyTorch's
    /// `OneCycleLR`.
    OneCycle(OneCycle),
    /// Multiplied by a factor whenever the validation loss has not improved for some epochs: PyTorch's
    /// `ReduceLROnPlateau`.
    Plateau(ReduceOnPlateau),
}

/// Numbers of the schedule `"step"`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StepDecay {
    /// Number of epochs from one reduction to the next.
    pub every: NonZeroU32,
    /// Factor of each reduction.
    pub factor: Positive,
}

/// Numbers of the schedule `"one-cycle"`, PyTorch's `OneCycleLR`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct OneCycle {
    /// Share of the steps on which the learning rate rises.
    pub rising: ProperFraction,
    /// The first learning rate is the full one divided by this.
    pub divisor: Positive,
    /// The last learning rate is the first one divided by this.
    pub final_divisor: Positive,
    /// Momentum at the full learning rate and at the lowest one, in place of SGD's and RMSprop's `momentum` and Adam's
    /// `beta1`.
    pub momentum: [Fraction; 2],
}

/// Numbers of the schedule `"plateau"`, PyTorch's `ReduceLROnPlateau`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReduceOnPlateau {
    /// Factor of each reduction.
    pub factor: ProperFraction,
    /// Number of epochs without improvement before a reduction.
    pub patience: u32,
    /// An improvement is a loss lower by more than this share of the best.
    pub threshold: Fraction,
    /// The learning rate is not reduced below this share of the full one.
    pub floor: Fraction,
}

impl Default for StepDecay {
    fn default() -> Self {
        const EVERY: NonZeroU32 = NonZeroU32::new(10).expect("not zero");
        Self { every: EVERY, factor: Positive::of(0.1) }
    }
}

impl Default for OneCycle {
    fn default() -> Self {
        Self {
            rising: ProperFraction::of(0.3),
            divisor: Positive::of(25.0),
            final_divisor: Positive::of(1e4),
            momentum: [Fraction::of(0.85), Fraction::of(0.95)],
        }
    }
}

impl Default for ReduceOnPlateau {
    fn default() -> Self {
        // PyTorch's patience of 10 epochs is longer than most fine-tuning.
        Self {
            factor: ProperFraction::of(0.1),
            patience: 2,
            threshold: Fraction::of(1e-4),
            floor: Fraction::of(0.0),
        }
    }
}

impl LearningRateSchedule {
    /// Name in configurations.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Step(_) => "step",
            Self::Cosine => "cosine",
            Self::OneCycle(_) => "one-cycle",
            Self::Plateau(_) => "plateau",
        }
    }
}
