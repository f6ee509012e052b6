//! WiSE-FT (Wortsman et al., "Robust fine-tuning of zero-shot models", CVPR 2022, arXiv 2109.01903): the weights on the line
//! between those that fine-tuning begins with and those that it ends with,
//!
//! ```text
//! weights = (1 - α) · begin + α · end,   0 < α <= 1
//! ```
//!
//! Here the beginning is the source's body with the head that was trained on it. At α = 1 fine-tuning is all there is. Running
//! statistics of batch-norm are no weights, and do not lie on the line: they must be the same at both ends.

use tch::Tensor;

/// Moves a tensor, which holds the fine-tuned values, to the point at `share` of the line from `begin`, of the same shape, to
/// it. What is not of floating point stays.
pub fn interpolate(fine_tuned: &Tensor, begin: &Tensor, share: f64) {
    if fine_tuned.is_floating_point() {
        let between = begin.lerp(&fine_tuned.detach(), share);
        tch::no_grad(|| fine_tuned.shallow_clone().copy_(&between));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_and_middle_of_the_line() {
        for (share, expected) in [(0.25, [1.0, 3.5]), (0.5, [2.0, 3.0]), (1.0, [4.0, 2.0])] {
            let (begin, end) = (Tensor::from_slice(&[0.0, 4.0]), Tensor::from_slice(&[4.0, 2.0]));
            interpolate(&end, &begin, share);
            assert_eq!(Vec::<f64>::try_from(end).unwrap(), expected, "{share}");
        }
        let count = Tensor::from_slice(&[7i64]);
        interpolate(&count, &Tensor::from_slice(&[1i64]), 0.5);
        assert_eq!(count.int64_value(&[0]), 7);
    }
}
