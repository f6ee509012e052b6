use image::RgbImage;
use libjpeg::{Decoder, Reduction, Size};

use crate::Error;
use crate::decoding::Least;
use crate::limits::{MAX_BYTES, MAX_PIXELS};

/// Decodes a JPEG to RGB as Pillow's `convert("RGB")` gives it, to the bit; its orientation is not applied.
///
/// With `least`, an image that is more than twice as large as that comes out at a half, a quarter or an eighth of its size,
/// with `least` pixels or more: of each block of 8 x 8 only the lower frequencies are turned into pixels, which is
/// most of the work. Colours and refusals are the same at every size, because the decoder is.
///
/// # Errors
/// [`Error::TooLarge`], [`Error::Truncated`] and [`Error::Jpeg`].
pub(crate) fn decode(bytes: &[u8], least: Option<Least>) -> Result<RgbImage, Error> {
    let decoder = Decoder::new(bytes, MAX_BYTES as usize)?;
    let Size { width, height } = decoder.size();
    if u64::from(width) * u64::from(height) > MAX_PIXELS {
        return Err(Error::TooLarge { width, height, limit: MAX_PIXELS });
    }
    let rgb = decoder.rgb(least.map_or(Reduction::Whole, |least| reduction(least.divisor(width, height))))?;
    RgbImage::from_raw(rgb.size.width, rgb.size.height, rgb.pixels).ok_or(Error::Empty)
}

/// By as much as this at most.
fn reduction(divisor: u32) -> Reduction {
    match divisor {
        0..2 => Reduction::Whole,
        2..4 => Reduction::Half,
        4..8 => Reduction::Quarter,
        8.. => Reduction::Eighth,
    }
}

impl From<libjpeg::Error> for Error {
    fn from(error: libjpeg::Error) -> Error {
        match error {
            libjpeg::Error::Truncated => Error::Truncated,
            other => Error::Jpeg(other),
        }
    }
}
