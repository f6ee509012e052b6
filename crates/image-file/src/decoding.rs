use std::num::NonZeroU16;

use image::RgbImage;

/// What a file is decoded for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decoding {
    /// What has to be left of a JPEG that is reduced while it is decoded; `None` decodes it whole.
    pub least: Option<Least>,
    /// Largest value of 16-bit data; without it the upper 8 bits are taken.
    pub range: Option<NonZeroU16>,
}

/// The size that a reduced image must not fall below, in pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Least {
    /// Of the shorter side.
    Shorter(u32),
    /// Of the longer side.
    Longer(u32),
}

/// An image out of a file.
#[derive(Clone, Debug)]
pub struct Decoded {
    /// Its pixels, upright.
    pub image: RgbImage,
    /// The largest value of its colours, where the file has 16 bits.
    pub brightest: Option<u16>,
}

/// Values of 16 bits as bytes; remembers the largest.
#[derive(Debug)]
pub(crate) struct Narrow {
    range: Option<NonZeroU16>,
    brightest: Option<u16>,
}

impl Narrow {
    /// In this range; without one the upper 8 bits are taken.
    pub(crate) fn to(range: Option<NonZeroU16>) -> Self {
        Self { range, brightest: None }
    }

    /// A value of a colour.
    pub(crate) fn byte(&mut self, value: u16) -> u8 {
        self.brightest = self.brightest.max(Some(value));
        self.range.map_or((value >> 8) as u8, |range| in_range(value, range))
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

/// A value of 16 bits as one of 8: `value * 255 / largest`, rounded to the nearest, and 255 beyond the largest.
fn in_range(value: u16, largest: NonZeroU16) -> u8 {
    let (value, largest) = (u32::from(value.min(largest.get())), u32::from(largest.get()));
    // At most 255, because the value is at most the largest.
    ((value * 255 + largest / 2) / largest) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_spread_over_a_byte_and_clipped() {
        // round(value * 255 / range)
        for (largest, value, byte) in [
            (4095, 0, 0),
            (4095, 2048, 128),
            (4095, 4095, 255),
            (4095, 65535, 255),
            (1023, 511, 127),
            (16383, 8192, 128),
            (65535, 65535, 255),
            (65535, 128, 0),
            (65535, 129, 1),
            (1, 1, 255),
        ] {
            assert_eq!(in_range(value, NonZeroU16::new(largest).unwrap()), byte, "{value} of {largest}");
        }
        // Eight bits stay what they are.
        assert!((0..=255).all(|value| in_range(value, NonZeroU16::new(255).unwrap()) == value as u8));
    }
}
