use serde::{Deserialize, Serialize};

use crate::{Fit, InputSpec, Interpolation, SampleRange};

/// Some of how images are prepared; what is absent is as the defaults have it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PartialInput {
    /// Length of the shorter side after resizing, in pixels, with `fit = "crop"`; the other fits do not use it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resize: Option<u32>,
    /// Side of the square that the network reads, in pixels: cut from the centre with `fit = "crop"`, else the whole image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crop: Option<u32>,
    /// How an image becomes square; `"crop"` when nothing else is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fit: Option<Fit>,
    /// Largest value of the data in images of 16 bits, 1 to 65535: 1023, 4095 or 16383 where a camera has 10, 12 or 14 bits.
    /// Values are read as value * 255 / range, and what lies above as white; without it the upper 8 bits are taken. Images of
    /// 8 bits are the same in any case.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<SampleRange>,
    /// How pixels are resampled; both filters are antialiased.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interpolation: Option<Interpolation>,
    /// Number of channels: 3 for RGB, 1 for grayscale.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<u8>,
    /// Subtracted after scaling to 0..1, a value for each channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean: Option<Vec<f32>>,
    /// Divides after that, a value for each channel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub std: Option<Vec<f32>>,
}

impl PartialInput {
    /// The whole, with the defaults where this says nothing.
    #[must_use]
    pub fn over(&self, defaults: &InputSpec) -> InputSpec {
        InputSpec {
            resize: self.resize.unwrap_or(defaults.resize),
            crop: self.crop.unwrap_or(defaults.crop),
            fit: self.fit.unwrap_or(defaults.fit),
            range: self.range.or(defaults.range),
            interpolation: self.interpolation.unwrap_or(defaults.interpolation),
            channels: self.channels.unwrap_or(defaults.channels),
            mean: self.mean.clone().unwrap_or_else(|| defaults.mean.clone()),
            std: self.std.clone().unwrap_or_else(|| defaults.std.clone()),
        }
    }

    /// Whether nothing is left to the defaults: size, channels, their mean and deviation, and interpolation are all given.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let Self { resize, crop, interpolation, channels, mean, std, .. } = self;
        let sized = resize.is_some() && crop.is_some();
        sized && interpolation.is_some() && channels.is_some() && mean.is_some() && std.is_some()
    }
}
