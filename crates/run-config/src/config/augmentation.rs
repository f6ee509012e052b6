//! `[augment]`: random changes of the training images. `docs/regularization.md` says when each helps.

use images::{Angle, Augment, Blur, ColorJitter, Erasing, Policy, Probability, ResizedCrop, Sampling};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::tagged;

/// `[augment]`: random changes of the training images.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct AugmentConfig {
    /// Number of views of each image that are drawn once and shown in turn, so that frozen stages compute each once; with 0
    /// each epoch draws a new one.
    pub views: u32,
    /// Probability of mirroring left and right; not for letters.
    pub horizontal_flip: Probability,
    /// Probability of mirroring above and below: for microscopes and views from above.
    pub vertical_flip: Probability,
    /// `true` turns the square that the network reads by none, one, two or three quarters, each equally likely, to the
    /// pixel: for microscopes and views from above.
    pub quarter_turns: bool,
    /// Largest angle in degrees by which images are turned to either side.
    pub rotation: Angle,
    /// Probability of removing the colours; grayscale stays as it is.
    pub gray: Probability,
    /// How pixels are read where images are turned, sheared or shifted.
    pub sampling: Sampling,
    /// A ready-made mixture of operations: a name, or `{ name = "randaugment", operations = 3 }`. None when absent.
    #[serde(
        deserialize_with = "tagged::read_optional",
        serialize_with = "tagged::write_optional",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(schema_with = "tagged::schema::<Policy>")]
    pub policy: Option<Policy>,
    /// Cuts out a random part and resizes it to the input (Szegedy et al. 2014).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resized_crop: Option<ResizedCrop>,
    /// Changes brightness, contrast, saturation and hue.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub color_jitter: Option<ColorJitter>,
    /// Gaussian blur of random strength.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blur: Option<Blur>,
    /// Erases a rectangle after normalisation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub erasing: Option<Erasing>,
}

impl AugmentConfig {
    /// Returns the random changes, drawn from this seed.
    #[must_use]
    pub fn changes(&self, seed: u64) -> Augment {
        Augment {
            seed,
            resized_crop: self.resized_crop,
            horizontal_flip: self.horizontal_flip,
            vertical_flip: self.vertical_flip,
            quarter_turns: self.quarter_turns,
            rotation: self.rotation,
            policy: self.policy,
            color_jitter: self.color_jitter,
            gray: self.gray,
            blur: self.blur,
            erasing: self.erasing,
            sampling: self.sampling,
        }
    }
}
