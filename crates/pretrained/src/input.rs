use serde::{Deserialize, Serialize};

/// How a network's images are prepared: resize the shorter side, crop the centre, scale to `0..=1`, normalise.
///
/// It belongs to the weights, not to the network: `resnet50` V1 and V2 differ in `resize`.
/// Source: the `transforms` presets in TorchVision's `models/*.py`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputSpec {
    /// Length of the shorter side after resizing, in pixels.
    pub resize: u32,
    /// Side of the square cut from the centre, in pixels: what the network reads.
    pub crop: u32,
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
            interpolation: Interpolation::Bilinear,
            channels: 3,
            mean: vec![0.485, 0.456, 0.406],
            std: vec![0.229, 0.224, 0.225],
        }
    }
}

/// Resampling filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Interpolation {
    /// Triangle filter.
    Bilinear,
    /// Cubic convolution with a = -0.5, as Pillow's.
    Bicubic,
}
