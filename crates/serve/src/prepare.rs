//! From the bytes of a body to pixels, within limits.

use image_file::{Format, decode_bytes, dimensions};
use images::{Shown, Transform};

use crate::refusal::Refusal;

/// Returns an image as the network reads it. Its size is looked at before anything is decoded.
pub(crate) fn prepare(bytes: &[u8], transform: &Transform, most_pixels: u64) -> Result<Shown, Refusal> {
    let words = |error: image_file::Error| match error {
        image_file::Error::UnknownFormat => {
            Refusal::NotAnImage("not an image; send JPEG, PNG or WebP".to_owned())
        }
        error => Refusal::NotAnImage(error.to_string()),
    };
    match Format::of(bytes) {
        Some(Format::Jpeg | Format::Png | Format::WebP) => {}
        Some(other) => {
            return Err(Refusal::NotAnImage(format!("a {} file; send JPEG, PNG or WebP", other.name())));
        }
        None if bytes.starts_with(b"--") => return Err(Refusal::Form),
        None => {}
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
