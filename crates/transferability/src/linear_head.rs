//! A linear classifier on fixed features.

use tch::Tensor;

use crate::held_out::HeldOut;

/// A linear classifier, with how it does on images it was not fitted on.
#[derive(Debug)]
pub struct LinearHead {
    /// Weights on raw features, `[C, D]`, float64, on the CPU: their standardisation and the temperature are within.
    pub weight: Tensor,
    /// Biases, `[C]`, float64, on the CPU.
    pub bias: Tensor,
    /// Strength of the penalty that was chosen, for features whose rows have a mean square length of 1.
    pub penalty: f64,
    /// Predictions for each image by a model of this penalty that was fitted on the others.
    pub held_out: HeldOut,
}
