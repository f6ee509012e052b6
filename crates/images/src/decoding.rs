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

/// Values of 16 bits as bytes; remembers the largest.
#[derive(Debug)]
pub(crate) struct Narrow {
    range: Option<SampleRange>,
    brightest: Option<u16>,
}

impl Narrow {
    /// In this range; without one the upper 8 bits are taken.
    pub(crate) fn to(range: Option<SampleRange>) -> Self {
        Self { range, brightest: None }
    }

    /// A value of a colour.
    pub(crate) fn byte(&mut self, value: u16) -> u8 {
        self.brightest = self.brightest.max(Some(value));
        self.range.map_or((value >> 8) as u8, |range| range.to_byte(value))
    }

    /// The largest value of a colour, if there was one of 16 bits.
    pub(crate) fn brightest(&self) -> Option<u16> {
        self.brightest
    }
}

impl Least {
    /// By how much an image of this size can be divided at most, rounded down.
    pub(crate) fn divisor(self, width: u32, height: u32) -> u32 {
        let (side, least) = match self {
            Self::Shorter(least) => (width.min(height), least),
            Self::Longer(least) => (width.max(height), least),
        };
        side.checked_div(least).unwrap_or(0)
    }
}
