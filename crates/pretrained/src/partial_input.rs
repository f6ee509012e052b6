use serde::{Deserialize, Serialize};

use crate::{Fit, InputSpec, Interpolation, SampleRange};

/// Some of how images are prepared; what is absent is as the defaults have it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartialInput {
    /// [`InputSpec::resize`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resize: Option<u32>,
    /// [`InputSpec::crop`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crop: Option<u32>,
    /// [`InputSpec::fit`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fit: Option<Fit>,
    /// [`InputSpec::range`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<SampleRange>,
    /// [`InputSpec::interpolation`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interpolation: Option<Interpolation>,
    /// [`InputSpec::channels`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channels: Option<u8>,
    /// [`InputSpec::mean`]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mean: Option<Vec<f32>>,
    /// [`InputSpec::std`]
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
