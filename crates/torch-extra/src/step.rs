//! An optimizer's step over many tensors in one call: in the fused forms one pass over memory instead of one for each
//! operation.

use tch::{Device, Kind, Tensor};

use crate::layout::lie_alike;
use crate::shim::{
    Error, checked, extra_foreach_rmsprop, extra_forget_gradient, extra_fused_adam, extra_fused_sgd, handles,
};

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

/// The numbers of `torch.optim.RMSprop`, not centred.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RmsProp {
    /// Learning rate.
    pub rate: f64,
    /// Decay of the mean of squared gradients.
    pub alpha: f64,
    /// Share of the step before that is taken again.
    pub momentum: f64,
    /// Added to the root of the squares.
    pub epsilon: f64,
    /// L2 penalty, added to the gradient.
    pub weight_decay: f64,
}

/// How Adam's weight decay acts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decay {
    /// Shrinks the weights: AdamW.
    Decoupled,
    /// Is added to the gradient: Adam.
    InGradient,
}

/// What a step moves: lists of one length and order, in which tensors at the same place have one shape, type, device and
/// layout in memory.
#[derive(Debug, Default)]
pub struct Moved {
    /// The parameters.
    pub parameters: Vec<Tensor>,
    /// Their gradients.
    pub gradients: Vec<Tensor>,
    /// Momentum, zeros before the first step (SGD without momentum does not read it), or Adam's mean of gradients.
    pub first: Vec<Tensor>,
    /// Adam's and RMSprop's mean of squared gradients.
    pub second: Vec<Tensor>,
}

/// Whether momentum begins with this step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Momentum {
    /// It does: it becomes the gradient.
    Begins,
    /// It goes on.
    GoesOn,
}

/// Leaves a parameter without a gradient, as `zero_grad` of `torch.optim` does: the next one takes its place, where zeros
/// would be written and then added to.
///
/// # Errors
/// When libtorch refuses.
pub fn forget_gradient(parameter: &mut Tensor) -> Result<(), Error> {
    // SAFETY: the tensor is live and this is the only borrow of its handle; only its gradient is let go.
    checked(unsafe { extra_forget_gradient(parameter.as_mut_ptr()) })
}

/// One step of SGD (`aten::_fused_sgd_`).
///
/// # Errors
/// When the tensors do not fit together.
pub fn sgd(moved: &Moved, numbers: Sgd, begins: Momentum) -> Result<(), Error> {
    let Sgd { rate, weight_decay, momentum, nesterov } = numbers;
    let Moved { parameters, gradients, first, .. } = moved;
    fit(parameters, gradients)?;
    if momentum != 0.0 {
        fit(parameters, first)?;
    }
    let [values, gradients, momenta] = [parameters, gradients, first].map(|list| handles(list));
    // SAFETY: each array holds as many live tensors as is said (no momenta are read without momentum), alike in memory;
    // the shim changes their values and keeps nothing.
    checked(unsafe {
        extra_fused_sgd(
            values.as_ptr(),
            gradients.as_ptr(),
            momenta.as_ptr(),
            values.len(),
            rate,
            weight_decay,
            momentum,
            nesterov,
            begins == Momentum::Begins,
        )
    })
}

/// One step of Adam (`aten::_fused_adam_`, `aten::_fused_adamw_`): the `count`th of these parameters, from 1.
///
/// # Errors
/// When the tensors do not fit together.
pub fn adam(moved: &Moved, count: i32, numbers: Adam) -> Result<(), Error> {
    let Adam { rate, betas: (beta1, beta2), epsilon, weight_decay, decay } = numbers;
    let Moved { parameters, gradients, first, second } = moved;
    for list in [gradients, first, second] {
        fit(parameters, list)?;
    }
    // The kernels read the count from a float32 scalar for each parameter; one may stand for all, made where they lie.
    let device = parameters.first().map_or(Device::Cpu, Tensor::device);
    let one = Tensor::full([0; 0], f64::from(count), (Kind::Float, device));
    let counts: Vec<Tensor> = parameters.iter().map(|_| one.shallow_clone()).collect();
    let [values, gradients, means, squares, counts] =
        [parameters, gradients, first, second, &counts].map(|list| handles(list));
    // SAFETY: each array holds as many live tensors as the first, alike in memory; the shim changes their values and keeps
    // nothing.
    checked(unsafe {
        extra_fused_adam(
            values.as_ptr(),
            gradients.as_ptr(),
            means.as_ptr(),
            squares.as_ptr(),
            counts.as_ptr(),
            values.len(),
            rate,
            beta1,
            beta2,
            weight_decay,
            epsilon,
            decay == Decay::Decoupled,
        )
    })
}

