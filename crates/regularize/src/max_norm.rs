//! Max-norm (Srebro and Shraibman, "Rank, Trace-Norm and Max-Norm", 2005; with dropout in Srivastava et al., "Dropout: A
//! Simple Way to Prevent Neural Networks from Overfitting", 2014, section 5.1): the weights that lead into a unit may be
//! of any direction but only of bounded length, so that a large learning rate cannot make them explode.

use tch::{Kind, Tensor};

/// Shortens in place what is too long, after an optimizer step: of a matrix `[units, inputs]` or a filter
/// `[units, inputs, h, w]`, each unit's weights get a Euclidean length of at most `limit`. Whatever has fewer than two
/// dimensions (biases, scales of normalisations) stays as it is.
pub fn max_norm(parameter: &mut Tensor, limit: f64) {
    if parameter.dim() < 2 {
        return;
    }
    tch::no_grad(|| {
        let mut shape = vec![1; parameter.dim()];
        shape[0] = parameter.size()[0];
        let length = parameter.flatten(1, -1).square().sum_dim_intlist(1, false, None::<Kind>).sqrt(); // [units]
        // A unit of zeros has an infinite factor, cut to 1.
        let factor = (length.reciprocal() * limit).clamp_max(1.0).view(shape.as_slice());
        let _ = parameter.g_mul_(&factor);
    });
}
