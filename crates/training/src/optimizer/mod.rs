//! Gradient descent over the live parameters, with its state in named tensors.

mod rule;
mod state;

use std::collections::BTreeMap;

use backbone::Backbone;
use regularize::max_norm;
use tch::Tensor;
use torch_extra::layout::lie_alike;
use torch_extra::step::{self, Moved};

pub use rule::Rule;
pub use state::OptimizerState;

use crate::freeze::FreezePlan;
use crate::schedule::StepRates;
use run_config::RegularizeConfig;

/// A parameter that is trained.
#[derive(Debug)]
pub struct Trainable {
    /// TorchVision's name.
    pub name: String,
    /// The tensor, shared with the layer that computes with it.
    pub value: Tensor,
    /// Its learning rate as a multiple of the head's.
    pub rate_scale: f64,
    /// Its weight decay.
    pub decay: f64,
}

/// Updates every live parameter, each at its stage's learning rate.
#[derive(Debug)]
pub struct Optimizer {
    rule: Rule,
    parameters: Vec<Trainable>,
    /// State of each parameter, by its name; made at its first step.
    memories: BTreeMap<String, Memory>,
}

/// State of a parameter from step to step.
#[derive(Debug, Default)]
struct Memory {
    /// Steps taken with it.
    steps: i32,
    /// Momentum, or Adam's mean of gradients; the parameter's shape and type, as `second`.
    first: Option<Tensor>,
    /// Mean of squared gradients.
    second: Option<Tensor>,
}

/// Returns the parameters that are live in an epoch, from 1.
#[must_use]
pub fn live(
    backbone: &Backbone,
    plan: &FreezePlan,
    epoch: u32,
    regularize: &RegularizeConfig,
) -> Vec<Trainable> {
    let stages = backbone.ids().filter(|&id| plan.is_live(id, epoch));
    let parameters = stages.flat_map(|id| {
        backbone.parameters(id).into_iter().map(move |variable| Trainable {
            decay: regularize.decay_of(&variable.tensor, backbone.variables().is_undecayed(&variable.name)),
            rate_scale: plan.rate_of(backbone, id, &variable.name),
            name: variable.name,
            value: variable.tensor,
        })
    });
    parameters.collect()
}

impl Optimizer {
    /// Returns an optimizer of no parameters yet.
    #[must_use]
    pub fn new(rule: Rule) -> Self {
        Self { rule, parameters: Vec::new(), memories: BTreeMap::new() }
    }

    /// From now on trains these parameters. Those that were trained before keep their state.
    pub fn follow(&mut self, parameters: Vec<Trainable>) {
        self.memories.retain(|name, _| parameters.iter().any(|parameter| parameter.name == *name));
        self.parameters = parameters;
    }

    /// Returns the parameters that are trained.
    #[must_use]
    pub fn parameters(&self) -> &[Trainable] {
        &self.parameters
    }

    /// Limits the L2 norm of the incoming weights of each unit, in every parameter that is trained.
    pub fn limit_norms(&mut self, limit: f64) {
        self.parameters.iter_mut().for_each(|parameter| max_norm(&mut parameter.value, limit));
    }

    /// Removes the gradients of the step before.
    ///
    /// # Panics
    /// As every operation of tch, when a libtorch call fails.
    pub fn forget_gradients(&mut self) {
        for parameter in &mut self.parameters {
            step::forget_gradient(&mut parameter.value).unwrap_or_else(|error| panic!("{error}"));
        }
    }

    /// Returns the gradients there are; a parameter that took no part (of an inactive auxiliary head) has none.
    #[must_use]
    pub fn gradients(&self) -> Vec<Tensor> {
        let gradients = self.parameters.iter().map(|parameter| parameter.value.grad());
        gradients.filter(Tensor::defined).collect()
    }

    /// Takes one step along the gradients; a parameter without one stays.
    ///
    /// # Panics
    /// As every operation of tch, when a libtorch call fails: gradients and state have the layout of their parameters.
    pub fn step(&mut self, rates: StepRates) {
        let _no_gradient = tch::no_grad_guard();
        for (alike, moved) in self.groups() {
            let learning_rate = rates.learning_rate * alike.rate_scale;
            let rates = StepRates { learning_rate, ..rates };
            let done = self.rule.update(&moved, alike.steps, rates, alike.decay);
            done.unwrap_or_else(|error| panic!("{error}"));
        }
    }

    /// Returns the parameters that have a gradient, grouped by what they have in common; counts the step that begins.
    fn groups(&mut self) -> Vec<(Alike, Moved)> {
        let mut groups: Vec<(Alike, Moved)> = Vec::new();
        for Trainable { name, value, rate_scale, decay } in &self.parameters {
            let gradient = value.grad();
            if !gradient.defined() {
                continue;
            }
            let memory = self.memories.entry(name.clone()).or_default();
            memory.steps += 1;
            let alike = Alike { rate_scale: *rate_scale, decay: *decay, steps: memory.steps };
            let at = groups.iter().position(|(other, _)| *other == alike).unwrap_or_else(|| {
                groups.push((alike, Moved::default()));
                groups.len() - 1
            });
            let moved = &mut groups[at].1;
            let [first, second] = self.rule.remembers();
            moved.first.extend(first.then(|| remembered(&mut memory.first, value)));
            moved.second.extend(second.then(|| remembered(&mut memory.second, value)));
            moved.parameters.push(value.shallow_clone());
            moved.gradients.push(if lie_alike(value, &gradient) {
                gradient
            } else {
                laid_as(value, &gradient)
            });
        }
        groups
    }
}

/// What the parameters of a group have in common, which one call updates.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Alike {
    rate_scale: f64,
    decay: f64,
    steps: i32,
}

/// Returns a copy with the memory layout of the parameter.
fn laid_as(value: &Tensor, other: &Tensor) -> Tensor {
    let mut copy = value.zeros_like();
    copy.copy_(other);
    copy
}

/// Returns a tensor of a parameter's state, with its memory layout; zeros at first.
fn remembered(memory: &mut Option<Tensor>, value: &Tensor) -> Tensor {
    memory.get_or_insert_with(|| value.zeros_like()).shallow_clone()
}
