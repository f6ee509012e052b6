//! Gradient descent over the live parameters, its state in tensors of our own.

use backbone::Backbone;
use tch::Tensor;

use crate::config::{OptimizerKind, RegularizeConfig, TrainConfig};
use crate::freeze::FreezePlan;

const MOMENTUM: f64 = 0.9;
const BETA1: f64 = 0.9;
const BETA2: f64 = 0.999;
const EPSILON: f64 = 1e-8;

/// Updates every live parameter, each at its stage's rate.
#[derive(Debug)]
pub struct Optimizer {
    kind: OptimizerKind,
    parameters: Vec<Parameter>,
    steps: i32,
}

#[derive(Debug)]
struct Parameter {
    value: Tensor,
    rate_scale: f64,
    decay: f64,
    /// Momentum, or Adam's mean of gradients; made at the first step.
    first: Option<Tensor>,
    /// Adam's mean of squared gradients.
    second: Option<Tensor>,
}

impl Optimizer {
    /// For the parameters that the plan leaves live.
    #[must_use]
    pub fn new(
        backbone: &Backbone,
        plan: &FreezePlan,
        train: &TrainConfig,
        regularize: &RegularizeConfig,
    ) -> Self {
        let stages = backbone.ids().zip(&plan.rate_scale).filter(|(_, scale)| **scale > 0.0);
        let parameters = stages.flat_map(|(id, &rate_scale)| {
            backbone.parameters(id).into_iter().map(move |variable| Parameter {
                decay: if regularize.decay.covers(&variable.tensor) { regularize.weight_decay } else { 0.0 },
                value: variable.tensor,
                rate_scale,
                first: None,
                second: None,
            })
        });
        Self { kind: train.optimizer, parameters: parameters.collect(), steps: 0 }
    }

    /// Forgets the gradients of the step before.
    pub fn zero_gradients(&mut self) {
        for parameter in &mut self.parameters {
            parameter.value.zero_grad();
        }
    }

    /// Takes one step along the gradients; a parameter without one (an auxiliary head that did not speak) stays.
    pub fn step(&mut self, rate: f64) {
        self.steps += 1;
        let _no_gradient = tch::no_grad_guard();
        for parameter in &mut self.parameters {
            let gradient = parameter.value.grad();
            if !gradient.defined() {
                continue;
            }
            let rate = rate * parameter.rate_scale;
            match self.kind {
                OptimizerKind::Sgd => parameter.sgd(&gradient, rate),
                OptimizerKind::AdamW => parameter.adamw(&gradient, rate, self.steps),
            }
        }
    }
}

impl Parameter {
    /// Nesterov momentum as in `torch.optim.SGD(momentum=0.9, nesterov=True)` (Sutskever et al. 2013).
    fn sgd(&mut self, gradient: &Tensor, rate: f64) {
        let gradient =
            if self.decay > 0.0 { gradient + &self.value * self.decay } else { gradient.shallow_clone() };
        let momentum = match self.first.take() {
            None => gradient.copy(),
            Some(mut momentum) => momentum.g_mul_scalar_(MOMENTUM).g_add_(&gradient),
        };
        let _ = self.value.g_sub_(&((gradient + &momentum * MOMENTUM) * rate));
        self.first = Some(momentum);
    }

    /// `torch.optim.AdamW` (Loshchilov and Hutter 2019).
    fn adamw(&mut self, gradient: &Tensor, rate: f64, step: i32) {
        if self.decay > 0.0 {
            let _ = self.value.g_mul_scalar_(1.0 - rate * self.decay);
        }
        let mean = self.first.get_or_insert_with(|| gradient.zeros_like());
        let square = self.second.get_or_insert_with(|| gradient.zeros_like());
        let _ = mean.g_mul_scalar_(BETA1).g_add_(&(gradient * (1.0 - BETA1)));
        let _ = square.g_mul_scalar_(BETA2).g_add_(&(gradient * gradient * (1.0 - BETA2)));
        let unbiased_mean = 1.0 - BETA1.powi(step);
        let unbiased_root = (1.0 - BETA2.powi(step)).sqrt();
        let denominator = square.sqrt() / unbiased_root + EPSILON;
        let _ = self.value.g_sub_(&(&*mean / denominator * (rate / unbiased_mean)));
    }
}
