//! Operations on the 8-bit square, each what Pillow makes of a picture of mode RGB or L, most of them to the bit.
//! No crate does: imageproc, for one, rounds differently and has no hue.

mod affine;
mod blend;
mod hue;
mod table;

use crate::Sampling;
use affine::Affine;
use table::Table;

/// A square picture `[side, side, channels]` and a second one of the same size for operations that read neighbours.
pub(crate) struct Square<'a> {
    pub(crate) bytes: &'a mut Vec<u8>,
    pub(crate) spare: &'a mut Vec<u8>,
    pub(crate) side: usize,
    pub(crate) channels: usize,
}

/// A change of the square, with its strength.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Operation {
    Identity,
    /// Mirror left and right.
    HorizontalFlip,
    /// Rows slide by this times their distance from the top.
    ShearX(f64),
    /// Columns slide by this times their distance from the left.
    ShearY(f64),
    /// To the right, in pixels.
    TranslateX(i32),
    /// Downwards, in pixels.
    TranslateY(i32),
    /// Counterclockwise about the centre, in degrees.
    Rotate(f64),
    /// 0 is black, 1 the picture itself.
    Brightness(f64),
    /// 0 is gray, 1 the picture itself: Pillow's "Color".
    Saturation(f64),
    /// 0 is the mean gray, 1 the picture itself.
    Contrast(f64),
    /// 0 is smoothed, 1 the picture itself.
    Sharpness(f64),
    /// By this part of the colour circle, -0.5 to 0.5.
    Hue(f64),
    /// Only this many upper bits are kept.
    Posterize(u32),
    /// Values from here on are inverted.
    Solarize(f64),
    /// Each channel is stretched over the whole range.
    AutoContrast,
    /// Each channel's histogram is made flat.
    Equalize,
}

impl Operation {
    pub(crate) fn apply(self, square: &mut Square<'_>, sampling: Sampling) {
        use Operation::*;
        match self {
            Identity => {}
            HorizontalFlip => square.mirror(),
            ShearX(shear) => Affine::shear_x(shear).apply(square, sampling),
            ShearY(shear) => Affine::shear_y(shear).apply(square, sampling),
            TranslateX(right) => Affine::translate(right, 0).apply(square, sampling),
            TranslateY(down) => Affine::translate(0, down).apply(square, sampling),
            Rotate(degrees) => Affine::rotate(degrees, square.side).apply(square, sampling),
            Brightness(factor) => Table::brightness(factor).apply(square),
            Contrast(factor) => Table::contrast(square, factor).apply(square),
            Saturation(factor) => blend::saturation(square, factor),
            Sharpness(factor) => blend::sharpness(square, factor),
            Hue(turn) => hue::turn(square, turn),
            Posterize(bits) => Table::posterize(bits).apply(square),
            Solarize(threshold) => Table::solarize(threshold).apply(square),
            AutoContrast => table::per_channel(square, table::auto_contrast),
            Equalize => table::per_channel(square, table::equalize),
        }
    }
}

impl Square<'_> {
    fn mirror(&mut self) {
        let channels = self.channels;
        for row in self.bytes.chunks_exact_mut(self.side * channels) {
            row.reverse();
            // Reversing the bytes has turned each pixel's channels round as well.
            row.chunks_exact_mut(channels).for_each(<[u8]>::reverse);
        }
    }
}

/// Pillow's RGB to L: 0.299 R + 0.587 G + 0.114 B in 16-bit fixed point (`libImaging/Convert.c`).
pub(crate) fn luma(rgb: &[u8]) -> u8 {
    let [r, g, b] = [rgb[0], rgb[1], rgb[2]].map(u32::from);
    ((r * 19_595 + g * 38_470 + b * 7_471 + 0x8000) >> 16) as u8
}

#[cfg(test)]
mod tests;
