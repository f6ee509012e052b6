//! Optimizers, each with its own numbers. Defaults are PyTorch's where it has one.

use ranged::{Fraction, Positive};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `train.optimizer`: how a gradient becomes a step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "name", rename_all = "lowercase")]
pub enum Optimizer {
    /// Stochastic gradient descent with Nesterov momentum (Sutskever et al. 2013); weight decay enters the gradient.
    Sgd(Sgd),
    /// Adam (Kingma and Ba 2015); weight decay enters the gradient.
    Adam(Adam),
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
    AdamW(Adam),
    /// RMSprop (Tieleman and Hinton 2012); weight decay enters the gradient.
    RmsProp(RmsProp),
}

/// Numbers of stochastic gradient descent.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Sgd {
    /// Share of the previous step that is carried on; 0 for none.
    pub momentum: Fraction,
}

/// Numbers of Adam and AdamW.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Adam {
    /// Decay of the mean of gradients.
    pub beta1: Fraction,
    /// Decay of the mean of squared gradients.
    pub beta2: Fraction,
    /// Added to the denominator.
    pub epsilon: Positive,
}

/// Numbers of RMSprop.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RmsProp {
    /// Decay of the mean of squared gradients.
    pub alpha: Fraction,
    /// Share of the previous step that is carried on; 0 for none.
    pub momentum: Fraction,
    /// Added to the denominator.
    pub epsilon: Positive,
}

impl Default for Sgd {
    fn default() -> Self {
        Self { momentum: Fraction::of(0.9) }
    }
}

impl Default for Adam {
    fn default() -> Self {
        Self { beta1: Fraction::of(0.9), beta2: Fraction::of(0.999), epsilon: Positive::of(1e-8) }
    }
}

impl Default for RmsProp {
    fn default() -> Self {
        Self { alpha: Fraction::of(0.99), momentum: Fraction::of(0.0), epsilon: Positive::of(1e-8) }
    }
}

impl Default for Optimizer {
    fn default() -> Self {
        Self::AdamW(Adam::default())
    }
}

/// The number of an optimizer that a one-cycle schedule sets in its place.
pub(crate) struct OwnMomentum<'a> {
    /// Its key.
    pub(crate) key: &'static str,
    /// Its value.
    pub(crate) value: &'a mut Fraction,
    /// Its value when the file names none.
    pub(crate) default: Fraction,
}

impl Optimizer {
    /// Name in configurations.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sgd(_) => "sgd",
            Self::Adam(_) => "adam",
            Self::AdamW(_) => "adamw",
            Self::RmsProp(_) => "rmsprop",
        }
    }

    /// Momentum, or what stands for it.
    pub(crate) fn own_momentum(&mut self) -> OwnMomentum<'_> {
        let (key, value, default) = match self {
            Self::Sgd(sgd) => ("train.optimizer.momentum", &mut sgd.momentum, Sgd::default().momentum),
            Self::Adam(adam) | Self::AdamW(adam) => {
                ("train.optimizer.beta1", &mut adam.beta1, Adam::default().beta1)
            }
            Self::RmsProp(rmsprop) => {
                ("train.optimizer.momentum", &mut rmsprop.momentum, RmsProp::default().momentum)
            }
        };
        OwnMomentum { key, value, default }
    }
}
