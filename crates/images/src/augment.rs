use ranged::{Limits, NotNegative, Probability, ranged};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::operations::Sampling;
use crate::{AreaShares, Blur, SideRatios};

ranged! {
    /// Angle in degrees, 0 to 180.
    Angle(f64, "number"): Limits::between(0.0, 180.0), "lie between 0 and 180 degrees";
    /// Part of the colour circle by which a hue is shifted, 0 to 0.5.
    HueShift(f64, "number"): Limits::between(0.0, 0.5), "lie between 0 and 0.5";
    /// Number of operations in a row: 1 to 100. More leave nothing to see.
    Operations(u32, "integer"): Limits::between(1.0, 100.0), "lie between 1 and 100";
    /// Strength of an operation, 0 to 30.
    Magnitude(u32, "integer"): Limits::between(0.0, 30.0), "be at most 30";
}

impl Default for Angle {
    /// No turn.
    fn default() -> Self {
        Self::of(0.0)
    }
}

impl Default for HueShift {
    /// No shift.
    fn default() -> Self {
        Self::of(0.0)
    }
}

/// Random changes of the images that training sees, in the order of the fields; [`Augment::default`] changes nothing.
///
/// All but `erasing` work on the 8-bit square that has been cut out and resized, and give what TorchVision gives for a
/// image of Pillow's. What leaves the square is gone, and what comes in is black.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Augment {
    /// Decides everything, together with the epoch and the sample's id.
    pub seed: u64,
    /// A random part of the image instead of its centre.
    pub resized_crop: Option<ResizedCrop>,
    /// The probability of mirroring left and right.
    pub horizontal_flip: Probability,
    /// The probability of mirroring above and below.
    pub vertical_flip: Probability,
    /// Whether the square is turned by a quarter, a half, three quarters or not at all, each equally likely, to the pixel.
    pub quarter_turns: bool,
    /// The greatest angle in degrees, 0 to 180, by which the square is turned to either side: TorchVision's
    /// `RandomRotation`.
    pub rotation: Angle,
    /// One of the ready-made mixtures of operations.
    pub policy: Option<Policy>,
    /// Brightness, contrast, saturation and hue.
    pub color_jitter: Option<ColorJitter>,
    /// The probability of losing the colours: TorchVision's `RandomGrayscale`. Grayscale stays as it is.
    pub gray: Probability,
    /// Gaussian blur.
    pub blur: Option<Blur>,
    /// A rectangle is blotted out, after normalisation.
    pub erasing: Option<Erasing>,
    /// How pixels are read between the grid's points when the square is turned, sheared or shifted.
    pub sampling: Sampling,
}

/// A random part of the image, stretched to the network's size: TorchVision's `RandomResizedCrop`, described as
/// "Inception-style" cropping (Szegedy et al., "Going deeper with convolutions", 2015, section 6).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ResizedCrop {
    /// Smallest and largest share of the image's area that is cut out.
    pub scale: AreaShares,
    /// Smallest and largest ratio of the part's width to its height.
    pub ratio: SideRatios,
}

impl Default for ResizedCrop {
    /// TorchVision's defaults.
    fn default() -> Self {
        Self { scale: AreaShares::of(0.08, 1.0), ratio: SideRatios::of(3.0 / 4.0, 4.0 / 3.0) }
    }
}

/// Four changes of colour in random order, each by a random factor: TorchVision's `ColorJitter` (Krizhevsky et al.,
/// "ImageNet Classification with Deep Convolutional Neural Networks", 2012, section 4.1, and Howard, "Some Improvements
/// on Deep Convolutional Neural Network Based Image Classification", 2013). Saturation and hue leave grayscale alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ColorJitter {
    /// Largest change of brightness: the factor lies between 1 less this (not below 0) and 1 plus this.
    pub brightness: NotNegative,
    /// The same for the distance from the mean gray.
    pub contrast: NotNegative,
    /// The same for the distance from each pixel's own gray.
    pub saturation: NotNegative,
    /// Largest shift of the hue to either side, as part of the colour circle.
    pub hue: HueShift,
}

/// Random erasing (Zhong et al., "Random Erasing Data Augmentation", 2020), as TorchVision's `RandomErasing`: a
/// rectangle of the normalised image is blotted out, so that the network does not rely on one part of the object.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Erasing {
    /// Probability that a rectangle is erased.
    pub probability: Probability,
    /// Smallest and largest share of the area that is erased.
    pub scale: AreaShares,
    /// Smallest and largest ratio of the rectangle's height to its width.
    pub ratio: SideRatios,
    /// What fills the rectangle.
    pub fill: ErasingFill,
}

impl Default for Erasing {
    /// TorchVision's defaults.
    fn default() -> Self {
        Self {
            probability: Probability::of(0.5),
            scale: AreaShares::of(0.02, 0.33),
            ratio: SideRatios::of(0.3, 3.3),
            fill: ErasingFill::Mean,
        }
    }
}

/// What fills an erased rectangle.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ErasingFill {
    /// Zero after normalisation, which is the mean colour.
    #[default]
    Mean,
    /// Normal noise of deviation 1, a value of its own for each pixel and channel: what the paper found best.
    Noise,
}

/// A ready-made mixture of fourteen operations: shear, translate, rotate, brightness, colour, contrast, sharpness,
/// posterize, solarize, auto-contrast, equalize, and none.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "name", rename_all = "lowercase")]
pub enum Policy {
    /// Several operations, all of one strength (Cubuk et al. 2020).
    RandAugment(RandAugment),
    /// One operation of any strength (Müller and Hutter, "TrivialAugment: Tuning-free Yet State-of-the-Art Data
    /// Augmentation", 2021), in its wide form: TorchVision's `TrivialAugmentWide`.
    TrivialAugment,
}

/// RandAugment's two numbers (Cubuk et al., "RandAugment: Practical automated data augmentation with a reduced search
/// space", 2020), as TorchVision's `RandAugment`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RandAugment {
    /// Number of operations, one after the other; one may come twice.
    pub operations: Operations,
    /// Strength of the operations.
    pub magnitude: Magnitude,
}

impl Default for RandAugment {
    /// TorchVision's defaults.
    fn default() -> Self {
        Self { operations: Operations::of(2), magnitude: Magnitude::of(9) }
    }
}

impl Augment {
    /// Whether an image may look different from one epoch to the next. If not, features of frozen stages can be kept.
    #[must_use]
    pub fn varies(&self) -> bool {
        self.resized_crop.is_some()
            || self.horizontal_flip.get() > 0.0
            || self.vertical_flip.get() > 0.0
            || self.quarter_turns
            || self.rotation.get() > 0.0
            || self.policy.is_some()
            || self.color_jitter.is_some_and(|jitter| jitter != ColorJitter::default())
            || self.gray.get() > 0.0
            || self.blur.is_some_and(|blur| blur.probability.get() > 0.0)
            || self.erasing.is_some_and(|erasing| erasing.probability.get() > 0.0)
    }
}
