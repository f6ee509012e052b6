//! How good features are for labels, found without training the network.
//!
//! Features are `[N, D]`, float64, on the CPU; labels are class numbers from 0.
//! - [`probe`]: a cross-validated linear probe, fitted by `logistic`
//! - [`logme`], [`h_score`]: published scores of transferability, by singular values (`spectrum`)
//! - [`rule`]: from the probes' accuracies and the number of images to a depth; [`resample`]: how firm that is
//! - [`subset`]: which images are measured

mod error;
pub mod h_score;
mod logistic;
pub mod logme;
pub mod probe;
pub mod resample;
pub mod rule;
mod spectrum;
pub mod subset;
#[cfg(test)]
mod tests;

pub use error::Error;

/// Returns the mean accuracy of the last third of the stages less that of the first, within -1 and 1.
#[must_use]
pub fn late_stage_gain(stages: &[f64]) -> f64 {
    if stages.is_empty() {
        return 0.0;
    }
    let third = stages.len().div_ceil(3);
    statistics::mean(&stages[stages.len() - third..]) - statistics::mean(&stages[..third])
}
