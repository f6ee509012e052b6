//! Operations on the 8-bit square, each what Pillow makes of an image of mode RGB or L, most of them to the bit.
//! No crate does: imageproc, for one, rounds differently and has no hue.

mod affine;
mod blend;
mod blur;
mod hue;
mod sampling;
mod table;

pub use sampling::Sampling;

use affine::Affine;
use table::Table;

/// A square image `[side, side, channels]` and a second one of the same size for operations that read neighbours.
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
    /// Mirror above and below.
    VerticalFlip,
    /// Counterclockwise by quarters of a circle, to the pixel.
    QuarterTurns(u32),
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
    /// 0 is black, 1 the image itself.
    Brightness(f64),
    /// 0 is gray, 1 the image itself: Pillow's "Color".
    Saturation(f64),
    /// 0 is the mean gray, 1 the image itself.
    Contrast(f64),
    /// 0 is smoothed, 1 the image itself.
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
    /// Each pixel's own gray in all channels.
    Gray,
    /// Gaussian blur, both in pixels.
    Blur {
        kernel: u32,
        sigma: f64,
    },
}

impl Operation {
    pub(crate) fn apply(self, square: &mut Square<'_>, sampling: Sampling) {
        use Operation::*;
        match self {
            Identity => {}
            HorizontalFlip => square.mirror(),
            VerticalFlip => square.upend(),
            QuarterTurns(quarters) => square.turn(quarters),
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
            Gray => blend::gray(square),
            Blur { kernel, sigma } => blur::gaussian(square, kernel, sigma),
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

impl Square<'_> {
    fn upend(&mut self) {
        let (side, stride) = (self.side, self.side * self.channels);
        for y in 0..side / 2 {
            let (above, below) = self.bytes.split_at_mut((side - 1 - y) * stride);
            above[y * stride..][..stride].swap_with_slice(&mut below[..stride]);
        }
    }

    fn turn(&mut self, quarters: u32) {
        let (side, channels) = (self.side, self.channels);
        let last = side - 1;
        // Where the pixel in this row and column of the result is read.
        let from = |y: usize, x: usize| match quarters % 4 {
            0 => (y, x),
            1 => (x, last - y),
            2 => (last - y, last - x),
            _ => (last - x, y),
        };
        self.spare.clone_from(self.bytes);
        for (at, pixel) in self.bytes.chunks_exact_mut(channels).enumerate() {
            let (y, x) = from(at / side, at % side);
            pixel.copy_from_slice(&self.spare[(y * side + x) * channels..][..channels]);
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
