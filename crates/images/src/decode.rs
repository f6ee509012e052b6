use std::fs;
use std::io::Cursor;
use std::path::Path;

use image::metadata::Orientation;
use image::{DynamicImage, ImageBuffer, ImageDecoder, ImageFormat, ImageReader, Limits, Pixel, RgbImage};
use pretrained::SampleRange;

use crate::decoding::{Decoded, Decoding, Least};
use crate::{DecodeError, jpeg, scaled};

/// Where Pillow, too, sees a decompression bomb (`PIL/Image.py`, twice `MAX_IMAGE_PIXELS`).
const MAX_PIXELS: u64 = 178_956_970;

/// What a decoder may allocate.
const MAX_BYTES: u64 = 1 << 30;

/// Reads a picture file as RGB, as Pillow's `ImageOps.exif_transpose(Image.open(path)).convert("RGB")` gives it.
///
/// The content decides about the format, not the extension. EXIF orientation is applied, alpha is dropped (not
/// blended), the first frame of an animation is taken, and of 16 bits the upper 8 are kept. The last is where it
/// differs from Pillow: that clips 16-bit grayscale at 255, which turns nearly every such picture white.
///
/// # Errors
/// Everything that gives no whole picture: see [`DecodeError`].
pub fn decode(path: &Path) -> Result<RgbImage, DecodeError> {
    Ok(decode_for(path, Decoding::default())?.image)
}

/// As [`decode`], as far as it is needed; a JPEG may come out smaller, and 16 bits are read in their range.
pub(crate) fn decode_for(path: &Path, decoding: Decoding) -> Result<Decoded, DecodeError> {
    decode_bytes(&read(path)?, decoding)
}

/// A picture file as it is.
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
    let format = image::guess_format(bytes).map_err(|_| DecodeError::UnknownFormat)?;
    if format == ImageFormat::Jpeg && !jpeg::is_complete(bytes) {
        return Err(DecodeError::Truncated);
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
    let of_jpeg = if format == ImageFormat::Jpeg { jpeg_otherwise(bytes, decoding.least)? } else { None };
    let mut picture = match of_jpeg {
        Some(picture) => picture,
        None => DynamicImage::from_decoder(decoder)?,
    };
    picture.apply_orientation(orientation);
    Ok(to_rgb(picture, decoding.range))
}

/// A JPEG decoded in another way than usual, where that is asked for.
fn jpeg_otherwise(bytes: &[u8], least: Option<Least>) -> Result<Option<DynamicImage>, DecodeError> {
    if let Some(picture) = least.and_then(|least| scaled::decode(bytes, least)) {
        return Ok(Some(picture));
    }
    #[cfg(feature = "libjpeg-turbo")]
    return crate::libjpeg::decode(bytes);
    #[cfg(not(feature = "libjpeg-turbo"))]
    Ok(None)
}

fn to_rgb(picture: DynamicImage, range: Option<SampleRange>) -> Decoded {
    match picture {
        DynamicImage::ImageLuma16(wide) => narrow(&wide, range, |[l]: [u16; 1]| [l, l, l]),
        DynamicImage::ImageLumaA16(wide) => narrow(&wide, range, |[l, _]: [u16; 2]| [l, l, l]),
        DynamicImage::ImageRgb16(wide) => narrow(&wide, range, |rgb: [u16; 3]| rgb),
        DynamicImage::ImageRgba16(wide) => narrow(&wide, range, |[r, g, b, _]: [u16; 4]| [r, g, b]),
        narrow => Decoded { image: narrow.into_rgb8(), brightest: None },
    }
}

/// The upper 8 of 16 bits, or what they are in a range, and the largest value among the colours.
fn narrow<P: Pixel<Subpixel = u16>, const N: usize>(
    wide: &ImageBuffer<P, Vec<u16>>,
    range: Option<SampleRange>,
    to_rgb: impl Fn([u16; N]) -> [u16; 3],
) -> Decoded {
    let to_byte = |value: u16| range.map_or((value >> 8) as u8, |range| range.to_byte(value));
    let mut brightest = 0;
    let image = RgbImage::from_fn(wide.width(), wide.height(), |x, y| {
        let channels = wide.get_pixel(x, y).channels();
        let rgb = to_rgb(std::array::from_fn(|channel| channels[channel]));
        brightest = rgb.into_iter().fold(brightest, u16::max);
        image::Rgb(rgb.map(to_byte))
    });
    Decoded { image, brightest: Some(brightest) }
}
