//! From the bytes of a body to pixels, within limits.

use image_file::{Format, decode_bytes, dimensions};
use images::{Shown, Transform};

use crate::refusal::Refusal;

/// Returns an image as the network reads it. Its size is looked at before anything is decoded.
pub(crate) fn prepare(bytes: &[u8], transform: &Transform, most_pixels: u64) -> Result<Shown, Refusal> {
    let words = |error: image_file::Error| Refusal::NotAnImage(error.to_string());
    let known = Format::of(bytes);
    if known.is_some_and(|format| !matches!(format, Format::Jpeg | Format::Png | Format::WebP)) {
        let name = known.map_or("", Format::name);
        return Err(Refusal::NotAnImage(format!("a {name} file; send JPEG, PNG or WebP")));
    }
    if let Some([width, height]) = dimensions(bytes)
        && u64::from(width) * u64::from(height) > most_pixels
    {
        let millions = most_pixels / 1_000_000;
        return Err(Refusal::NotAnImage(format!("{width}x{height} pixels are more than {millions} million")));
    }
    let image = decode_bytes(bytes, transform.decoding()).map_err(words)?.image;
    transform.show(&image).map_err(|error| Refusal::NotAnImage(error.to_string()))
}
