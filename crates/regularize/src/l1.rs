//! L1 regularization (Tibshirani, "Regression Shrinkage and Selection via the Lasso", 1996): a pull of the same force on
//! every weight, however small it is, which drives those that contribute little to zero.

use tch::Tensor;

use crate::penalty::sum;

/// `Σ |w|` over all values of these parameters; a scalar. Which ones are exempt is [`Decay`](crate::Decay)'s choice.
///
/// At zero its gradient is zero.
pub fn l1<'a>(parameters: impl IntoIterator<Item = &'a Tensor>) -> Tensor {
    sum(parameters.into_iter().map(|parameter| parameter.abs().sum(parameter.kind())))
}
