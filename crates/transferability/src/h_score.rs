//! The H-score: how far classes lie apart, in units of their spread (Bao et al. 2019).

use tch::{Kind, Tensor};

use super::spectrum::{Spectrum, one_hot};
use crate::Error;

/// H-score (Bao et al., "An Information-Theoretic Approach to Transferability in Task Transfer Learning", ICIP 2019):
/// `tr(cov(f)^-1 cov(E[f | y]))`, how much of the spread of the features lies between the classes. At most one less than
/// the number of classes; larger is better.
///
/// With few images the covariance cannot be inverted, so it is shrunk (Ibrahim, Ponomareva and Mazumder, "Newer is not
/// always better: Rethinking Transferability Metrics", 2022): `(1 - a) cov + a tr(cov) / D`, and the covariance between
/// classes by the same `1 - a`, with `a` of Ledoit and Wolf (2004). Covariances divide by `N`.
pub fn h_score(features: &Tensor, labels: &[usize], classes: usize) -> Result<f64, Error> {
    let (n, d) = features.size2()?;
    let centred = features - features.mean_dim([0i64].as_slice(), true, Kind::Double); // [N, D]
    let (shrinkage, mean_variance) = ledoit_wolf(&centred, n as f64, d as f64)?;
    if mean_variance <= 0.0 {
        return Ok(0.0); // constant features separate nothing
    }
    let spectrum = Spectrum::of(&centred)?;
    let targets = one_hot(labels, classes)?; // [N, classes]
    let counts = targets.sum_dim_intlist([0i64].as_slice(), false, Kind::Double).clamp_min(1.0); // [classes]
    // The class means along the axes of the spread: what lies off these axes is zero.
    let sums = spectrum.coordinates().tr().f_matmul(&targets)?; // [k, classes]
    let between = (sums.square() / counts).sum_dim_intlist([1i64].as_slice(), false, Kind::Double) / n as f64; // [k]
    let spread = &spectrum.squares / n as f64 * (1.0 - shrinkage) + shrinkage * mean_variance; // [k]
    Ok((between / spread).sum(Kind::Double).double_value(&[]) * (1.0 - shrinkage))
}

/// How much to shrink the covariance of centred features towards a multiple of the identity, and that multiple.
fn ledoit_wolf(centred: &Tensor, n: f64, d: f64) -> Result<(f64, f64), Error> {
    let squares = centred.square();
    let mean_variance = squares.sum(Kind::Double).double_value(&[]) / n / d;
    let lengths = squares.sum_dim_intlist([1i64].as_slice(), false, Kind::Double); // [N]
    let fourth = lengths.square().sum(Kind::Double).double_value(&[]);
    // The smaller of the two Gram matrices has the same squares.
    let gram = if n <= d { centred.f_matmul(&centred.tr())? } else { centred.tr().f_matmul(centred)? };
    let second = gram.square().sum(Kind::Double).double_value(&[]) / (n * n);
    let noise = (fourth / n - second) / (d * n);
    let distance = (second - d * mean_variance * mean_variance) / d;
    let shrinkage = if noise <= 0.0 || distance <= 0.0 { 0.0 } else { (noise / distance).min(1.0) };
    Ok((shrinkage, mean_variance))
}
