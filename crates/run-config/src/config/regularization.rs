//! `[regularize]`: techniques against overfitting. `docs/regularization.md` says when each helps.

use std::num::NonZeroU32;

use ranged::{Fraction, NotNegative, Positive};
use regularize::{CoTuning, Decay, Delta, L2Sp, Mixing, SpectralShrinkage};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::Tensor;

/// Weight decay when the file names none.
const USUAL_DECAY: NotNegative = NotNegative::of(1e-4);

/// `[regularize]`: techniques against overfitting. [Regularization](regularization.md) says what each of them does, and when
/// it helps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RegularizeConfig {
    /// Pull of weights towards zero (L2): each step shrinks them by this times the learning rate. When absent 1e-4, or 0
    /// together with `l2_sp` or `delta`, which have a pull of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<NotNegative>,
    /// Parameters that `weight_decay` and `l1` apply to; `"weights"` leaves out biases, the scales of a norm, tokens, and tables of
    /// positions.
    pub decay: Decay,
    /// Strength of the sum of magnitudes of these parameters.
    pub l1: NotNegative,
    /// Maximum L2 norm of the incoming weights of each unit. No limit when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_norm: Option<Positive>,
    /// Share of the target that all classes get alike.
    pub label_smoothing: Fraction,
    /// α of mixup; 0 for none.
    pub mixup: NotNegative,
    /// α of cutmix; 0 for none.
    pub cutmix: NotNegative,
    /// Probability of dropout wherever the network has some; the network's own when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropout: Option<Fraction>,
    /// Probability with which the last residual block is skipped; the network's own when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stochastic_depth: Option<Fraction>,
    /// Number of epochs without a better `train.metric` than in the training step before them, after which that step ends;
    /// `train.keep` says which weights stay. Never when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<NonZeroU32>,
    /// Pulls weights towards the source weights, in place of weight decay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l2_sp: Option<L2Sp>,
    /// Pulls feature maps towards the source's, in place of weight decay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta: Option<Delta>,
    /// Presses the weakest directions of the features.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spectral_shrinkage: Option<SpectralShrinkage>,
    /// Trains the original head along with the new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub co_tuning: Option<CoTuning>,
}

impl RegularizeConfig {
    /// Returns the strength of weight decay: the key's, or the usual one.
    #[must_use]
    pub fn weight_decay(&self) -> NotNegative {
        self.weight_decay.unwrap_or_else(|| self.usual_weight_decay())
    }

    /// Returns the strength of weight decay when the file names none.
    #[must_use]
    pub fn usual_weight_decay(&self) -> NotNegative {
        let pulls = self.l2_sp.is_some() || self.delta.is_some();
        if pulls { NotNegative::ZERO } else { USUAL_DECAY }
    }

    /// Returns the weight decay of a parameter; `exempt` where its network says that it is a token or a table, which is left
    /// alone as biases are.
    #[must_use]
    pub fn decay_of(&self, parameter: &Tensor, exempt: bool) -> f64 {
        let covered = self.decay.covers(parameter) && (!exempt || self.decay == Decay::All);
        if covered { self.weight_decay().get() } else { 0.0 }
    }

    /// Returns how the images of a batch are mixed.
    #[must_use]
    pub fn mixing(&self) -> Mixing {
        Mixing { mixup: self.mixup.get(), cutmix: self.cutmix.get() }
    }

    /// Returns the first key that needs the source network, if one does.
    #[must_use]
    pub fn needs_source(&self) -> Option<&'static str> {
        None.or(self.l2_sp.map(|_| "regularize.l2_sp"))
            .or(self.delta.map(|_| "regularize.delta"))
            .or(self.co_tuning.map(|_| "regularize.co_tuning"))
    }

    /// Returns the first key that needs trained stages before the head, if one does.
    #[must_use]
    pub fn needs_depth(&self) -> Option<&'static str> {
        None.or(self.delta.map(|_| "regularize.delta"))
            .or(self.spectral_shrinkage.map(|_| "regularize.spectral_shrinkage"))
            .or(self.co_tuning.map(|_| "regularize.co_tuning"))
    }

    /// Removes what needs trained stages before the head.
    pub fn drop_depth_techniques(&mut self) {
        (self.delta, self.spectral_shrinkage, self.co_tuning) = (None, None, None);
    }

    /// Removes what needs the source network.
    pub fn drop_source_techniques(&mut self) {
        if self.l2_sp.take().is_some() || self.delta.take().is_some() {
            // The 0 was theirs.
            self.weight_decay = self.weight_decay.filter(|strength| strength.get() > 0.0);
        }
        self.co_tuning = None;
    }
}
