use std::fs;
use std::path::Path;

use image::{DynamicImage, RgbImage};

use crate::decoding::{Decoded, Decoding, Narrow};
use crate::format::{self, Format};
use crate::{Error, codecs, jpeg, orientation};

/// Version of the decoders; raised when they give other pixels for any format (0 and 1 had zune-jpeg).
pub const VERSION: u32 = 3;

/// Reads an image file as RGB, as Pillow's `ImageOps.exif_transpose(Image.open(path)).convert("RGB")` gives it.
///
/// The content decides about the format, not the extension. Orientation is applied, alpha is dropped (not blended), the
/// first frame of an animation and the first page are taken, and of 16 bits the upper 8 are kept. The last is where it
/// differs from Pillow: that clips 16-bit grayscale at 255, which turns nearly every such image white. Where Pillow would
/// clip other numbers, they are refused.
///
/// # Errors
/// Everything that gives no whole image: see [`Error`].
pub fn decode(path: &Path) -> Result<RgbImage, Error> {
    Ok(decode_for(path, Decoding::default())?.image)
}

/// Returns as much as `decoding` asks for: a JPEG may come out smaller, and 16 bits are read in their range.
///
/// # Errors
/// As [`decode`].
pub fn decode_for(path: &Path, decoding: Decoding) -> Result<Decoded, Error> {
    decode_bytes(&read(path)?, decoding)
}

/// Reads the bytes of an image file.
///
/// # Errors
/// [`Error::NotAFile`] and [`Error::Read`].
pub fn read(path: &Path) -> Result<Vec<u8>, Error> {
    // Reading a named pipe would wait for ever.
    if !fs::metadata(path)?.is_file() {
        return Err(Error::NotAFile);
    }
    Ok(fs::read(path)?)
}

/// Decodes a file in memory, as [`decode_for`].
///
/// # Errors
/// As [`decode`], but for those of reading.
pub fn decode_bytes(bytes: &[u8], decoding: Decoding) -> Result<Decoded, Error> {
    if bytes.is_empty() {
        return Err(Error::Empty);
    }
    let Some(format) = Format::of(bytes) else {
        return Err(match format::foreign(bytes) {
            Some(foreign) => Error::Foreign { what: foreign.what, advice: foreign.advice.words() },
            None => Error::UnknownFormat,
        });
    };
    let mut narrow = Narrow::to(decoding.range);
    let pixels = match codecs::decode(bytes, format, &mut narrow) {
        Some(outcome) => outcome?,
        None => jpeg::decode(bytes, decoding.least)?,
    };
    let mut image = DynamicImage::from(pixels);
    image.apply_orientation(orientation::of(bytes, format));
    Ok(Decoded { image: image.into_rgb8(), brightest: narrow.brightest() })
}
