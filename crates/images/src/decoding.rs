use image::RgbImage;
use pretrained::SampleRange;

/// What a file is decoded for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Decoding {
    /// What has to be left of a JPEG that is reduced while it is decoded; `None` decodes it whole.
    pub(crate) least: Option<Least>,
    /// Largest value of 16-bit data; without it the upper 8 bits are taken.
    pub(crate) range: Option<SampleRange>,
}

/// The size that a reduced image must not fall below, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Least {
    /// Of the shorter side.
    Shorter(u32),
    /// Of the longer side.
    Longer(u32),
}

/// An image out of a file.
#[derive(Clone, Debug)]
pub(crate) struct Decoded {
    pub(crate) image: RgbImage,
    /// The largest value of its colours, where the file has 16 bits.
    pub(crate) brightest: Option<u16>,
}

impl Least {
    /// Whether an image of this size is large enough.
    pub(crate) fn holds(self, width: u32, height: u32) -> bool {
        match self {
            Self::Shorter(least) => width.min(height) >= least,
            Self::Longer(least) => width.max(height) >= least,
        }
    }
}
