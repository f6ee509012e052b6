//! LogME: the largest evidence of a linear model (You et al. 2021).

use tch::{Kind, Tensor};

use super::spectrum::{Spectrum, one_hot};
use crate::Error;

/// Steps of the fixed point at most; it needs about ten.
const STEPS: usize = 200;
/// Relative change of the precisions' ratio at which it has settled.
const SETTLED: f64 = 1e-9;
/// Keeps a perfect fit from dividing by zero.
const TINY: f64 = 1e-12;

/// LogME (You, Liu, Wang and Long, "LogME: Practical Assessment of Pre-trained Models for Transfer Learning", ICML 2021):
/// the logarithm of the evidence of a Bayesian linear model from features `[N, D]` to each class against the others, with
/// both precisions chosen to make it largest, per image and averaged over the classes. In nats; larger is better.
///
/// Weights have the prior `N(0, 1/alpha)`, labels the noise `N(0, 1/beta)`. The fixed point of their
/// Algorithm 1, by the singular values of the features. Where the authors' program counts these alone in `log |A|`, all
/// `D` directions are counted here, as the formula has it: it matters where there are fewer images than features.
pub fn logme(features: &Tensor, labels: &[usize], classes: usize) -> Result<f64, Error> {
    let (n, d) = features.size2()?;
    let spectrum = Spectrum::of(features)?;
    let targets = one_hot(labels, classes)?; // [N, classes]
    let seen = spectrum.u.tr().f_matmul(&targets)?.square(); // [k, classes]
    let counts = Vec::<f64>::try_from(targets.sum_dim_intlist([0i64].as_slice(), false, Kind::Double))?;
    let squares = Vec::<f64>::try_from(&spectrum.squares)?;
    let mut sum = 0.0;
    for (class, &count) in counts.iter().enumerate() {
        let seen = Vec::<f64>::try_from(seen.select(1, i64::try_from(class).unwrap_or(0)).contiguous())?;
        sum += evidence(&squares, &seen, count, n as f64, d as f64);
    }
    Ok(sum / counts.len() as f64)
}

/// The largest log evidence per image of one target: `seen` is the square of its part along each singular vector, `count`
/// its whole square.
fn evidence(squares: &[f64], seen: &[f64], count: f64, n: f64, d: f64) -> f64 {
    let unseen = (count - seen.iter().sum::<f64>()).max(0.0);
    let both = || squares.iter().zip(seen);
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
