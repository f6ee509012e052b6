//! Techniques against overfitting, each with its paper. They take tensors; where they are applied is not their affair.
//!
//! - [`decay`]: L2 weight decay, and which tensors are exempt from it.
//! - [`smoothing`]: cross-entropy with label smoothing.
//! - [`stochastic_depth`]: residual branches that are skipped at random.
//! - [`early_stopping`]: when to stop, and which epoch was the best.

pub mod decay;
pub mod early_stopping;
pub mod smoothing;
pub mod stochastic_depth;

pub use decay::Decay;
pub use early_stopping::{EarlyStopping, Verdict};
pub use smoothing::cross_entropy;
