//! One temperature that makes scores log-probabilities.

use tch::{Kind, Tensor};

use crate::Error;

/// Steps at most; about eight are needed.
const STEPS: usize = 100;
/// Relative length of the step after which the search ends: Newton's steps double the correct digits, so that what is left is
/// the square of it.
const SETTLED: f64 = 1e-6;
/// Where a search may begin.
const BEGIN: [f64; 2] = [1e-3, 1e3];
/// Largest inverse temperature.
const LARGEST: f64 = 1e6;

/// Returns the inverse temperature `b >= 0` at which `softmax(b s)` of scores `[N, C]` has the least cross-entropy with
/// labels given as columns `[N, C]` (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017).
///
/// Scores that separate all images would ask for no temperature at all. So half an image is added that is classified wrongly
/// by the mean margin of all (the estimate of Krichevsky and Trofimov for an event that was never seen, 1981): the
/// probability of an error stays above about `1 / 2N`.
///
/// The cross-entropy is convex in `b`: Newton's steps within an interval that holds the minimum, from `begin` on.
pub(crate) fn inverse_temperature(scores: &Tensor, targets: &Tensor, begin: f64) -> Result<f64, Error> {
    let (images, classes) = scores.size2()?;
    let share = 0.5 / (images as f64 + 0.5); // of the added image
    let others = share / (classes as f64 - 1.0).max(1.0);
    let targets = targets * (1.0 - share - others) + others; // rows sum to 1
    let (mut low, mut high) = (0.0, LARGEST);
    let mut inverse = begin.clamp(BEGIN[0], BEGIN[1]);
    for _ in 0..STEPS {
        let probabilities = (scores * inverse).f_softmax(-1, Kind::Double)?;
        let mean = (&probabilities * scores).sum_dim_intlist([1i64].as_slice(), true, Kind::Double); // [N, 1]
        let spread = (&probabilities * (scores - mean).square()).sum(Kind::Double).double_value(&[]);
        let slope = ((probabilities - &targets) * scores).sum(Kind::Double).double_value(&[]);
        if slope > 0.0 {
            high = inverse;
        } else {
            low = inverse;
        }
        let newton = inverse - slope / spread;
        let within = low < newton && newton < high;
        let middle = if low == 0.0 { high * 0.1 } else { (low * high).sqrt() };
        let next = if within { newton } else { middle };
        if (next - inverse).abs() <= SETTLED * inverse || high < 1.0 / LARGEST {
            return Ok(next);
        }
        inverse = next;
    }
    Ok(inverse)
}
