use super::chunks::{self, Chunk};
use super::layout::{Layout, Numbers, Photometric, Predictor};
use super::refused;
use crate::Error;
use crate::decoding::Narrow;
use crate::exif::Order;

/// Reads all samples as bytes, `[height, width, samples]`: indices as they are, levels of fewer bits spread over 0 to 255,
/// of 12 the upper 8, of 16 what `narrow` makes of those that are light.
///
/// Numbers of 32 bits, and signed ones, have no range of their own. They are taken as they are, cut at the point, where
/// all of them are brightnesses from 0 to 255, which is what Pillow makes of them; it clips the others in silence.
pub(super) fn read(bytes: &[u8], layout: &Layout, narrow: &mut Narrow) -> Result<Vec<u8>, Error> {
    let mut all = vec![0; layout.width * layout.height * layout.samples];
    let mut range = Range { lowest: f64::INFINITY, highest: f64::NEG_INFINITY, odd: false };
    for chunk in layout.chunks() {
        let row_bytes = layout.row_bytes();
        let mut unpacked = chunks::unpacked(bytes, layout, &chunk, row_bytes * chunk.rows)?;
        for (row, y) in unpacked.chunks_exact_mut(row_bytes).take(chunk.height).zip(chunk.top..) {
            chunks::undo_predictor(row, layout)?;
            let start = (y * layout.width + chunk.left) * layout.samples;
            let out = &mut all[start..][..chunk.width * layout.samples];
            spread(row, layout, &chunk, out, &mut range, narrow);
        }
    }
    range.check(layout)?;
    Ok(all)
}

/// One row of a chunk to its place among the samples of the image.
fn spread(
    row: &[u8],
    layout: &Layout,
    chunk: &Chunk,
    out: &mut [u8],
    range: &mut Range,
    narrow: &mut Narrow,
) {
    let (from, to) = (layout.together(), layout.samples);
    let count = chunk.width * from;
    // Where the chunk's sample of that number goes.
    let place = |index: usize| if layout.planar { index * to + chunk.sample } else { index };
    let order = if layout.predictor == Predictor::Float { Order::Big } else { layout.order };
    match layout.bits {
        8 if layout.numbers == Numbers::Unsigned && !layout.planar => out.copy_from_slice(&row[..count]),
        8 if layout.numbers == Numbers::Unsigned => {
            (0..count).for_each(|index| out[place(index)] = row[index]);
        }
        16 if layout.numbers == Numbers::Unsigned => {
            let colors = layout.light();
            for (index, value) in row.chunks_exact(2).take(count).enumerate() {
                let value = order.number(value) as u16;
                let sample = if layout.planar { chunk.sample } else { index % from };
                out[place(index)] = if sample < colors { narrow.byte(value) } else { (value >> 8) as u8 };
            }
        }
        bits @ (8 | 16 | 32) => {
            let wide = bits / 8;
            for (index, value) in row.chunks_exact(wide).take(count).enumerate() {
                let raw = order.number(value);
                let value = match (layout.numbers, bits) {
                    (Numbers::Float, _) => f64::from(f32::from_bits(raw as u32)),
                    (Numbers::Signed, 8) => f64::from(raw as u8 as i8),
                    (Numbers::Signed, 16) => f64::from(raw as u16 as i16),
                    (Numbers::Signed, _) => f64::from(raw as u32 as i32),
                    (Numbers::Unsigned, _) => raw as f64,
                };
                range.add(value);
                out[place(index)] = value as u8;
            }
        }
        bits => {
            let top = (1_u32 << bits) - 1;
            for index in 0..count {
                let value = number(row, index * bits, bits);
                out[place(index)] = match (layout.photometric, bits) {
                    (Photometric::Palette, _) => value as u8,
                    (_, 12) => (value >> 4) as u8,
                    _ => (value * 255 / top) as u8,
                };
            }
        }
    }
}

/// The number in `bits` bits, the highest first.
fn number(row: &[u8], start: usize, bits: usize) -> u32 {
    (start..start + bits).fold(0, |number, at| number << 1 | u32::from(row[at / 8] >> (7 - at % 8) & 1))
}

/// What numbers without a range of their own are.
struct Range {
    lowest: f64,
    highest: f64,
    /// Whether some are infinite or no numbers at all.
    odd: bool,
}

impl Range {
    fn add(&mut self, value: f64) {
        self.lowest = self.lowest.min(value);
        self.highest = self.highest.max(value);
        self.odd |= !value.is_finite();
    }

    fn check(&self, layout: &Layout) -> Result<(), Error> {
        let kind = match layout.numbers {
            Numbers::Float => "floating-point numbers",
            Numbers::Signed => "signed numbers",
            Numbers::Unsigned => "numbers",
        };
        let bits = layout.bits;
        if self.odd {
            return Err(refused(format!("of {bits}-bit {kind} that are not all finite")));
        }
        let fractions = layout.numbers == Numbers::Float && self.highest > 0.0 && self.highest <= 1.0;
        if self.lowest < 0.0 || self.highest > 255.0 || fractions {
            let (lowest, highest) = (self.lowest, self.highest);
            return Err(refused(format!(
                "of {bits}-bit {kind} from {lowest} to {highest} instead of brightnesses from 0 to 255"
            )));
        }
        Ok(())
    }
}
