use run_config::{AdamConfig, OptimizerKind, RmsPropConfig, SgdConfig, TrainConfig};
use torch_extra::step::{self, Decay, Momentum, Moved};

use crate::schedule::StepRates;

/// How a gradient becomes a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// `torch.optim.SGD(momentum, nesterov=True)` (Sutskever et al. 2013).
    Sgd(SgdConfig),
    /// `torch.optim.Adam` (Kingma and Ba 2015) or `AdamW` (Loshchilov and Hutter 2019).
    Adam(AdamConfig, DecayForm),
    /// `torch.optim.RMSprop` (Tieleman and Hinton 2012).
    RmsProp(RmsPropConfig),
}

/// Where weight decay enters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecayForm {
    /// In the gradient, as the derivative of an L2 penalty.
    Gradient,
    /// In the weights themselves, untouched by Adam's denominator.
    Decoupled,
}

impl Rule {
    /// The configured one.
    #[must_use]
    pub fn of(train: &TrainConfig) -> Self {
        match train.optimizer {
            OptimizerKind::Sgd => Self::Sgd(train.sgd.unwrap_or_default()),
            OptimizerKind::Adam => Self::Adam(train.adam.unwrap_or_default(), DecayForm::Gradient),
            OptimizerKind::AdamW => Self::Adam(train.adam.unwrap_or_default(), DecayForm::Decoupled),
            OptimizerKind::RmsProp => Self::RmsProp(train.rmsprop.unwrap_or_default()),
        }
    }

    /// Updates parameters that have taken `count` steps, this one included. Rates and `weight_decay` are their own.
    ///
    /// # Errors
    /// When a libtorch call fails.
    pub(crate) fn update(
        self,
        moved: &Moved,
        count: i32,
        rates: StepRates,
        weight_decay: f64,
    ) -> Result<(), torch_extra::Error> {
        let StepRates { learning_rate: rate, momentum } = rates;
        match self {
            Self::Sgd(own) => {
                let momentum = momentum.unwrap_or(own.momentum);
                // Without momentum there is nothing to look ahead with.
                let numbers = step::Sgd { rate, weight_decay, momentum, nesterov: momentum > 0.0 };
                step::sgd(moved, numbers, if count == 1 { Momentum::Begins } else { Momentum::GoesOn })
            }
            Self::Adam(own, form) => {
                let numbers = step::Adam {
                    rate,
                    betas: (momentum.unwrap_or(own.beta1), own.beta2),
                    epsilon: own.epsilon,
                    weight_decay,
                    decay: match form {
                        DecayForm::Gradient => Decay::InGradient,
                        DecayForm::Decoupled => Decay::Decoupled,
                    },
                };
                step::adam(moved, count, numbers)
            }
            Self::RmsProp(own) => {
                let RmsPropConfig { alpha, momentum: usual, epsilon } = own;
                let momentum = momentum.unwrap_or(usual);
                step::rmsprop(moved, step::RmsProp { rate, alpha, momentum, epsilon, weight_decay })
            }
        }
    }

    /// Which of the two memories it has: momentum or a mean of gradients, and a mean of squared gradients.
    pub(crate) fn remembers(self) -> [bool; 2] {
        match self {
            Self::Sgd(_) => [true, false],
            Self::Adam(..) | Self::RmsProp(_) => [true, true],
        }
    }
}
