//! The optimizers and schedules there are, and their numbers. Defaults are PyTorch's where it has one.

use serde::{Deserialize, Serialize};

/// The optimizers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerKind {
    /// Stochastic gradient descent with Nesterov momentum (Sutskever et al. 2013); weight decay enters the gradient.
    Sgd,
    /// Adam (Kingma and Ba 2015); weight decay enters the gradient.
    Adam,
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
    AdamW,
    /// RMSprop (Tieleman and Hinton 2012); weight decay enters the gradient.
    RmsProp,
}

/// `[train.sgd]`
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SgdConfig {
    /// Share of the step before that is carried on; 0 for none.
    pub momentum: f64,
}

/// `[train.adam]`
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdamConfig {
    /// Decay of the mean of gradients.
    pub beta1: f64,
    /// Decay of the mean of squared gradients.
    pub beta2: f64,
    /// Added to the denominator.
    pub epsilon: f64,
}

/// `[train.rmsprop]`
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RmsPropConfig {
    /// Decay of the mean of squared gradients.
    pub alpha: f64,
    /// Share of the step before that is carried on; 0 for none.
    pub momentum: f64,
    /// Added to the denominator.
    pub epsilon: f64,
}

/// How the learning rate goes over the steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScheduleKind {
    /// The same all along.
    Constant,
    /// Times a factor every so many epochs.
    Step,
    /// Half a cosine from the full rate to zero (Loshchilov and Hutter 2017).
    Cosine,
    /// Up to the full rate and far below, momentum the other way round (Smith and Topin 2019).
    OneCycle,
    /// Times a factor whenever the validation loss has not improved for some epochs.
    Plateau,
}

/// `[train.step]`
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StepConfig {
    /// Epochs from one reduction to the next.
    pub every: u32,
    /// What the rate is multiplied by.
    pub factor: f64,
}

/// `[train.one_cycle]`; the numbers of `torch.optim.lr_scheduler.OneCycleLR`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct OneCycleConfig {
    /// Share of the steps on which the rate rises.
    pub rising: f64,
    /// The first rate is the full one divided by this.
    pub divisor: f64,
    /// The last rate is the first one divided by this.
    pub final_divisor: f64,
    /// Momentum at the full rate and at the lowest one: SGD's and RMSprop's momentum, Adam's `beta1`.
    pub momentum: (f64, f64),
}

/// `[train.plateau]`; the numbers of `torch.optim.lr_scheduler.ReduceLROnPlateau`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PlateauConfig {
    /// What the rate is multiplied by.
    pub factor: f64,
    /// Epochs without improvement that are put up with.
    pub patience: u32,
    /// An improvement is a loss below the best by more than this share of it.
    pub threshold: f64,
    /// The rate is not reduced below this share of the full one.
    pub floor: f64,
}

impl Default for SgdConfig {
    fn default() -> Self {
        Self { momentum: 0.9 }
    }
}

impl Default for AdamConfig {
    fn default() -> Self {
        Self { beta1: 0.9, beta2: 0.999, epsilon: 1e-8 }
    }
}

impl Default for RmsPropConfig {
    fn default() -> Self {
        Self { alpha: 0.99, momentum: 0.0, epsilon: 1e-8 }
    }
}

impl Default for StepConfig {
    fn default() -> Self {
        Self { every: 10, factor: 0.1 }
    }
}

impl Default for OneCycleConfig {
    fn default() -> Self {
        Self { rising: 0.3, divisor: 25.0, final_divisor: 1e4, momentum: (0.85, 0.95) }
    }
}

impl Default for PlateauConfig {
    fn default() -> Self {
        // PyTorch's patience of 10 epochs is longer than most fine-tuning.
        Self { factor: 0.1, patience: 2, threshold: 1e-4, floor: 0.0 }
    }
}

impl OptimizerKind {
    /// The name used in configurations.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sgd => "sgd",
            Self::Adam => "adam",
            Self::AdamW => "adamw",
            Self::RmsProp => "rmsprop",
        }
    }
}

impl ScheduleKind {
    /// The name used in configurations.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Constant => "constant",
            Self::Step => "step",
            Self::Cosine => "cosine",
            Self::OneCycle => "one-cycle",
            Self::Plateau => "plateau",
        }
    }
}
