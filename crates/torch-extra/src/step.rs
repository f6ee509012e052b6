//! An optimizer's step over many tensors in one call: one pass over memory instead of one for each operation.

use tch::Tensor;

use crate::shim::{Error, checked, extra_fused_adam, extra_fused_sgd, handles};

/// The numbers of `torch.optim.SGD`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sgd {
    /// Learning rate.
    pub rate: f64,
    /// L2 penalty, added to the gradient.
    pub weight_decay: f64,
    /// Share of the step before that is taken again.
    pub momentum: f64,
    /// Whether momentum looks ahead (Nesterov).
    pub nesterov: bool,
}

/// The numbers of `torch.optim.Adam` and `AdamW`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Adam {
    /// Learning rate.
    pub rate: f64,
    /// Decay of the mean of gradients and of the mean of their squares.
    pub betas: (f64, f64),
    /// Added to the root of the squares.
    pub epsilon: f64,
    /// Weight decay.
    pub weight_decay: f64,
    /// Whether the decay shrinks the weights by themselves (AdamW) or is added to the gradient (Adam).
    pub decay: Decay,
}

/// How Adam's weight decay acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decay {
    /// Shrinks the weights: AdamW.
    Decoupled,
    /// Is added to the gradient: Adam.
    InGradient,
}

/// One step of SGD (`aten::_fused_sgd_`). All lists have the same length and order; `momenta` are zeros before the
/// `first` step, and are not read without momentum.
///
/// # Errors
/// When shapes, types or devices do not fit together.
pub fn sgd(
    parameters: &[Tensor],
    gradients: &[Tensor],
    momenta: &[Tensor],
    numbers: Sgd,
    first: First,
) -> Result<(), Error> {
    let Sgd { rate, weight_decay, momentum, nesterov } = numbers;
    let [values, gradients_, momenta_] = [parameters, gradients, momenta].map(handles);
    if values.len() != gradients_.len() || (momentum != 0.0 && values.len() != momenta_.len()) {
        return Err(Error::lengths());
    }
    // SAFETY: each array holds as many live tensors as is said; the shim changes their values and keeps nothing.
    checked(unsafe {
        extra_fused_sgd(
            values.as_ptr(),
            gradients_.as_ptr(),
            momenta_.as_ptr(),
            values.len(),
            rate,
            weight_decay,
            momentum,
            nesterov,
            first == First::Yes,
        )
    })
}

/// Whether momentum begins with this step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum First {
    /// It does: it becomes the gradient.
    Yes,
    /// It goes on.
    No,
}

/// One step of Adam (`aten::_fused_adam_`, `aten::_fused_adamw_`). All lists have the same length and order; `steps`
/// are scalars, float32, that count the steps including this one.
///
/// # Errors
/// When shapes, types or devices do not fit together.
pub fn adam(
    parameters: &[Tensor],
    gradients: &[Tensor],
    means: &[Tensor],
    squares: &[Tensor],
    steps: &[Tensor],
    numbers: Adam,
) -> Result<(), Error> {
    let Adam { rate, betas: (beta1, beta2), epsilon, weight_decay, decay } = numbers;
    let lists = [parameters, gradients, means, squares, steps].map(handles);
    let count = parameters.len();
    if lists.iter().any(|list| list.len() != count) {
        return Err(Error::lengths());
    }
    let [values, gradients, means, squares, steps] = lists;
    // SAFETY: each array holds as many live tensors as is said; the shim changes their values and keeps nothing.
    checked(unsafe {
        extra_fused_adam(
            values.as_ptr(),
            gradients.as_ptr(),
            means.as_ptr(),
            squares.as_ptr(),
            steps.as_ptr(),
            count,
            rate,
            beta1,
            beta2,
            weight_decay,
            epsilon,
            decay == Decay::Decoupled,
        )
    })
}
