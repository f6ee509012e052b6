use std::fs;
use std::io::Cursor;
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer, ImageDecoder, ImageFormat, ImageReader, Limits, Pixel, RgbImage};

use crate::{DecodeError, jpeg};

/// Where Pillow, too, sees a decompression bomb (`PIL/Image.py`, twice `MAX_IMAGE_PIXELS`).
pub(crate) const MAX_PIXELS: u64 = 178_956_970;

/// What a decoder may allocate.
pub(crate) const MAX_BYTES: u64 = 1 << 30;

/// Reads a picture file as RGB, as Pillow's `ImageOps.exif_transpose(Image.open(path)).convert("RGB")` gives it.
///
/// The content decides about the format, not the extension. EXIF orientation is applied, alpha is dropped (not
/// blended), the first frame of an animation is taken, and of 16 bits the upper 8 are kept. The last is where it
/// differs from Pillow: that clips 16-bit grayscale at 255, which turns nearly every such picture white.
///
/// # Errors
/// Everything that gives no whole picture: see [`DecodeError`].
pub fn decode(path: &Path) -> Result<RgbImage, DecodeError> {
    decode_at_least(path, None)
}

/// As [`decode`]; a JPEG whose shorter side is more than twice as long as is needed may come out smaller, but not smaller
/// than that.
pub(crate) fn decode_at_least(path: &Path, side: Option<u32>) -> Result<RgbImage, DecodeError> {
    decode_bytes(&read(path)?, side)
}

/// A picture file as it is.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, DecodeError> {
    // Reading a named pipe would wait for ever.
    if !fs::metadata(path)?.is_file() {
        return Err(DecodeError::NotAFile);
    }
    Ok(fs::read(path)?)
}

/// As [`decode_at_least`], of a file in memory.
pub(crate) fn decode_bytes(bytes: &[u8], least: Option<u32>) -> Result<RgbImage, DecodeError> {
    if bytes.is_empty() {
        return Err(DecodeError::Empty);
    }
    let format = image::guess_format(bytes).map_err(|_| DecodeError::UnknownFormat)?;
    if format == ImageFormat::Jpeg {
        let orientation = jpeg::exif(bytes).and_then(Orientation::from_exif_chunk);
        let mut picture = DynamicImage::from(jpeg::decode(bytes, least)?);
        picture.apply_orientation(orientation.unwrap_or(Orientation::NoTransforms));
        return Ok(to_rgb(picture));
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;

    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS || decoder.total_bytes() > MAX_BYTES {
        return Err(DecodeError::TooLarge { width, height, limit: MAX_PIXELS });
    }
    if width == 0 || height == 0 {
        return Err(DecodeError::Empty);
    }
    // A broken EXIF block does not spoil the picture.
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    Ok(to_rgb(picture))
}

fn to_rgb(picture: DynamicImage) -> RgbImage {
    match picture {
        DynamicImage::ImageLuma16(wide) => upper_bytes(&wide, |[l]: [u8; 1]| [l, l, l]),
        DynamicImage::ImageLumaA16(wide) => upper_bytes(&wide, |[l, _]: [u8; 2]| [l, l, l]),
        DynamicImage::ImageRgb16(wide) => upper_bytes(&wide, |rgb: [u8; 3]| rgb),
        DynamicImage::ImageRgba16(wide) => upper_bytes(&wide, |[r, g, b, _]: [u8; 4]| [r, g, b]),
        narrow => narrow.into_rgb8(),
    }
}

fn upper_bytes<P: Pixel<Subpixel = u16>, const N: usize>(
    wide: &ImageBuffer<P, Vec<u16>>,
    to_rgb: impl Fn([u8; N]) -> [u8; 3],
) -> RgbImage {
    RgbImage::from_fn(wide.width(), wide.height(), |x, y| {
        let channels = wide.get_pixel(x, y).channels();
        image::Rgb(to_rgb(std::array::from_fn(|channel| (channels[channel] >> 8) as u8)))
    })
}