/// One step of RMSprop (`aten::_foreach_*`: there is no fused form).
///
/// # Errors
/// When the tensors do not fit together.
pub fn rmsprop(moved: &Moved, numbers: RmsProp) -> Result<(), Error> {
    let RmsProp { rate, alpha, momentum, epsilon, weight_decay } = numbers;
    let Moved { parameters, gradients, first, second } = moved;
    for list in [gradients, first, second] {
        fit(parameters, list)?;
    }
    let [values, gradients, velocities, squares] =
        [parameters, gradients, first, second].map(|list| handles(list));
    // SAFETY: each array holds as many live tensors as the first; the shim changes their values and keeps nothing.
    checked(unsafe {
        extra_foreach_rmsprop(
            values.as_ptr(),
            gradients.as_ptr(),
            velocities.as_ptr(),
            squares.as_ptr(),
            values.len(),
            rate,
            alpha,
            momentum,
            epsilon,
            weight_decay,
        )
    })
}

/// The kernels go through memory from one end to the other and look at nothing else.
fn fit(parameters: &[Tensor], others: &[Tensor]) -> Result<(), Error> {
    if parameters.len() != others.len() {
        return Err(Error::lengths());
    }
    match parameters.iter().zip(others).position(|(one, other)| !lie_alike(one, other)) {
        None => Ok(()),
        Some(at) => Err(Error::unlike(at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gradient_that_is_forgotten_is_not_added_to() {
        let mut weight = Tensor::from_slice(&[1f32, 2.0]).set_requires_grad(true);
        for _ in 0..2 {
            forget_gradient(&mut weight).unwrap();
            assert!(!weight.grad().defined());
            weight.square().sum(Kind::Float).backward();
            assert_eq!(Vec::<f32>::try_from(weight.grad()).unwrap(), [2.0, 4.0]);
        }
        weight.square().sum(Kind::Float).backward();
        assert_eq!(Vec::<f32>::try_from(weight.grad()).unwrap(), [4.0, 8.0]);
    }

    fn moved() -> Moved {
        let of = |value: f64| vec![Tensor::full([2, 3, 2, 2], value, (Kind::Double, Device::Cpu))];
        Moved { parameters: of(1.0), gradients: of(0.5), first: of(0.0), second: of(0.0) }
    }

    #[test]
    fn momentum_begins_as_the_gradient_and_goes_on() {
        let moved = moved();
        let numbers = Sgd { rate: 0.1, weight_decay: 0.0, momentum: 0.9, nesterov: false };
        sgd(&moved, numbers, Momentum::Begins).unwrap();
        sgd(&moved, numbers, Momentum::GoesOn).unwrap();
        let value = moved.parameters[0].double_value(&[0, 0, 0, 0]);
        assert!((value - (1.0 - 0.1 * 0.5 - 0.1 * (0.9 * 0.5 + 0.5))).abs() < 1e-12, "{value}");
    }

    #[test]
    fn adams_first_step_is_as_long_as_its_rate() {
        let moved = moved();
        let numbers = Adam {
            rate: 0.1,
            betas: (0.9, 0.999),
            epsilon: 1e-12,
            weight_decay: 0.0,
            decay: Decay::Decoupled,
        };
        adam(&moved, 1, numbers).unwrap();
        let value = moved.parameters[0].double_value(&[1, 2, 1, 1]);
        assert!((value - 0.9).abs() < 1e-9, "{value}");
    }

    #[test]
    fn rmsprop_divides_by_the_root_of_the_mean_square_and_keeps_its_pace() {
        let moved = moved();
        let numbers = RmsProp { rate: 0.1, alpha: 0.75, momentum: 0.5, epsilon: 0.25, weight_decay: 0.5 };
        rmsprop(&moved, numbers).unwrap();
        // The gradient is 0.5 + 0.5 * 1 = 1, its mean square 0.25, the velocity 1 / (0.5 + 0.25).
        let at = |list: &[Tensor]| list[0].double_value(&[1, 0, 1, 0]);
        let Moved { parameters, first, second, .. } = &moved;
        for (found, expected) in
            [(at(second), 0.25), (at(first), 4.0 / 3.0), (at(parameters), 1.0 - 0.4 / 3.0)]
        {
            assert!((found - expected).abs() < 1e-12, "{found}, not {expected}");
        }
        rmsprop(&moved, RmsProp { rate: 1.0, alpha: 1.0, weight_decay: 0.0, ..numbers }).unwrap();
        let velocity = 0.5 * 4.0 / 3.0 + 0.5 / 0.75;
        assert!((at(&moved.first) - velocity).abs() < 1e-12);
    }

    #[test]
    fn tensors_that_lie_differently_in_memory_are_refused() {
        let mut moved = moved();
        moved.gradients[0] = crate::layout::channels_last(&moved.gradients[0]);
        let numbers = Sgd { rate: 0.1, weight_decay: 0.0, momentum: 0.0, nesterov: false };
        assert!(sgd(&moved, numbers, Momentum::Begins).is_err());
        moved.gradients.clear();
        assert!(sgd(&moved, numbers, Momentum::Begins).is_err());
    }
}
