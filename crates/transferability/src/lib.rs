//! How good features are for labels, found without training the network: linear classifiers on fixed features, each with its
//! predictions for images that it was not fitted on.
//!
//! Features are `[N, D]`; labels are class numbers from 0. All is computed in float64 on the CPU.
//! - [`ridge`]: what is left out is exact, from one eigendecomposition for all penalties and classes; [`logistic`]: by folds, with a
//!   penalty chosen or given; [`LinearHead`] and [`HeldOut`] are what they give
//! - [`joined`]: what a head reads of several stages
//! - [`folds`]: images and groups dealt over folds; [`arms`]: which frozen stages are tried; [`choose()`]: which classifier, and
//!   `ending` which end of a frozen network
//! - [`logme`], [`h_score`]: published scores of transferability, by singular values (`spectrum`)
//! - [`rule`]: from the stages' accuracies and the number of images to a depth; [`resample`]: how firm that is;
//!   [`words`]: the same for people
//! - [`subset`]: which images are measured

pub mod arms;
mod choose;
mod ending;
mod error;
pub mod folds;
pub mod h_score;
mod held_out;
mod lbfgs;
mod linear_head;
pub mod logistic;
pub mod logme;
pub mod resample;
pub mod ridge;
pub mod rule;
mod spectrum;
mod standardised;
pub mod subset;
mod temperature;
#[cfg(test)]
mod tests;
pub mod words;

pub use choose::{Paired, choose};
pub use ending::Ends;
pub use error::Error;
pub use held_out::HeldOut;
pub use linear_head::LinearHead;
pub use standardised::joined;

/// Returns the mean accuracy of the last third of the stages less that of the first, within -1 and 1.
#[must_use]
pub fn late_stage_gain(stages: &[f64]) -> f64 {
    if stages.is_empty() {
        return 0.0;
    }
    let third = stages.len().div_ceil(3);
    statistics::mean(&stages[stages.len() - third..]) - statistics::mean(&stages[..third])
}
