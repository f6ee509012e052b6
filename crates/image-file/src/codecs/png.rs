use std::io::{self, Cursor};

use image::RgbImage;
use png::{BitDepth, ColorType, DecodeOptions, DecodingError, InterlaceInfo, Limits, Transformations};

use super::{check_size, damaged};
use crate::Error;
use crate::decoding::Narrow;
use crate::format::Format;
use crate::limits::MAX_BYTES;

/// Decodes the pixels in front of any animation: palettes looked up, alpha dropped, of 16 bits what `narrow` makes of them.
///
/// The image is whole when its last row is: what is cut off behind it is not missed. What protects the pixels is the
/// checksum of their stream, as in Pillow, and what protects header and palette are those of their chunks.
pub(super) fn decode(bytes: &[u8], narrow: &mut Narrow) -> Result<RgbImage, Error> {
    if !head_is_sound(bytes) {
        return Err(damaged(Format::Png));
    }
    let mut options = DecodeOptions::default();
    options.set_ignore_crc(true);
    options.set_ignore_adler32(false);
    let mut decoder = png::Decoder::new_with_options(Cursor::new(bytes), options);
    decoder.set_limits(Limits { bytes: MAX_BYTES as usize });
    // Metadata is read elsewhere, and may be wrong.
    decoder.set_ignore_text_chunk(true);
    decoder.set_ignore_iccp_chunk(true);
    decoder.set_transformations(Transformations::EXPAND);
    let (width, height) = decoder.read_header_info().map_err(refusal)?.size();
    check_size(width, height, 8)?;
    let mut reader = decoder.read_info().map_err(refusal)?;
    let (color, depth) = reader.output_color_type();
    let channels = color.samples();
    let wide = depth == BitDepth::Sixteen;
    if !(wide || depth == BitDepth::Eight) || color == ColorType::Indexed {
        return Err(damaged(Format::Png));
    }
    let size = channels * if wide { 2 } else { 1 };
    let stride = width as usize * size;
    let mut pixels = vec![0; stride * height as usize];
    if reader.info().interlaced {
        while let Some(row) = reader.next_interlaced_row().map_err(refusal)? {
            if let InterlaceInfo::Adam7(pass) = row.interlace() {
                png::expand_interlaced_row(&mut pixels, stride, row.data(), pass, 8 * size as u8);
            }
        }
    } else {
        for row in pixels.chunks_exact_mut(stride) {
            if reader.read_row(row).map_err(refusal)?.is_none() {
                return Err(Error::Truncated);
            }
        }
    }
    // What else is wrong behind the pixels does not concern them. The library has no other name for this error.
    if reader.finish().is_err_and(|error| error.to_string().contains("deflate")) {
        return Err(damaged(Format::Png));
    }
    if wide {
        pixels = narrowed(&pixels, channels, narrow);
    }
    let mut rgb = Vec::with_capacity(width as usize * height as usize * 3);
    match color {
        ColorType::Rgb => rgb = pixels,
        ColorType::Rgba => pixels.chunks_exact(4).for_each(|pixel| rgb.extend_from_slice(&pixel[..3])),
        ColorType::Grayscale | ColorType::GrayscaleAlpha | ColorType::Indexed => {
            pixels.chunks_exact(channels).for_each(|pixel| rgb.extend_from_slice(&[pixel[0]; 3]));
        }
    }
    RgbImage::from_raw(width, height, rgb).ok_or(Error::Empty)
}

/// Samples of 16 bits as bytes, `channels` a pixel; of an alpha the upper 8 bits.
fn narrowed(pixels: &[u8], channels: usize, narrow: &mut Narrow) -> Vec<u8> {
    let colors = if channels > 2 { 3 } else { 1 };
    let mut bytes = Vec::with_capacity(pixels.len() / 2);
    for pixel in pixels.chunks_exact(2 * channels) {
        for (channel, value) in pixel.chunks_exact(2).enumerate() {
            let value = u16::from_be_bytes([value[0], value[1]]);
            bytes.push(if channel < colors { narrow.byte(value) } else { (value >> 8) as u8 });
        }
    }
    bytes
}

/// Whether header, palette and transparent colours are as they were written.
fn head_is_sound(bytes: &[u8]) -> bool {
    let mut rest = bytes.get(8..).unwrap_or_default();
    while let Some(head) = rest.get(..8) {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let kind = &head[4..];
        if kind == b"IDAT" {
            break;
        }
        let (Some(body), Some(sum)) = (rest.get(8..8 + length), rest.get(8 + length..12 + length)) else {
            break;
        };
        let matters = kind[0].is_ascii_uppercase() || kind == b"tRNS";
        if matters && checksum(kind, body) != sum {
            return false;
        }
        rest = &rest[12 + length..];
    }
    true
}

/// The checksum of a chunk, as it is written behind it.
pub(crate) fn checksum(kind: &[u8], body: &[u8]) -> [u8; 4] {
    let mut sum = flate2::Crc::new();
    sum.update(kind);
    sum.update(body);
    sum.sum().to_be_bytes()
}

fn refusal(error: DecodingError) -> Error {
    match error {
        DecodingError::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => Error::Truncated,
        DecodingError::LimitsExceeded => Error::TooMuchMemory { limit: MAX_BYTES },
        _ => damaged(Format::Png),
    }
}
