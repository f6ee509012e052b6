use std::borrow::Cow;

use image::RgbImage;

use super::{check_size, simple};
use crate::Error;
use crate::decoding::Narrow;
use crate::format::Format;

/// Where numbers stand in a file with the header that has them all (`BITMAPINFOHEADER` and later).
const DATA: usize = 10;
const HEADER_SIZE: usize = 14;
const WIDTH: usize = 18;
const HEIGHT: usize = 22;
const BITS: usize = 28;
const COMPRESSION: usize = 30;

/// Decodes a BMP. Pixels that its runs leave out have the first colour of the palette, as from Pillow; zeros that pad the
/// last row may be missing.
pub(super) fn decode(bytes: &[u8], narrow: &mut Narrow) -> Result<RgbImage, Error> {
    let bytes = match Runs::of(bytes) {
        Some(runs) => Cow::Owned(runs?.unpacked(bytes)?),
        None => Cow::Borrowed(bytes),
    };
    match simple::decode(&bytes, Format::Bmp, narrow) {
        Err(Error::Truncated) => {
            simple::decode(&[&bytes[..], &[0; 3][..padding(&bytes)]].concat(), Format::Bmp, narrow)
        }
        outcome => outcome,
    }
}

/// Bytes that fill a row up to a multiple of four.
fn padding(bytes: &[u8]) -> usize {
    let short = |at: usize| {
        bytes.get(at..at + 2).map_or(0, |part| usize::from(u16::from_le_bytes([part[0], part[1]])))
    };
    // The oldest header has numbers of two bytes.
    let (width, bits) = match short(HEADER_SIZE) {
        12 => (short(WIDTH), short(24)),
        _ => (short(WIDTH) | short(WIDTH + 2) << 16, short(BITS)),
    };
    width.saturating_mul(bits).div_ceil(8).wrapping_neg() % 4
}

/// A BMP whose pixels are written as runs.
struct Runs {
    /// Two pixels a byte.
    nibbles: bool,
    width: usize,
    height: usize,
    /// Where the runs begin.
    data: usize,
}

impl Runs {
    fn of(bytes: &[u8]) -> Option<Result<Runs, Error>> {
        let long = |at: usize| {
            bytes.get(at..at + 4).map(|part| u32::from_le_bytes([part[0], part[1], part[2], part[3]]))
        };
        let bits = bytes.get(BITS..BITS + 2).map(|part| u16::from_le_bytes([part[0], part[1]]));
        let nibbles = match (long(COMPRESSION)?, bits?) {
            (1, 8) => false,
            (2, 4) => true,
            _ => return None,
        };
        (long(HEADER_SIZE)? >= 40).then_some(())?;
        let (width, height) = (long(WIDTH)?, long(HEIGHT)?.cast_signed().unsigned_abs());
        let data = long(DATA)? as usize;
        Some(check_size(width, height, 8).map(|()| Runs {
            nibbles,
            width: width as usize,
            height: height as usize,
            data,
        }))
    }

    /// The same file without runs, of 8 bits a pixel.
    fn unpacked(&self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let indices = self.indices(bytes)?;
        let mut file = bytes[..self.data.min(bytes.len())].to_vec();
        if self.nibbles {
            // The palette of 16 stays as it is, if the file says that it has 16.
            file[46..50].copy_from_slice(&16_u32.to_le_bytes());
            file[BITS..BITS + 2].copy_from_slice(&8_u16.to_le_bytes());
        }
        file[COMPRESSION..COMPRESSION + 4].fill(0);
        for row in indices.chunks_exact(self.width) {
            file.extend(row);
            file.resize(file.len() + self.width.wrapping_neg() % 4, 0);
        }
        Ok(file)
    }

    /// The index of each pixel, in the order of the file (`PIL/BmpImagePlugin.py`, `BmpRleDecoder`).
    fn indices(&self, bytes: &[u8]) -> Result<Vec<u8>, Error> {
        let size = self.width * self.height;
        let mut out = Vec::with_capacity(size);
        let (mut x, mut at) = (0, self.data);
        let pair = |at: usize| bytes.get(at..at + 2).map(|pair| (pair[0], pair[1])).ok_or(Error::Truncated);
        while out.len() < size {
            let (count, value) = pair(at)?;
            at += 2;
            match (usize::from(count), value) {
                (0, 0) => {
                    out.resize(out.len().next_multiple_of(self.width), 0);
                    x = 0;
                }
                (0, 1) => return Err(Error::Truncated),
                (0, 2) => {
                    let (right, up) = pair(at)?;
                    at += 2;
                    out.resize(size.min(out.len() + usize::from(right) + usize::from(up) * self.width), 0);
                    x = out.len() % self.width;
                }
                (0, literal) => {
                    let count = usize::from(literal).min(size - out.len());
                    let length = if self.nibbles { count.div_ceil(2) } else { count };
                    let stored = bytes.get(at..at + length).ok_or(Error::Truncated)?;
                    if self.nibbles {
                        out.extend(stored.iter().flat_map(|byte| [byte >> 4, byte & 15]).take(count));
                    } else {
                        out.extend(stored);
                    }
                    at += length;
                    x += usize::from(literal);
                    // Each run begins at an even place of the file.
                    at += at % 2;
                }
                (count, value) => {
                    let count = count.min(self.width.saturating_sub(x));
                    if self.nibbles {
                        out.extend([value >> 4, value & 15].into_iter().cycle().take(count));
                    } else {
                        out.resize(out.len() + count, value);
                    }
                    x += count;
                }
            }
        }
        out.truncate(size);
        Ok(out)
    }
}
