//! Techniques against overfitting, each with its paper. They take tensors; where they are applied is not their affair.
//!
//! In the order in which to learn them:
//!
//! - on weights: [`decay`] (L2, and which tensors are exempt), [`l1`](mod@l1), [`max_norm`](mod@max_norm)
//! - on activations: [`stochastic_depth`] (residual branches skipped at random); dropout is libtorch's own
//!   (`Tensor::dropout`) and belongs to the layers that have it, as batch normalisation does
//! - on targets and pixels: [`smoothing`] (the loss, for labels, pairs of them and probabilities), [`mixing`] with
//!   [`mixup`](mod@mixup) and [`cutmix`](mod@cutmix)
//! - made for transfer: [`l2_sp`] (weights stay near the source), [`delta`] (features do), [`spectral_shrinkage`] (weak
//!   directions vanish), [`co_tuning`] (the original head is kept)
//! - on time: [`early_stopping`] (when to stop, and which epoch was the best)
//! - after training: [`wise_ft`] (part of the way back to where fine-tuning began)
//!
//! `docs/regularization.md` says when each helps and how it is switched on.

pub mod co_tuning;
pub mod cutmix;
pub mod decay;
pub mod delta;
pub mod early_stopping;
pub mod l1;
pub mod l2_sp;
pub mod max_norm;
pub mod mixing;
pub mod mixup;
mod penalty;
pub mod smoothing;
pub mod spectral_shrinkage;
pub mod stochastic_depth;
pub mod wise_ft;

pub use co_tuning::{CoTuning, IMAGENET_SCALE};
pub use cutmix::{Patch, cutmix};
pub use decay::Decay;
pub use delta::{Delta, attention, importance};
pub use early_stopping::{EarlyStopping, Seen, Verdict};
pub use l1::l1;
pub use l2_sp::L2Sp;
pub use max_norm::max_norm;
pub use mixing::{Blend, Draw, Mixing};
pub use mixup::mixup;
pub use smoothing::{CrossEntropy, Targets, cross_entropy};
pub use spectral_shrinkage::SpectralShrinkage;
