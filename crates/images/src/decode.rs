use std::fs;
use std::path::Path;

use image::{DynamicImage, RgbImage};

use crate::decoding::{Decoded, Decoding, Narrow};
use crate::format::{self, Format};
use crate::{DecodeError, codecs, jpeg, orientation};

/// Where Pillow, too, sees a decompression bomb (`PIL/Image.py`, twice `MAX_IMAGE_PIXELS`).
pub(crate) const MAX_PIXELS: u64 = 178_956_970;

/// What a decoder may allocate.
pub(crate) const MAX_BYTES: u64 = 1 << 30;

/// Reads an image file as RGB, as Pillow's `ImageOps.exif_transpose(Image.open(path)).convert("RGB")` gives it.
///
/// The content decides about the format, not the extension. Orientation is applied, alpha is dropped (not blended), the
/// first frame of an animation and the first page are taken, and of 16 bits the upper 8 are kept. The last is where it
/// differs from Pillow: that clips 16-bit grayscale at 255, which turns nearly every such image white. Where Pillow would
/// clip other numbers, they are refused.
///
/// # Errors
/// Everything that gives no whole image: see [`DecodeError`].
pub fn decode(path: &Path) -> Result<RgbImage, DecodeError> {
    Ok(decode_for(path, Decoding::default())?.image)
}

/// As [`decode`], as far as it is needed; a JPEG may come out smaller, and 16 bits are read in their range.
pub(crate) fn decode_for(path: &Path, decoding: Decoding) -> Result<Decoded, DecodeError> {
    decode_bytes(&read(path)?, decoding)
}

/// An image file as it is.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, DecodeError> {
    // Reading a named pipe would wait for ever.
    if !fs::metadata(path)?.is_file() {
        return Err(DecodeError::NotAFile);
    }
    Ok(fs::read(path)?)
}

/// As [`decode_for`], of a file in memory.
pub(crate) fn decode_bytes(bytes: &[u8], decoding: Decoding) -> Result<Decoded, DecodeError> {
    if bytes.is_empty() {
        return Err(DecodeError::Empty);
    }
    let Some(format) = Format::of(bytes) else {
        return Err(match format::foreign(bytes) {
            Some(foreign) => DecodeError::Foreign { what: foreign.what, advice: foreign.advice.words() },
            None => DecodeError::UnknownFormat,
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
