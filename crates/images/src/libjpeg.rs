use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};

use image::{DynamicImage, ImageError, RgbImage};
use mozjpeg::{ColorSpace, Decompress};

use crate::DecodeError;

/// Decodes a colour or grayscale JPEG with libjpeg-turbo's arithmetic (by way of its descendant MozJPEG), which gives
/// Pillow's and TorchVision's pixels to the bit. `None` for the other kinds, CMYK among them, of which libjpeg makes no
/// RGB either.
pub(crate) fn decode(bytes: &[u8]) -> Result<Option<DynamicImage>, DecodeError> {
    // The library reports broken data by unwinding, without a panic's message.
    let outcome = catch_unwind(AssertUnwindSafe(|| pixels(bytes)));
    let outcome =
        outcome.unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::InvalidData, "broken JPEG data")));
    outcome.map_err(|error| DecodeError::from(ImageError::IoError(error)))
}

fn pixels(bytes: &[u8]) -> io::Result<Option<DynamicImage>> {
    let decoder = Decompress::new_mem(bytes)?;
    let rgb_can_be_made = [ColorSpace::JCS_YCbCr, ColorSpace::JCS_RGB, ColorSpace::JCS_GRAYSCALE];
    if !rgb_can_be_made.contains(&decoder.color_space()) {
        return Ok(None);
    }
    let mut started = decoder.rgb()?;
    let (width, height) = (started.width(), started.height());
    let pixels: Vec<u8> = started.read_scanlines::<u8>()?;
    started.finish()?;
    let size = u32::try_from(width).ok().zip(u32::try_from(height).ok());
    Ok(size.and_then(|(width, height)| RgbImage::from_raw(width, height, pixels)).map(DynamicImage::from))
}
