//! L2-SP (Xuhong Li et al., "Explicit Inductive Bias for Transfer Learning with Convolutional Networks", 2018): weights
//! that come from a source network are pulled towards where they started (SP) instead of towards zero, and only new ones
//! to zero. Weight decay would forget the source; this remembers it.

use ranged::NotNegative;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::Tensor;

use crate::penalty::{square_sum, sum};

/// The strengths of both pulls.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct L2Sp {
    /// Strength of the pull towards the source weights.
    pub alpha: NotNegative,
    /// Strength of the pull of new weights towards zero.
    pub beta: NotNegative,
}

impl Default for L2Sp {
    /// The paper searched α between 0.001 and 1 and left β at 0.01.
    fn default() -> Self {
        Self { alpha: NotNegative::of(0.1), beta: NotNegative::of(0.01) }
    }
}

impl L2Sp {
    /// `α/2 Σ ‖w - w⁰‖² + β/2 Σ ‖v‖²`, a scalar: w are the parameters that have a source, each with its source w⁰ of
    /// the same shape (the paper's equation 3), v the others.
    pub fn penalty<'a>(
        &self,
        sourced: impl IntoIterator<Item = (&'a Tensor, &'a Tensor)>,
        new: impl IntoIterator<Item = &'a Tensor>,
    ) -> Tensor {
        let pulls = sourced.into_iter().map(|(now, source)| square_sum(&(now - source.detach())));
        let decays = new.into_iter().map(square_sum);
        sum(pulls) * (self.alpha.get() / 2.0) + sum(decays) * (self.beta.get() / 2.0)
    }
}
