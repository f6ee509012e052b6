use tch::Tensor;

use super::Memory;
use crate::config::{AdamConfig, OptimizerKind, RmsPropConfig, SgdConfig, TrainConfig};
use crate::train::schedule::Setting;

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

    /// Moves a parameter; `setting.rate` is its own.
    pub(super) fn update(
        self,
        value: &mut Tensor,
        gradient: &Tensor,
        memory: &mut Memory,
        setting: Setting,
        decay: f64,
    ) {
        let in_gradient = !matches!(self, Self::Adam(_, DecayForm::Decoupled));
        let gradient =
            if in_gradient && decay > 0.0 { gradient + &*value * decay } else { gradient.shallow_clone() };
        let Setting { rate, momentum } = setting;
        match self {
            Self::Sgd(own) => sgd(value, gradient, memory, rate, momentum.unwrap_or(own.momentum)),
            Self::RmsProp(own) => {
                let momentum = momentum.unwrap_or(own.momentum);
                rmsprop(value, &gradient, memory, rate, RmsPropConfig { momentum, ..own });
            }
            Self::Adam(own, form) => {
                if form == DecayForm::Decoupled && decay > 0.0 {
                    let _ = value.g_mul_scalar_(1.0 - rate * decay);
                }
                let beta1 = momentum.unwrap_or(own.beta1);
                adam(value, &gradient, memory, rate, AdamConfig { beta1, ..own });
            }
        }
    }
}

fn sgd(value: &mut Tensor, gradient: Tensor, memory: &mut Memory, rate: f64, momentum: f64) {
    if momentum == 0.0 {
        let _ = value.g_sub_(&(gradient * rate));
        return;
    }
    let velocity = match memory.first.take() {
        None => gradient.copy(),
        Some(mut velocity) => velocity.g_mul_scalar_(momentum).g_add_(&gradient),
    };
    let _ = value.g_sub_(&((gradient + &velocity * momentum) * rate));
    memory.first = Some(velocity);
}

fn adam(value: &mut Tensor, gradient: &Tensor, memory: &mut Memory, rate: f64, own: AdamConfig) {
    let AdamConfig { beta1, beta2, epsilon } = own;
    let mean = memory.first.get_or_insert_with(|| gradient.zeros_like());
    let square = memory.second.get_or_insert_with(|| gradient.zeros_like());
    let _ = mean.g_mul_scalar_(beta1).g_add_(&(gradient * (1.0 - beta1)));
    let _ = square.g_mul_scalar_(beta2).g_add_(&(gradient * gradient * (1.0 - beta2)));
    let unbiased_mean = 1.0 - beta1.powi(memory.steps);
    let unbiased_root = (1.0 - beta2.powi(memory.steps)).sqrt();
    let denominator = square.sqrt() / unbiased_root + epsilon;
    let _ = value.g_sub_(&(&*mean / denominator * (rate / unbiased_mean)));
}

fn rmsprop(value: &mut Tensor, gradient: &Tensor, memory: &mut Memory, rate: f64, own: RmsPropConfig) {
    let RmsPropConfig { alpha, momentum, epsilon } = own;
    let square = memory.second.get_or_insert_with(|| gradient.zeros_like());
    let _ = square.g_mul_scalar_(alpha).g_add_(&(gradient * gradient * (1.0 - alpha)));
    let step = gradient / (square.sqrt() + epsilon);
    if momentum == 0.0 {
        let _ = value.g_sub_(&(step * rate));
        return;
    }
    let velocity = memory.first.get_or_insert_with(|| gradient.zeros_like());
    let _ = velocity.g_mul_scalar_(momentum).g_add_(&step);
    let _ = value.g_sub_(&(&*velocity * rate));
}
