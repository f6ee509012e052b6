use super::{Sampling, Square};

/// Where in the source a pixel of the result is read: `(a x + b y + c, d x + e y + f)`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Affine([f64; 6]);

impl Affine {
    /// TorchVision's ShearX: about the upper left corner (`torchvision/transforms/autoaugment.py`).
    pub(super) fn shear_x(shear: f64) -> Self {
        Self([1.0, shear, 0.0, 0.0, 1.0, 0.0])
    }

    pub(super) fn shear_y(shear: f64) -> Self {
        Self([1.0, 0.0, 0.0, shear, 1.0, 0.0])
    }

    pub(super) fn translate(right: i32, down: i32) -> Self {
        Self([1.0, 0.0, -f64::from(right), 0.0, 1.0, -f64::from(down)])
    }

    /// Counterclockwise about the centre, as Pillow's `Image.rotate`.
    pub(super) fn rotate(degrees: f64, side: usize) -> Self {
        // To 15 decimals as Python rounds: a quarter turn is exact then.
        let [cos, sin] = [degrees.to_radians().cos(), degrees.to_radians().sin()]
            .map(|value| format!("{value:.15}").parse().unwrap_or(value));
        let centre = side as f64 / 2.0;
        let back = |a: f64, b: f64| -a * centre - b * centre + centre;
        Self([cos, -sin, back(cos, -sin), sin, cos, back(sin, cos)])
    }

    pub(super) fn apply(self, square: &mut Square<'_>, sampling: Sampling) {
        square.spare.clear();
        square.spare.resize(square.bytes.len(), 0);
        match (sampling, square.channels) {
            (Sampling::Nearest, 3) => self.nearest::<3>(square),
            (Sampling::Nearest, _) => self.nearest::<1>(square),
            (Sampling::Bilinear, 3) => self.bilinear::<3>(square),
            (Sampling::Bilinear, _) => self.bilinear::<1>(square),
        }
        std::mem::swap(square.bytes, square.spare);
    }

    /// Pillow's `affine_fixed` (`libImaging/Geometry.c`): 16.16 fixed point, from the middle of each pixel.
    fn nearest<const N: usize>(self, square: &mut Square<'_>) {
        let [a, b, c, d, e, f] = self.0;
        let fixed = |value: f64| (value * 65536.0 + 0.5).floor() as i64;
        let [x_by_x, x_by_y, y_by_x, y_by_y] = [a, b, d, e].map(fixed);
        let (mut row_x, mut row_y) = (fixed(c + a * 0.5 + b * 0.5), fixed(f + d * 0.5 + e * 0.5));
        let side = square.side;
        let (source, _) = square.bytes.as_chunks::<N>();
        let (target, _) = square.spare.as_chunks_mut::<N>();
        for row in target.chunks_exact_mut(side) {
            let (mut x, mut y) = (row_x, row_y);
            for pixel in row {
                // Negative ones become huge.
                let (left, top) = ((x >> 16) as usize, (y >> 16) as usize);
                if left < side && top < side {
                    *pixel = source[top * side + left];
                }
                x += x_by_x;
                y += y_by_x;
            }
            row_x += x_by_y;
            row_y += y_by_y;
        }
    }

    /// Pillow's `bilinear_filter` (`libImaging/Geometry.c`); at the edges the outermost pixels go on.
    fn bilinear<const N: usize>(self, square: &mut Square<'_>) {
        let [a, b, c, d, e, f] = self.0;
        let side = square.side;
        let inside = 0.0..side as f64;
        let (source, _) = square.bytes.as_chunks::<N>();
        let (target, _) = square.spare.as_chunks_mut::<N>();
        for (row, y) in target.chunks_exact_mut(side).zip(0u32..) {
            for (pixel, x) in row.iter_mut().zip(0u32..) {
                let (x, y) = (f64::from(x) + 0.5, f64::from(y) + 0.5);
                let (from_x, from_y) = (a * x + b * y + c, d * x + e * y + f);
                if !(inside.contains(&from_x) && inside.contains(&from_y)) {
                    continue;
                }
                let (left, right, part_x) = neighbours(from_x, side);
                let (top, bottom, part_y) = neighbours(from_y, side);
                let at = |x: usize, y: usize, channel: usize| f64::from(source[y * side + x][channel]);
                for (channel, value) in pixel.iter_mut().enumerate() {
                    let across = |y| {
                        let first = at(left, y, channel);
                        first + (at(right, y, channel) - first) * part_x
                    };
                    let upper = across(top);
                    *value = (upper + (across(bottom) - upper) * part_y) as u8;
                }
            }
        }
    }
}

/// The pixels before and after a place, and how far it lies between them.
fn neighbours(place: f64, side: usize) -> (usize, usize, f64) {
    let place = place - 0.5;
    // Rounded down; f64::floor is a call on processors without SSE 4.1.
    let before = place as isize - isize::from(place < 0.0);
    let clip = |index: isize| index.clamp(0, side as isize - 1) as usize;
    (clip(before), clip(before + 1), place - before as f64)
}
