use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Fit, SampleRange};

/// How a network's images are prepared: made square as [`Fit`] says, scaled to `0..=1`, normalised.
///
/// It belongs to the weights, not to the network: `resnet50` V1 and V2 differ in `resize`.
/// Source: the `transforms` presets in TorchVision's `models/*.py`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// Length of the shorter side after resizing, in pixels; used by [`Fit::Crop`] alone.
    pub resize: u32,
    /// Side of the square that the network reads, in pixels: cut from the centre by [`Fit::Crop`], else the whole image.
    pub crop: u32,
    /// How an image becomes that square; [`Fit::Crop`] where a file does not say.
    #[serde(default, skip_serializing_if = "Fit::is_crop")]
    pub fit: Fit,
    /// Largest value of the data in images of 16 bits. Without it their upper 8 bits are taken; images of 8 bits are the
    /// same in any case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub range: Option<SampleRange>,
    /// How pixels are resampled; both are antialiased.
    pub interpolation: Interpolation,
    /// 3 for RGB, 1 for grayscale.
    pub channels: u8,
    /// Subtracted from each channel after scaling to `0..=1`; one value per channel.
    pub mean: Vec<f32>,
    /// Divides each channel after that; one value per channel.
    pub std: Vec<f32>,
}

impl InputSpec {
    /// TorchVision's usual preset, `ImageClassification(crop_size=224)`: 256, then 224, with ImageNet's mean and deviation.
    #[must_use]
    pub fn imagenet() -> Self {
        Self {
            resize: 256,
            crop: 224,
            fit: Fit::Crop,
            range: None,
            interpolation: Interpolation::Bilinear,
            channels: 3,
            mean: vec![0.485, 0.456, 0.406],
            std: vec![0.229, 0.224, 0.225],
        }
    }
}

/// What is done to images, as the end of a sentence: "resized to 256 and cropped to 224".
impl fmt::Display for InputSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resize, crop, .. } = self;
        match self.fit {
            Fit::Crop => write!(f, "resized to {resize} and cropped to {crop}")?,
            Fit::Pad => write!(f, "shown whole in a square of {crop}, filled up with the mean colour")?,
            Fit::Squash => write!(f, "squashed to {crop} x {crop}")?,
        }
        match self.range {
            Some(range) => write!(f, ", and 16-bit values count up to {range}"),
            None => Ok(()),
        }
    }
}

/// Resampling filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    /// Triangle filter.
    Bilinear,
    /// Cubic convolution with a = -0.5, as Pillow's.
    Bicubic,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_fit_and_range_means_torchvisions_and_is_written_as_before() {
        let old = r#"{"resize":256,"crop":224,"interpolation":"bilinear","channels":3,"mean":[0.485,0.456,0.406],"std":[0.229,0.224,0.225]}"#;
        let read: InputSpec = serde_json::from_str(old).unwrap();
        assert_eq!(read, InputSpec::imagenet());
        assert_eq!(serde_json::to_string(&read).unwrap(), old);
        let range = SampleRange::try_from(4095).ok();
        let whole = InputSpec { fit: Fit::Pad, range, ..read };
        let written = serde_json::to_string(&whole).unwrap();
        assert!(written.contains(r#""fit":"pad","range":4095"#), "{written}");
        assert_eq!(serde_json::from_str::<InputSpec>(&written).unwrap(), whole);
        for (good, bad) in [("pad", "stretch"), ("4095", "0"), ("4095", "65536"), ("4095", "-1")] {
            let error = serde_json::from_str::<InputSpec>(&written.replace(good, bad)).unwrap_err();
            assert!(error.to_string().contains(bad), "{error}");
        }
    }
}
