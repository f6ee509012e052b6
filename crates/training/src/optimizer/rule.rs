use run_config::{Adam, Optimizer, TrainConfig};
use torch_extra::step::{self, Decay, Momentum, Moved};

use crate::schedule::StepRates;

/// How a gradient becomes a step.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rule(pub Optimizer);

impl Rule {
    /// Returns the configured one.
    #[must_use]
    pub fn of(train: &TrainConfig) -> Self {
        Self(train.optimizer)
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
        let adam = |own: Adam, decay| {
            let betas = (momentum.unwrap_or(own.beta1.get()), own.beta2.get());
            let numbers = step::Adam { rate, betas, epsilon: own.epsilon.get(), weight_decay, decay };
            step::adam(moved, count, numbers)
        };
        match self.0 {
            Optimizer::Sgd(own) => {
                let momentum = momentum.unwrap_or(own.momentum.get());
                // Without momentum there is nothing to look ahead with.
                let numbers = step::Sgd { rate, weight_decay, momentum, nesterov: momentum > 0.0 };
                step::sgd(moved, numbers, if count == 1 { Momentum::Begins } else { Momentum::GoesOn })
            }
            Optimizer::Adam(own) => adam(own, Decay::InGradient),
            Optimizer::AdamW(own) => adam(own, Decay::Decoupled),
            Optimizer::RmsProp(own) => {
                let momentum = momentum.unwrap_or(own.momentum.get());
                let (alpha, epsilon) = (own.alpha.get(), own.epsilon.get());
                step::rmsprop(moved, step::RmsProp { rate, alpha, momentum, epsilon, weight_decay })
            }
        }
    }

    /// Which of the two memories it has: momentum or a mean of gradients, and a mean of squared gradients.
    pub(crate) fn remembers(self) -> [bool; 2] {
        match self.0 {
            Optimizer::Sgd(_) => [true, false],
            Optimizer::Adam(_) | Optimizer::AdamW(_) | Optimizer::RmsProp(_) => [true, true],
        }
    }
}
