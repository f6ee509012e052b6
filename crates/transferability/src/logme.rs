//! LogME: the evidence of a linear model from features to labels.

use tch::{Kind, Tensor};

use super::spectrum::{Spectrum, one_hot};
use crate::Error;

/// Most steps of the fixed-point iteration; it needs about ten.
const STEPS: usize = 200;
/// Relative change of the precisions' ratio below which it has converged.
const SETTLED: f64 = 1e-9;
/// Lower bound of divisors: a perfect fit would divide by zero.
const TINY: f64 = 1e-12;

/// LogME (You, Liu, Wang and Long, "LogME: Practical Assessment of Pre-trained Models for Transfer Learning", ICML 2021):
/// the logarithm of the evidence of a Bayesian linear model from features `[N, D]` to each class against the others, with
/// both precisions chosen to make it largest, per image and averaged over the classes. In nats; larger is better.
///
/// Weights have the prior `N(0, 1/alpha)`, labels the noise `N(0, 1/beta)`. The fixed point of their
/// Algorithm 1, by the singular values of the features. Where the authors' program counts these alone in `log |A|`, all
/// `D` directions are counted here, as the formula has it: it matters where there are fewer images than features.
///
/// `features` are `[N, D]`, float64; `labels` are class numbers.
///
/// # Errors
/// When a libtorch call fails.
pub fn logme(features: &Tensor, labels: &[usize], classes: usize) -> Result<f64, Error> {
    let (n, d) = features.size2()?;
    let spectrum = Spectrum::of(features)?;
    let targets = one_hot(labels, classes)?; // [N, classes]
    let projected = spectrum.u.tr().f_matmul(&targets)?.square(); // [k, classes]
    let counts = Vec::<f64>::try_from(targets.sum_dim_intlist([0i64].as_slice(), false, Kind::Double))?;
    let squares = Vec::<f64>::try_from(&spectrum.squares)?;
    let mut sum = 0.0;
    for (class, &count) in counts.iter().enumerate() {
        let projected =
            Vec::<f64>::try_from(projected.select(1, i64::try_from(class).unwrap_or(0)).contiguous())?;
        sum += Problem { squares: &squares, projected: &projected, total: count, n: n as f64, d: d as f64 }
            .evidence();
    }
    Ok(sum / counts.len() as f64)
}

/// A linear regression from features to one target.
struct Problem<'a> {
    /// Squared singular values of the features, `[k]`.
    squares: &'a [f64],
    /// Square of the target's part along each left singular vector, `[k]`.
    projected: &'a [f64],
    /// Square of the whole target.
    total: f64,
    /// Number of images.
    n: f64,
    /// Number of features.
    d: f64,
}

impl Problem<'_> {
    /// Returns the largest log evidence per image, in nats.
    fn evidence(&self) -> f64 {
        let Self { squares, projected, total, n, d } = *self;
        let unseen = (total - projected.iter().sum::<f64>()).max(0.0);
        let both = || squares.iter().zip(projected);
        let (mut alpha, mut beta) = (1.0, 1.0);
        let mut best = f64::NEG_INFINITY;
        for _ in 0..STEPS {
            let t: f64 = alpha / beta;
            let gamma: f64 = squares.iter().map(|s| s / (s + t)).sum();
            let weights: f64 = both().map(|(s, x)| s * x / (s + t).powi(2)).sum();
            let residue = both().map(|(s, x)| x / (1.0 + s / t).powi(2)).sum::<f64>() + unseen;
            alpha = gamma / weights.max(TINY);
            beta = (n - gamma).max(TINY) / residue.max(TINY);
            let determinant = squares.iter().map(|s| (alpha + beta * s).ln()).sum::<f64>()
                + (d - squares.len() as f64) * alpha.ln();
            let here = 0.5
                * (d * alpha.ln() + n * beta.ln()
                    - n * std::f64::consts::TAU.ln()
                    - beta * residue
                    - alpha * weights
                    - determinant);
            if here.is_finite() {
                best = here;
            }
            if ((alpha / beta - t) / t).abs() < SETTLED || !here.is_finite() {
                break;
            }
        }
        best / n
    }
}
