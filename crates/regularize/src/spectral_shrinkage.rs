//! Batch spectral shrinkage (Chen et al., "Catastrophic Forgetting Meets Negative Transfer: Batch Spectral Shrinkage for
//! Safe Transfer Learning", 2019): the weakest directions of a batch's features transfer worst, and are pressed towards
//! zero; the strong ones are left in peace.

use std::num::NonZeroU32;

use ranged::NotNegative;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::{Kind, Tensor};

/// How strongly, and how many directions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SpectralShrinkage {
    /// Strength of the pressure on the weakest directions of the features.
    pub eta: NotNegative,
    /// Number of directions under pressure: those of the smallest singular values.
    pub k: NonZeroU32,
}

impl Default for SpectralShrinkage {
    /// The paper's values.
    fn default() -> Self {
        Self { eta: NotNegative::of(0.001), k: NonZeroU32::MIN }
    }
}

impl SpectralShrinkage {
    /// `η Σ σ²` over the `k` smallest singular values of the features that the head reads, `[N, features]` (or
    /// `[N, C, 1, 1]`); a scalar. There are no more singular values than images.
    ///
    /// Not a number when the features are not: there is no decomposition of those.
    pub fn penalty(&self, features: &Tensor) -> Tensor {
        let features = features.flatten(1, -1);
        // Half precision has no decomposition.
        let kind = if features.kind() == Kind::Double { Kind::Double } else { Kind::Float };
        let features = features.to_kind(kind);
        let Ok((_, values, _)) = features.f_svd(true, false) else {
            return features.sum(kind) * f64::NAN;
        };
        let count = values.size()[0];
        let pressed = i64::from(self.k.get()).min(count);
        // In falling order.
        values.narrow(0, count - pressed, pressed).square().sum(kind) * self.eta.get()
    }
}
