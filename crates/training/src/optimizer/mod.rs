//! Gradient descent over the live parameters, its state in tensors of our own.

mod rule;
mod state;

use std::collections::BTreeMap;

use backbone::Backbone;
use regularize::max_norm;
use tch::Tensor;
use torch_extra::layout::lie_alike;
use torch_extra::step::{self, Moved};

pub use rule::Rule;
pub use state::{OptimizerState, StateError};

use crate::freeze::FreezePlan;
use crate::schedule::Setting;
use run_config::RegularizeConfig;

/// A parameter that is trained.
#[derive(Debug)]
pub struct Trainable {
    /// TorchVision's name.
    pub name: String,
    /// The tensor, shared with the layer that computes with it.
    pub value: Tensor,
    /// Its learning rate as a multiple of the run's.
    pub rate_scale: f64,
    /// Its weight decay.
    pub decay: f64,
}

/// Updates every live parameter, each at its stage's rate.
#[derive(Debug)]
pub struct Optimizer {
    rule: Rule,
    parameters: Vec<Trainable>,
    /// What is remembered of each parameter, by its name; made at its first step.
    memories: BTreeMap<String, Memory>,
}

/// What is remembered of a parameter from step to step.
#[derive(Debug, Default)]
struct Memory {
    /// Steps taken with it.
    steps: i32,
    /// Momentum, or Adam's mean of gradients.
    first: Option<Tensor>,
    /// Mean of squared gradients.
    second: Option<Tensor>,
}

/// The parameters that are live in an epoch, from 1.
#[must_use]
pub fn live(
    backbone: &Backbone,
    plan: &FreezePlan,
    epoch: u32,
    regularize: &RegularizeConfig,
) -> Vec<Trainable> {
    let stages = backbone.ids().filter(|&id| plan.is_live(id, epoch));
    let parameters = stages.flat_map(|id| {
        let rate_scale = plan.rate_scale[id.index()];
        backbone.parameters(id).into_iter().map(move |variable| Trainable {
            decay: regularize.decay_of(&variable.tensor),
            name: variable.name,
            value: variable.tensor,
            rate_scale,
        })
    });
    parameters.collect()
}

impl Optimizer {
    /// For no parameters yet.
    #[must_use]
    pub fn new(rule: Rule) -> Self {
        Self { rule, parameters: Vec::new(), memories: BTreeMap::new() }
    }

    /// From now on these are trained. What is remembered of those that were trained before is kept.
    pub fn follow(&mut self, parameters: Vec<Trainable>) {
        self.memories.retain(|name, _| parameters.iter().any(|parameter| parameter.name == *name));
        self.parameters = parameters;
    }

    /// The parameters that are trained.
    #[must_use]
    pub fn parameters(&self) -> &[Trainable] {
        &self.parameters
    }

    /// Holds the weights into each unit to this Euclidean length, of every parameter that is trained.
    pub fn bound(&mut self, limit: f64) {
        self.parameters.iter_mut().for_each(|parameter| max_norm(&mut parameter.value, limit));
    }

    /// Forgets the gradients of the step before.
    ///
    /// # Panics
    /// As every operation of tch, when libtorch fails.
    pub fn forget_gradients(&mut self) {
        for parameter in &mut self.parameters {
            step::forget_gradient(&mut parameter.value).unwrap_or_else(|error| panic!("{error}"));
        }
    }

    /// The gradients there are; a parameter that took no part (an auxiliary head that did not speak) has none.
    #[must_use]
    pub fn gradients(&self) -> Vec<Tensor> {
        let gradients = self.parameters.iter().map(|parameter| parameter.value.grad());
        gradients.filter(Tensor::defined).collect()
    }

    /// Takes one step along the gradients; a parameter without one stays.
    ///
    /// # Panics
    /// As every operation of tch, when libtorch fails: gradients lie as their parameters do, and memories are made so.
    pub fn step(&mut self, setting: Setting) {
        let _no_gradient = tch::no_grad_guard();
        for (alike, moved) in self.groups() {
            let setting = Setting { rate: setting.rate * alike.rate_scale, ..setting };
            let done = self.rule.update(&moved, alike.steps, setting, alike.decay);
            done.unwrap_or_else(|error| panic!("{error}"));
        }
    }

    /// The parameters that have a gradient, those that are moved alike together; counts the step that begins.
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

/// What parameters have in common that one call moves.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Alike {
    rate_scale: f64,
    decay: f64,
    steps: i32,
}

/// A copy that lies in memory as the parameter does.
fn laid_as(value: &Tensor, other: &Tensor) -> Tensor {
    let mut copy = value.zeros_like();
    copy.copy_(other);
    copy
}

/// A memory of a parameter, lying in memory as that does; zeros at first.
fn remembered(memory: &mut Option<Tensor>, value: &Tensor) -> Tensor {
    memory.get_or_insert_with(|| value.zeros_like()).shallow_clone()
}
