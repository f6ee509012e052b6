use std::borrow::Cow;
use std::io::Read;

use fax::Color;
use fax::decoder::{DecodeStatus, Group4Decoder, pels};
use flate2::read::ZlibDecoder;
use weezl::BitOrder;
use weezl::decode::Decoder as LzwDecoder;

use super::broken;
use super::layout::{Compression, Layout, Predictor};
use crate::Error;
use crate::exif::Order;

/// A strip or tile, of one sample where each has chunks of its own.
pub(super) struct Chunk {
    /// Which one.
    pub(super) index: usize,
    /// Which sample its numbers are, where each has chunks of its own, else 0.
    pub(super) sample: usize,
    /// Where its first pixel stands in the image.
    pub(super) left: usize,
    pub(super) top: usize,
    /// Pixels of the image in it; a tile may hold more.
    pub(super) width: usize,
    pub(super) height: usize,
    /// Rows that lie in the file: of the last strip fewer, of a tile all.
    pub(super) rows: usize,
}

impl Layout {
    /// Strips or tiles in the file's order.
    pub(super) fn chunks(&self) -> impl Iterator<Item = Chunk> + '_ {
        let across = self.width.div_ceil(self.chunk[0]);
        let plane = across * self.height.div_ceil(self.chunk[1]);
        (0..self.offsets.len()).map(move |index| {
            let place = index % plane;
            let (left, top) = (place % across * self.chunk[0], place / across * self.chunk[1]);
            let height = self.chunk[1].min(self.height - top);
            let rows = if self.tiled { self.chunk[1] } else { height };
            Chunk {
                index,
                sample: index / plane,
                left,
                top,
                width: self.chunk[0].min(self.width - left),
                height,
                rows,
            }
        })
    }

    /// Bytes of a row of a chunk.
    pub(super) fn row_bytes(&self) -> usize {
        (self.chunk[0] * self.together() * self.bits).div_ceil(8)
    }
}

/// The bytes of a chunk as they lie in the file.
pub(super) fn stored<'a>(bytes: &'a [u8], layout: &Layout, index: usize) -> Result<&'a [u8], Error> {
    let start = usize::try_from(layout.offsets[index]).unwrap_or(usize::MAX);
    let rest = bytes.get(start..).ok_or(Error::Truncated)?;
    let length = layout.lengths.as_ref().map_or(rest.len(), |lengths| lengths[index] as usize);
    Ok(&rest[..length.min(rest.len())])
}

/// The `size` bytes of a chunk, unpacked; numbers are in the file's order of bytes.
pub(super) fn unpacked(bytes: &[u8], layout: &Layout, chunk: &Chunk, size: usize) -> Result<Vec<u8>, Error> {
    let mut stored = Cow::Borrowed(stored(bytes, layout, chunk.index)?);
    if layout.compression == Compression::None {
        // Pillow reads uncompressed chunks without asking how long they are.
        let start = usize::try_from(layout.offsets[chunk.index]).unwrap_or(usize::MAX);
        let end = start.saturating_add(size);
        stored = Cow::Borrowed(bytes.get(start..end).ok_or(Error::Truncated)?);
    }
    if layout.reversed {
        stored = stored.iter().map(|byte| byte.reverse_bits()).collect::<Vec<u8>>().into();
    }
    match layout.compression {
        Compression::None => Ok(stored.into_owned()),
        Compression::Lzw => lzw(&stored, size),
        Compression::Deflate => {
            let mut out = vec![0; size];
            let mut decoder = ZlibDecoder::new(&stored[..]);
            decoder.read_exact(&mut out).map_err(|_| Error::Truncated)?;
            // The checksum stands behind the last byte.
            decoder.read(&mut [0]).map_err(|_| broken())?;
            Ok(out)
        }
        Compression::PackBits => pack_bits(&stored, size),
        Compression::Group4 => group4(&stored, layout, chunk),
        Compression::Jpeg => Err(broken()),
    }
}

