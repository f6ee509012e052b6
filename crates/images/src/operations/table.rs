use super::blend::blend;
use super::{Square, luma};

/// For each 8-bit value the result.
pub(super) struct Table([u8; 256]);

impl Table {
    /// Pillow's `ImageEnhance.Brightness`: away from black.
    pub(super) fn brightness(factor: f64) -> Self {
        Self(std::array::from_fn(|value| blend(0, value as u8, factor as f32)))
    }

    /// Pillow's `ImageEnhance.Contrast`: away from the mean of the gray image, rounded.
    pub(super) fn contrast(square: &Square<'_>, factor: f64) -> Self {
        let sum: u64 = match square.channels {
            3 => square.bytes.chunks_exact(3).map(|rgb| u64::from(luma(rgb))).sum(),
            _ => square.bytes.iter().copied().map(u64::from).sum(),
        };
        let pixels = (square.side * square.side).max(1);
        let mean = (sum as f64 / pixels as f64 + 0.5) as u8;
        Self(std::array::from_fn(|value| blend(mean, value as u8, factor as f32)))
    }

    /// Pillow's `ImageOps.posterize`.
    pub(super) fn posterize(bits: u32) -> Self {
        let mask = !(255u32 >> bits.min(8)) as u8;
        Self(std::array::from_fn(|value| value as u8 & mask))
    }

    /// Pillow's `ImageOps.solarize`.
    pub(super) fn solarize(threshold: f64) -> Self {
        Self(std::array::from_fn(
            |value| {
                if (value as f64) < threshold { value as u8 } else { 255 - value as u8 }
            },
        ))
    }

    pub(super) fn apply(&self, square: &mut Square<'_>) {
        for value in square.bytes.iter_mut() {
            *value = self.0[usize::from(*value)];
        }
    }
}

/// Gives each channel the table that its histogram asks for.
pub(super) fn per_channel(square: &mut Square<'_>, table: fn(&[u32; 256]) -> [u8; 256]) {
    for channel in 0..square.channels {
        let values = || (channel..square.bytes.len()).step_by(square.channels);
        let mut histogram = [0; 256];
        values().for_each(|at| histogram[usize::from(square.bytes[at])] += 1);
        let table = table(&histogram);
        for value in square.bytes.iter_mut().skip(channel).step_by(square.channels) {
            *value = table[usize::from(*value)];
        }
    }
}

/// Pillow's `ImageOps.autocontrast`.
pub(super) fn auto_contrast(histogram: &[u32; 256]) -> [u8; 256] {
    let lowest = histogram.iter().position(|&count| count > 0).unwrap_or(0);
    let highest = histogram.iter().rposition(|&count| count > 0).unwrap_or(0);
    if highest <= lowest {
        return identity();
    }
    let scale = 255.0 / (highest - lowest) as f64;
    let offset = -(lowest as f64) * scale;
    std::array::from_fn(|value| (value as f64 * scale + offset) as u8)
}

/// Pillow's `ImageOps.equalize`.
pub(super) fn equalize(histogram: &[u32; 256]) -> [u8; 256] {
    let total: u32 = histogram.iter().sum();
    let last = histogram.iter().rev().find(|&&count| count > 0).copied().unwrap_or(0);
    let step = (total - last) / 255;
    if step == 0 {
        return identity();
    }
    let mut below = step / 2;
    std::array::from_fn(|value| {
        let level = (below / step).min(255) as u8;
        below += histogram[value];
        level
    })
}

fn identity() -> [u8; 256] {
    std::array::from_fn(|value| value as u8)
}
