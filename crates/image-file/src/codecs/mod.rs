//! The formats other than JPEG to RGB pixels, upright or not, as Pillow's `convert("RGB")` gives them.
//!
//! `png`, `gif`: row by row, so that a file counts as whole when all of its rows are there; `tiff`: every kind that Pillow
//! reads; `bmp`: what runs of BMP leave open; `simple`: WebP, PNM and other BMP, as the `image` crate reads them. Each refusal names the format.

mod bmp;
mod gif;
pub(crate) mod png;
mod simple;
mod tiff;

use image::RgbImage;

use crate::Error;
use crate::decoding::Narrow;
use crate::format::Format;
use crate::limits::{MAX_BYTES, MAX_PIXELS};

/// Decodes a file of this format. `None` for JPEG, which is decoded elsewhere.
///
/// # Errors
/// Everything that gives no whole image: see [`Error`].
pub(crate) fn decode(bytes: &[u8], format: Format, narrow: &mut Narrow) -> Option<Result<RgbImage, Error>> {
    match format {
        Format::Jpeg => None,
        Format::Png => Some(png::decode(bytes, narrow)),
        Format::Gif => Some(gif::decode(bytes)),
        Format::Tiff => Some(tiff::decode(bytes, narrow)),
        Format::Bmp => Some(bmp::decode(bytes, narrow)),
        Format::WebP | Format::Pnm => Some(simple::decode(bytes, format, narrow)),
    }
}

/// Refuses an empty image or a decompression bomb. `samples`: bytes that a pixel needs while it is decoded.
fn check_size(width: u32, height: u32, samples: u64) -> Result<(), Error> {
    let pixels = u64::from(width) * u64::from(height);
    if pixels == 0 {
        return Err(Error::Empty);
    }
    if pixels > MAX_PIXELS || pixels.saturating_mul(samples) > MAX_BYTES {
        return Err(Error::TooLarge { width, height, limit: MAX_PIXELS });
    }
    Ok(())
}

/// A kind of the format that is not read.
fn unsupported(format: Format, what: impl Into<String>) -> Error {
    Error::Unsupported { format: format.name(), what: what.into() }
}

/// Content that contradicts itself.
fn damaged(format: Format) -> Error {
    Error::Damaged { format: format.name() }
}