/// Undoes the predictor of one row, in place. The floating-point one leaves the highest byte first.
pub(super) fn undo_predictor(row: &mut [u8], layout: &Layout) -> Result<(), Error> {
    let (step, order) = (layout.together(), layout.order);
    match (layout.predictor, layout.bits) {
        (Predictor::None, _) => {}
        (Predictor::Horizontal, 8) => {
            for at in step..row.len() {
                row[at] = row[at].wrapping_add(row[at - step]);
            }
        }
        (Predictor::Horizontal, bits @ (16 | 32)) => {
            let wide = bits / 8;
            for at in (step * wide..row.len()).step_by(wide) {
                let before = order.number(&row[at - step * wide..][..wide]);
                let sum = order.number(&row[at..at + wide]).wrapping_add(before);
                let sum = sum.to_le_bytes();
                for (place, byte) in row[at..at + wide].iter_mut().enumerate() {
                    *byte = sum[if order == Order::Little { place } else { wide - 1 - place }];
                }
            }
        }
        (Predictor::Float, 32) => {
            for at in step..row.len() {
                row[at] = row[at].wrapping_add(row[at - step]);
            }
            let count = row.len() / 4;
            let planes = row.to_vec();
            for (index, value) in row.chunks_exact_mut(4).enumerate() {
                for (place, byte) in value.iter_mut().enumerate() {
                    *byte = planes[place * count + index];
                }
            }
        }
        _ => return Err(broken()),
    }
    Ok(())
}

fn lzw(stored: &[u8], size: usize) -> Result<Vec<u8>, Error> {
    let mut decoder = LzwDecoder::with_tiff_size_switch(BitOrder::Msb, 8);
    let mut out = vec![0; size];
    let (mut read, mut written) = (0, 0);
    while written < size {
        let step = decoder.decode_bytes(&stored[read..], &mut out[written..]);
        read += step.consumed_in;
        written += step.consumed_out;
        step.status.map_err(|_| broken())?;
        if step.consumed_in == 0 && step.consumed_out == 0 {
            return Err(Error::Truncated);
        }
    }
    Ok(out)
}

fn pack_bits(stored: &[u8], size: usize) -> Result<Vec<u8>, Error> {
    let mut out = Vec::with_capacity(size);
    let mut rest = stored.iter().copied();
    while out.len() < size {
        match rest.next().ok_or(Error::Truncated)? {
            128 => {}
            count @ 0..128 => {
                let literal = usize::from(count) + 1;
                let before = out.len();
                out.extend(rest.by_ref().take(literal));
                if out.len() - before < literal {
                    return Err(Error::Truncated);
                }
            }
            count => {
                let value = rest.next().ok_or(Error::Truncated)?;
                out.extend(std::iter::repeat_n(value, 257 - usize::from(count)));
            }
        }
    }
    out.truncate(size);
    Ok(out)
}

/// Rows of bits of which 1 is black.
fn group4(stored: &[u8], layout: &Layout, chunk: &Chunk) -> Result<Vec<u8>, Error> {
    let width = u16::try_from(layout.chunk[0]).ok().filter(|_| layout.bits == 1 && layout.samples == 1);
    let width = width.ok_or_else(broken)?;
    let input = stored.iter().copied().map(Ok::<u8, std::convert::Infallible>);
    let Ok(mut decoder) = Group4Decoder::new(input, width);
    let mut out = Vec::with_capacity(chunk.rows * layout.row_bytes());
    for _ in 0..chunk.rows {
        match decoder.advance() {
            Ok(DecodeStatus::Incomplete) => {}
            Ok(DecodeStatus::End) | Err(_) => return Err(Error::Truncated),
        }
        let mut bits = pels(decoder.transition(), width).map(|color| u8::from(color == Color::Black));
        for _ in 0..layout.row_bytes() {
            out.push((0..8).fold(0, |byte, place| byte | bits.next().unwrap_or(0) << (7 - place)));
        }
    }
    Ok(out)
}
