use std::io::{self, Cursor};

use image::error::{ImageError, LimitErrorKind};
use image::{DynamicImage, ImageBuffer, ImageDecoder, ImageFormat, ImageReader, Limits, Pixel, RgbImage};

use super::{check_size, damaged, unsupported};
use crate::Error;
use crate::decoding::Narrow;
use crate::format::Format;
use crate::limits::MAX_BYTES;

/// Decodes BMP, WebP (of an animation the first frame) and PNM: alpha dropped, of 16 bits what `narrow` makes of them.
pub(super) fn decode(bytes: &[u8], format: Format, narrow: &mut Narrow) -> Result<RgbImage, Error> {
    let known = match format {
        Format::Bmp => ImageFormat::Bmp,
        Format::WebP => ImageFormat::WebP,
        _ => ImageFormat::Pnm,
    };
    if format == Format::WebP && !all_chunks_are_there(bytes) {
        return Err(Error::Truncated);
    }
    let unflagged = if format == Format::WebP { without_metadata(bytes) } else { None };
    let mut reader = ImageReader::with_format(Cursor::new(unflagged.as_deref().unwrap_or(bytes)), known);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MAX_BYTES);
    reader.limits(limits);
    let decoder = reader.into_decoder().map_err(|error| refusal(error, format))?;
    let (width, height) = decoder.dimensions();
    check_size(width, height, decoder.color_type().bytes_per_pixel().into())?;
    // PNM says its largest value itself, and the decoder has spread its values over all 16 bits.
    let mut whole = Narrow::to(None);
    let narrow = if format == Format::Pnm { &mut whole } else { narrow };
    DynamicImage::from_decoder(decoder)
        .map(|image| to_rgb(image, narrow))
        .map_err(|error| refusal(error, format))
}

/// Whether a WebP is as long as it says, and its chunks end where it ends: pixels of the lossy kind have no checksum, and
/// the bytes behind a gap would be read as them.
fn all_chunks_are_there(bytes: &[u8]) -> bool {
    let length = |at: usize| {
        bytes.get(at..at + 4).map(|part| u32::from_le_bytes([part[0], part[1], part[2], part[3]]) as usize)
    };
    let Some(end) = length(4).map(|size| size.saturating_add(8)).filter(|&end| end <= bytes.len()) else {
        return false;
    };
    let mut at = 12;
    while at + 8 <= end {
        let Some(size) = length(at + 4) else { return false };
        at = at.saturating_add(8).saturating_add(size);
        if at > end {
            return false;
        }
        at += size % 2;
    }
    true
}

/// An extended WebP that does not claim to hold EXIF or XMP: the decoder refuses a file that claims so in vain.
fn without_metadata(bytes: &[u8]) -> Option<Vec<u8>> {
    const EXIF_AND_XMP: u8 = 0x0C;
    let claims =
        bytes.get(12..16) == Some(b"VP8X") && bytes.get(20).is_some_and(|flags| flags & EXIF_AND_XMP != 0);
    claims.then(|| {
        let mut file = bytes.to_vec();
        file[20] &= !EXIF_AND_XMP;
        file
    })
}

/// Says in our words why, because the decoder's are not meant for users.
fn refusal(error: ImageError, format: Format) -> Error {
    match error {
        ImageError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => Error::Truncated,
        ImageError::Limits(error) => match error.kind() {
            LimitErrorKind::InsufficientMemory => Error::TooMuchMemory { limit: MAX_BYTES },
            _ => damaged(format),
        },
        ImageError::Unsupported(_) => unsupported(format, "of a kind"),
        _ => damaged(format),
    }
}

fn to_rgb(image: DynamicImage, narrow: &mut Narrow) -> RgbImage {
    match image {
        DynamicImage::ImageLuma16(wide) => bytes(&wide, narrow, |[l]: [u16; 1]| [l, l, l]),
        DynamicImage::ImageLumaA16(wide) => bytes(&wide, narrow, |[l, _]: [u16; 2]| [l, l, l]),
        DynamicImage::ImageRgb16(wide) => bytes(&wide, narrow, |rgb: [u16; 3]| rgb),
        DynamicImage::ImageRgba16(wide) => bytes(&wide, narrow, |[r, g, b, _]: [u16; 4]| [r, g, b]),
        others => others.into_rgb8(),
    }
}

fn bytes<P: Pixel<Subpixel = u16>, const N: usize>(
    wide: &ImageBuffer<P, Vec<u16>>,
    narrow: &mut Narrow,
    to_rgb: impl Fn([u16; N]) -> [u16; 3],
) -> RgbImage {
    RgbImage::from_fn(wide.width(), wide.height(), |x, y| {
        let channels = wide.get_pixel(x, y).channels();
        let rgb = to_rgb(std::array::from_fn(|channel| channels[channel]));
        image::Rgb(rgb.map(|value| narrow.byte(value)))
    })
}
