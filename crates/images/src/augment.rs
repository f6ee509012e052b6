use serde::{Deserialize, Serialize};

use crate::{Blur, Error, Probability};

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
    pub horizontal_flip: f64,
    /// The probability of mirroring above and below.
    pub vertical_flip: Probability,
    /// Whether the square is turned by a quarter, a half, three quarters or not at all, each equally likely, to the pixel.
    pub quarter_turns: bool,
    /// The greatest angle in degrees, 0 to 180, by which the square is turned to either side: TorchVision's
    /// `RandomRotation`.
    pub rotation: f64,
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
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ResizedCrop {
    /// Least and greatest share of the image's area; TorchVision's default is 0.08 to 1.
    pub scale: (f64, f64),
    /// Least and greatest width divided by height; TorchVision's default is 3/4 to 4/3.
    pub ratio: (f64, f64),
}

/// Four changes of colour in random order, each by a random factor: TorchVision's `ColorJitter` (Krizhevsky et al.,
/// "ImageNet Classification with Deep Convolutional Neural Networks", 2012, section 4.1, and Howard, "Some Improvements
/// on Deep Convolutional Neural Network Based Image Classification", 2013). Saturation and hue leave grayscale alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ColorJitter {
    /// The factor is `1 - brightness` (not below 0) to `1 + brightness`.
    pub brightness: f64,
    /// The same for the distance from the mean gray.
    pub contrast: f64,
    /// The same for the distance from each pixel's own gray.
    pub saturation: f64,
    /// The hue is turned by up to this part of the circle to either side; at most 0.5.
    pub hue: f64,
}

/// Random erasing (Zhong et al., "Random Erasing Data Augmentation", 2020), as TorchVision's `RandomErasing`: a
/// rectangle of the normalised image is blotted out, so that the network does not rely on one part of the object.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Erasing {
    /// The probability that an image loses a rectangle.
    pub probability: f64,
    /// Least and greatest share of the area.
    pub scale: (f64, f64),
    /// Least and greatest height divided by width.
    pub ratio: (f64, f64),
    /// What is put there.
    pub fill: ErasingFill,
}

impl Default for Erasing {
    /// TorchVision's defaults.
    fn default() -> Self {
        Self { probability: 0.5, scale: (0.02, 0.33), ratio: (0.3, 3.3), fill: ErasingFill::Mean }
    }
}

/// What an erased rectangle shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Several operations, all of one strength.
    RandAugment(RandAugment),
    /// One operation of any strength (Müller and Hutter, "TrivialAugment: Tuning-free Yet State-of-the-Art Data
    /// Augmentation", 2021), in its wide form: TorchVision's `TrivialAugmentWide`.
    TrivialAugment,
}

/// RandAugment's two numbers (Cubuk et al., "RandAugment: Practical automated data augmentation with a reduced search
/// space", 2020), as TorchVision's `RandAugment`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RandAugment {
    /// How many operations, one after the other; an operation may come twice.
    pub operations: u32,
    /// How strong they are, 0 to 30.
    pub magnitude: u32,
}

impl Default for RandAugment {
    /// TorchVision's defaults.
    fn default() -> Self {
        Self { operations: 2, magnitude: 9 }
    }
}

/// How pixels are read between the grid's points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Sampling {
    /// The nearest pixel: the default of TorchVision's classes.
    #[default]
    Nearest,
    /// A mean of the four around: smoother, and what TorchVision's training scripts choose.
    Bilinear,
}

impl Augment {
    /// Whether an image may look different from one epoch to the next. If not, features of frozen stages can be kept.
    #[must_use]
    pub fn varies(&self) -> bool {
        self.resized_crop.is_some()
            || self.horizontal_flip > 0.0
            || self.vertical_flip.get() > 0.0
            || self.quarter_turns
            || self.rotation > 0.0
            || self.policy.is_some_and(Policy::varies)
            || self.color_jitter.is_some_and(|jitter| jitter != ColorJitter::default())
            || self.gray.get() > 0.0
            || self.blur.is_some_and(|blur| blur.probability.get() > 0.0)
            || self.erasing.is_some_and(|erasing| erasing.probability > 0.0)
    }
}

impl Policy {
    fn varies(self) -> bool {
        self != Policy::RandAugment(RandAugment { operations: 0, ..RandAugment::default() })
    }
}

/// Refuses what makes no sense, naming the option.
pub(crate) fn check(augment: &Augment) -> Result<(), Error> {
    let refuse = |what: String| Err(Error::Transform(what));
    if !(0.0..=1.0).contains(&augment.horizontal_flip) {
        return refuse(format!("the flip probability is {}; it must be 0 to 1", augment.horizontal_flip));
    }
    if !(0.0..=180.0).contains(&augment.rotation) {
        return refuse(format!("the rotation is {} degrees; it must be 0 to 180", augment.rotation));
    }
    if let Some(ResizedCrop { scale, ratio }) = augment.resized_crop {
        check_box("crop", scale, ratio)?;
    }
    if let Some(Policy::RandAugment(RandAugment { operations, magnitude })) = augment.policy {
        if magnitude > 30 {
            return refuse(format!("RandAugment's magnitude is {magnitude}; it must be 0 to 30"));
        }
        if operations > 100 {
            return refuse(format!("RandAugment's operations are {operations}; at most 100 make sense"));
        }
    }
    if let Some(jitter) = augment.color_jitter {
        let ColorJitter { brightness, contrast, saturation, hue } = jitter;
        for (name, value) in [("brightness", brightness), ("contrast", contrast), ("saturation", saturation)]
        {
            if !(value >= 0.0 && value.is_finite()) {
                return refuse(format!("the colour jitter's {name} is {value}; it must be at least 0"));
            }
        }
        if !(0.0..=0.5).contains(&hue) {
            return refuse(format!("the colour jitter's hue is {hue}; it must be 0 to 0.5"));
        }
    }
    if let Some(Erasing { probability, scale, ratio, .. }) = augment.erasing {
        if !(0.0..=1.0).contains(&probability) {
            return refuse(format!("the erasing probability is {probability}; it must be 0 to 1"));
        }
        check_box("erasing", scale, ratio)?;
    }
    Ok(())
}

fn check_box(name: &str, scale: (f64, f64), ratio: (f64, f64)) -> Result<(), Error> {
    let refuse = |what: String| Err(Error::Transform(what));
    if !(scale.0 > 0.0 && scale.0 <= scale.1 && scale.1 <= 1.0) {
        return refuse(format!("the {name}'s scale is {scale:?}; it must rise and lie above 0 and up to 1"));
    }
    if !(ratio.0 > 0.0 && ratio.0 <= ratio.1 && ratio.1.is_finite()) {
        return refuse(format!("the {name}'s ratio is {ratio:?}; it must rise and lie above 0"));
    }
    Ok(())
}
