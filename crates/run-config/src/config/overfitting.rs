//! `[regularize]` and `[augment]`: what is done against overfitting. `docs/regularization.md` says when each helps.

use images::{Augment, Blur, ColorJitter, Erasing, Policy, Probability, RandAugment, ResizedCrop, Sampling};
use regularize::{CoTuning, Decay, Delta, L2Sp, Mixing, SpectralShrinkage};
use serde::{Deserialize, Serialize};
use tch::Tensor;

/// Weight decay where the file names none.
const MILD_DECAY: f64 = 1e-4;

/// `[regularize]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RegularizeConfig {
    /// L2: each step shrinks the covered parameters by this times the learning rate. When absent 1e-4, or 0 beside
    /// `l2_sp` and `delta`, which have a pull of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weight_decay: Option<f64>,
    /// Which parameters are covered by it and by `l1`: `"weights"` (not biases and norms) or `"all"`.
    pub decay: Decay,
    /// Strength of the sum of magnitudes of the covered parameters.
    pub l1: f64,
    /// The greatest Euclidean length of the weights into a unit; unbounded when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_norm: Option<f64>,
    /// Share of the target given to all classes alike.
    pub label_smoothing: f64,
    /// α of mixup; 0 never mixes.
    pub mixup: f64,
    /// α of cutmix; 0 never cuts.
    pub cutmix: f64,
    /// Probability of dropout wherever the network has some; its own when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dropout: Option<f64>,
    /// Probability with which the last residual block is skipped; the network's own when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stochastic_depth: Option<f64>,
    /// Stop after this many epochs without a lower validation loss, and go back to the best; never when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub early_stopping: Option<u32>,
    /// The pull towards the source weights in place of weight decay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub l2_sp: Option<L2Sp>,
    /// The pull towards the source's feature maps in place of weight decay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delta: Option<Delta>,
    /// The pressure on the weakest directions of features.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spectral_shrinkage: Option<SpectralShrinkage>,
    /// The original head, trained along.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub co_tuning: Option<CoTuning>,
}

impl RegularizeConfig {
    /// The strength of weight decay.
    #[must_use]
    pub fn weight_decay(&self) -> f64 {
        let pulls = self.l2_sp.is_some() || self.delta.is_some();
        self.weight_decay.unwrap_or(if pulls { 0.0 } else { MILD_DECAY })
    }

    /// The weight decay of a parameter.
    #[must_use]
    pub fn decay_of(&self, parameter: &Tensor) -> f64 {
        if self.decay.covers(parameter) { self.weight_decay() } else { 0.0 }
    }

    /// How the pictures of a batch are mixed.
    #[must_use]
    pub fn mixing(&self) -> Mixing {
        Mixing { mixup: self.mixup, cutmix: self.cutmix }
    }

    /// The first key that asks for something of the source network, if one does.
    #[must_use]
    pub fn needs_source(&self) -> Option<&'static str> {
        None.or(self.l2_sp.map(|_| "regularize.l2_sp"))
            .or(self.delta.map(|_| "regularize.delta"))
            .or(self.co_tuning.map(|_| "regularize.co_tuning"))
    }

    /// The first key that asks for features which can move, if one does.
    #[must_use]
    pub fn needs_depth(&self) -> Option<&'static str> {
        None.or(self.delta.map(|_| "regularize.delta"))
            .or(self.spectral_shrinkage.map(|_| "regularize.spectral_shrinkage"))
            .or(self.co_tuning.map(|_| "regularize.co_tuning"))
    }

    /// Leaves out what asks for features that can move.
    pub fn forget_features(&mut self) {
        (self.delta, self.spectral_shrinkage, self.co_tuning) = (None, None, None);
    }

    /// Leaves out what asks for something of the source network.
    pub fn forget_source(&mut self) {
        if self.l2_sp.take().is_some() || self.delta.take().is_some() {
            // It was their place.
            self.weight_decay = self.weight_decay.filter(|&strength| strength > 0.0);
        }
        self.co_tuning = None;
    }
}

/// `[augment]`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AugmentConfig {
    /// Draw so many views of each picture once and show them in turn, so that frozen stages compute each once; a new view
    /// in each epoch when 0.
    pub views: u32,
    /// Probability of mirroring left and right. Not for letters.
    pub horizontal_flip: f64,
    /// Probability of mirroring above and below. For microscopes and from above; not for letters.
    pub vertical_flip: Probability,
    /// Whether images are turned by no, one, two or three quarters of a circle, each equally likely. For microscopes and from
    /// above; not for letters.
    pub quarter_turns: bool,
    /// The greatest angle in degrees by which pictures are turned to either side.
    pub rotation: f64,
    /// Probability of losing the colours.
    pub gray: Probability,
    /// How pixels are read when pictures are turned, sheared or shifted: `"nearest"` or `"bilinear"`.
    pub sampling: Sampling,
    /// `"randaugment"` or `"trivialaugment"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicyKind>,
    /// Cut out a random part and resize it to the input (Szegedy et al. 2014).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resized_crop: Option<ResizedCropConfig>,
    /// Numbers of `policy = "randaugment"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub randaugment: Option<RandAugment>,
    /// Changes of brightness, contrast, saturation and hue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color_jitter: Option<ColorJitter>,
    /// Gaussian blur of random strength.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blur: Option<Blur>,
    /// Rectangles blotted out after normalisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erasing: Option<Erasing>,
}

/// The ready-made mixtures of operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PolicyKind {
    /// Some operations of one strength (Cubuk et al. 2020).
    RandAugment,
    /// One operation of any strength (Müller and Hutter 2021).
    TrivialAugment,
}

/// `[augment.resized_crop]`
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ResizedCropConfig {
    /// Smallest and largest share of the picture's area.
    pub scale: (f64, f64),
    /// Smallest and largest ratio of width to height.
    pub ratio: (f64, f64),
}

impl Default for ResizedCropConfig {
    fn default() -> Self {
        Self { scale: (0.08, 1.0), ratio: (3.0 / 4.0, 4.0 / 3.0) }
    }
}

impl AugmentConfig {
    /// The random changes, drawn from this seed.
    #[must_use]
    pub fn changes(&self, seed: u64) -> Augment {
        Augment {
            seed,
            resized_crop: self.resized_crop.map(|crop| ResizedCrop { scale: crop.scale, ratio: crop.ratio }),
            horizontal_flip: self.horizontal_flip,
            vertical_flip: self.vertical_flip,
            quarter_turns: self.quarter_turns,
            rotation: self.rotation,
            policy: self.policy.map(|policy| match policy {
                PolicyKind::RandAugment => Policy::RandAugment(self.randaugment.unwrap_or_default()),
                PolicyKind::TrivialAugment => Policy::TrivialAugment,
            }),
            color_jitter: self.color_jitter,
            gray: self.gray,
            blur: self.blur,
            erasing: self.erasing,
            sampling: self.sampling,
        }
    }
}
