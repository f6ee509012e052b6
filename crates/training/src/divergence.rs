//! Finds where numbers went out of bounds.

use std::fmt;

use backbone::{Backbone, Mode, StageId};
use features::loader::{Batch, FeatureLoader};
use tch::{Kind, Tensor};

use crate::objective::Objective;
use crate::penalties::CO_TUNING;

/// The first place, from input to loss, that holds NaN or infinity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The input of the live stages: images, or features of frozen stages.
    Input,
    /// The parameters of a stage, or its running statistics.
    Weights(&'static str),
    /// The output of a stage, of finite input with finite weights.
    Output(&'static str),
    /// The gradient of a stage's parameters.
    Gradient(&'static str),
    /// The penalty of the technique with this key, or its gradient.
    Penalty(&'static str),
    /// The loss of finite logits.
    Loss,
    /// The validation images, on which a stage's output is not finite, or else their loss.
    Validation(Option<&'static str>),
    /// The images of this split, on which the trained model is measured.
    Measured(&'static str),
    /// What another process has found.
    Elsewhere(String),
    /// Not known: it was seen this many steps later, when these had spread it to all weights.
    SeenLater(u64),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Input => f.write_str("it began before the first live stage: its input is not finite"),
            Self::Weights(stage) => {
                write!(f, "it began in stage {stage}, whose weights are no longer finite")
            }
            Self::Output(stage) => write!(f, "it began in stage {stage}, whose output is not finite"),
            Self::Gradient(stage) => write!(f, "it began in stage {stage}, whose gradient is not finite"),
            Self::Penalty(key) => write!(f, "it began in the penalty of {key}, which is not finite"),
            Self::Loss => f.write_str("it began in the loss itself: every stage's output is finite"),
            Self::Validation(Some(stage)) => {
                write!(
                    f,
                    "it shows on the validation images, on which the output of stage {stage} is not finite"
                )
            }
            Self::Elsewhere(found) => f.write_str(found),
            Self::Validation(None) => f.write_str("it shows in the loss on the validation images"),
            Self::Measured(split) => write!(f, "it shows in the loss on the {split} images, at the end"),
            Self::SeenLater(steps) => write!(
                f,
                "where it began is not known: metrics are read from a GPU every few steps, and in the {steps} since it has spread to all weights (with run.device = \"cpu\" the stage is named)"
            ),
        }
    }
}

/// Runs a batch again, stage by stage from `from` on and then through the penalties, and returns the first place that is not
/// finite.
#[must_use]
pub fn find(objective: &Objective, backbone: &Backbone, batch: &Batch, from: StageId) -> Origin {
    let _no_gradient = tch::no_grad_guard();
    if !is_finite(&batch.x) {
        return Origin::Input;
    }
    let mut x = batch.x.shallow_clone();
    let mode = objective.mode;
    let live = || backbone.ids().filter(|&id| id >= from);
    for (id, next) in live().zip(live().skip(1).map(Some).chain([None])) {
        let name = backbone.name(id);
        if !backbone.parameters(id).iter().all(|variable| is_finite(&variable.tensor)) {
            return Origin::Weights(name);
        }
        x = stage_output(backbone, &x, id, next, mode);
        if !is_finite(&x) {
            return Origin::Output(name);
        }
        // An output out of bounds reaches the running statistics as well, so they are looked at after it.
        if !has_finite_weights(backbone, id) {
            return Origin::Weights(name);
        }
    }
    let collected = backbone.classify_collect(&batch.x, from, &objective.penalties.taps(from), mode);
    let penalties = objective.penalties.of(backbone, batch, from, &collected, mode);
    let penalty = penalties.iter().find(|(_, penalty)| !is_finite(penalty));
    penalty.map_or(Origin::Loss, |&(key, _)| Origin::Penalty(key))
}

/// Returns the first stage whose output is not finite for one of the validation batches.
///
/// # Errors
/// When an image can no longer be read.
pub fn in_validation(
    backbone: &Backbone,
    feed: &FeatureLoader,
    batch_size: usize,
) -> Result<Origin, features::Error> {
    let _no_gradient = tch::no_grad_guard();
    for batch in feed.in_order(backbone, batch_size) {
        let mut x = batch?.x;
        let live = || backbone.ids().filter(|&id| id >= feed.cut());
        for (id, next) in live().zip(live().skip(1).map(Some).chain([None])) {
            x = stage_output(backbone, &x, id, next, Mode::Evaluate);
            if !is_finite(&x) {
                return Ok(Origin::Validation(Some(backbone.name(id))));
            }
        }
    }
    Ok(Origin::Validation(None))
}

/// Returns the output of a stage: the input of the `next` one, or the logits.
fn stage_output(backbone: &Backbone, x: &Tensor, id: StageId, next: Option<StageId>, mode: Mode) -> Tensor {
    match next {
        Some(next) => backbone.forward(x, id..next, mode),
        None => backbone.classify(x, id, mode).logits,
    }
}

/// Returns where a gradient is not finite, when one is: in a live stage, or else in the original head of Co-Tuning.
#[must_use]
pub fn of_gradients(backbone: &Backbone, from: StageId) -> Origin {
    in_gradients(backbone, from).unwrap_or(Origin::Penalty(CO_TUNING))
}

/// Returns the live stage nearest to the loss whose gradient is not finite: gradients flow from there to the input.
#[must_use]
pub fn in_gradients(backbone: &Backbone, from: StageId) -> Option<Origin> {
    let finite = |id: StageId| {
        let gradients = backbone.parameters(id).into_iter().map(|variable| variable.tensor.grad());
        gradients.filter(Tensor::defined).all(|gradient| is_finite(&gradient))
    };
    let live = backbone.ids().rev().take_while(|&id| id >= from);
    live.into_iter().find(|&id| !finite(id)).map(|id| Origin::Gradient(backbone.name(id)))
}

/// Returns the first stage from `from` on whose parameters or running statistics are not finite.
#[must_use]
pub fn in_weights(backbone: &Backbone, from: StageId) -> Option<Origin> {
    let live = backbone.ids().filter(|&id| id >= from);
    live.into_iter()
        .find(|&id| !has_finite_weights(backbone, id))
        .map(|id| Origin::Weights(backbone.name(id)))
}

fn has_finite_weights(backbone: &Backbone, id: StageId) -> bool {
    backbone.stage_variables(id).iter().all(|variable| is_finite(&variable.tensor))
}

fn is_finite(tensor: &Tensor) -> bool {
    // The largest magnitude is NaN as soon as one value is.
    let largest = || tch::no_grad(|| tensor.abs().max().to_kind(Kind::Double).double_value(&[]));
    !tensor.is_floating_point() || tensor.numel() == 0 || largest().is_finite()
}
