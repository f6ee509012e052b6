//! Width and height by the header, before anything is decoded.

use libjpeg::Decoder;

use crate::format::Format;
use crate::limits::MAX_BYTES;

/// Returns width and height of a JPEG, PNG or WebP as its header says, in pixels, before it is turned upright; `None` for other
/// formats and where the header is damaged.
#[must_use]
pub fn dimensions(bytes: &[u8]) -> Option<[u32; 2]> {
    match Format::of(bytes)? {
        Format::Jpeg => {
            let size = Decoder::new(bytes, MAX_BYTES as usize).ok()?.size();
            Some([size.width, size.height])
        }
        // The first chunk is the header: length, IHDR, width, height.
        Format::Png if bytes.get(12..16)? == b"IHDR" => {
            let number = |at: usize| Some(u32::from_be_bytes(*bytes.get(at..at + 4)?.first_chunk()?));
            Some([number(16)?, number(20)?])
        }
        Format::WebP => webp(bytes),
        _ => None,
    }
}

/// The first chunk after `RIFF....WEBP` (RFC 9649).
fn webp(bytes: &[u8]) -> Option<[u32; 2]> {
    let data = bytes.get(20..)?;
    let number = |at: usize, count: usize| {
        let digits = data.get(at..at + count)?.iter().rev();
        Some(digits.fold(0u32, |sum, &digit| sum << 8 | u32::from(digit)))
    };
    match bytes.get(12..16)? {
        b"VP8X" => Some([number(4, 3)? + 1, number(7, 3)? + 1]),
        b"VP8L" if data.first() == Some(&0x2F) => {
            let bits = number(1, 4)?;
            Some([(bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1])
        }
        b"VP8 " if data.get(3..6) == Some(b"\x9D\x01\x2A") => {
            Some([number(6, 2)? & 0x3FFF, number(8, 2)? & 0x3FFF])
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use image::{ImageFormat, RgbImage};

    use super::*;

    #[test]
    fn a_header_says_what_decoding_gives() {
        for (width, height) in [(1, 1), (300, 7), (17, 513)] {
            for format in [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Bmp] {
                let mut bytes = Cursor::new(Vec::new());
                RgbImage::new(width, height).write_to(&mut bytes, format).unwrap();
                let bytes = bytes.into_inner();
                let expected = (format != ImageFormat::Bmp).then_some([width, height]);
                assert_eq!(dimensions(&bytes), expected, "{format:?}");
                // However much of it is missing, nothing breaks.
                for length in 0..bytes.len().min(64) {
                    let _ = dimensions(&bytes[..length]);
                }
            }
        }
        // Lossy (VP8) and extended (VP8X), from the headers of cwebp's files of 550 x 368 pixels.
        let lossy = b"RIFF\0\0\0\0WEBPVP8 \0\0\0\0\0\0\0\x9D\x01\x2A\x26\x02\x70\x01";
        assert_eq!(dimensions(lossy), Some([550, 368]));
        let extended = b"RIFF\0\0\0\0WEBPVP8X\x0A\0\0\0\0\0\0\0\x25\x02\0\x6F\x01\0";
        assert_eq!(dimensions(extended), Some([550, 368]));
    }
}
