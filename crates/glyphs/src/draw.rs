//! One letter as an image.
//!
//! Only additions, multiplications, divisions and square roots are used, which every machine rounds alike, so the bytes
//! are the same everywhere; sines and exponentials are not, and are avoided.

use ab_glyph::{GlyphId, Outline, OutlineCurve, OutlinedGlyph, PxScaleFactor, Rect, point};
use rand::rngs::ChaCha8Rng;
use rand::{Rng, RngExt, SeedableRng};

use crate::outline::{extent, map};
use crate::{Error, Face, GrayImage, Typeface, Variation};

/// Strokes are changed on a raster this many times finer than the image.
const FINE: usize = 3;

/// Draws a letter, white on black like MNIST, in an image of `size` x `size` pixels. The seed alone decides the variation.
///
/// # Errors
///
/// [`Error::NoOutline`] if the face lacks the letter, [`Error::Spec`] if the size or the variation is out of bounds.
pub fn draw(
    face: &Face,
    letter: char,
    size: u32,
    variation: &Variation,
    seed: [u8; 32],
) -> Result<GrayImage, Error> {
    let letter = Letter { outline: face.outline(letter)?, cap_height: face.cap_height() };
    render(letter, size, variation, seed)
}

/// As [`draw`], in a typeface out of a font file.
///
/// # Errors
///
/// As [`draw`].
pub fn draw_in(
    typeface: &Typeface,
    letter: char,
    size: u32,
    variation: &Variation,
    seed: [u8; 32],
) -> Result<GrayImage, Error> {
    let letter = Letter { outline: typeface.outline(letter)?, cap_height: typeface.cap_height() };
    render(letter, size, variation, seed)
}

/// A letter as its font has it, in font units, y upwards.
struct Letter {
    outline: Vec<OutlineCurve>,
    cap_height: f32,
}

fn render(letter: Letter, size: u32, variation: &Variation, seed: [u8; 32]) -> Result<GrayImage, Error> {
    crate::spec::check_size(size)?;
    variation.check()?;
    let side = size as usize;
    let pixel = size as f32 / 28.0;
    let mut rng = ChaCha8Rng::from_seed(seed);

    let outline = pose(letter, size as f32, variation, &mut rng);
    let stroke = between(&mut rng, variation.stroke) * pixel;
    let blur = between(&mut rng, [0.0, variation.blur]) * pixel;
    let noise = between(&mut rng, [0.0, variation.noise]);

    let fine = thicken(fill(outline, side * FINE), side * FINE, stroke * FINE as f32);
    let mut light = smooth(shrink(&fine, side), side, blur);
    light.iter_mut().for_each(|value| *value += noise * normal(&mut rng));

    let pixels = light.iter().map(|value| (value.clamp(0.0, 1.0) * 255.0 + 0.5) as u8).collect();
    Ok(GrayImage { size, pixels })
}

/// The letter's outline scaled, stretched, rotated and placed in a square of `size` pixels, y upwards.
fn pose(letter: Letter, size: f32, variation: &Variation, rng: &mut impl Rng) -> Vec<OutlineCurve> {
    let height = between(rng, variation.cap_height) * size;
    let widen = 1.0 + between(rng, [0.0, variation.stretch]);
    let widen = if rng.random() { widen } else { widen.recip() };
    let (cos, sin) = turn(between(rng, [-variation.rotation, variation.rotation]));
    let shift = variation.shift * size / 28.0;
    let shift = point(between(rng, [-shift, shift]), between(rng, [-shift, shift]));

    let scale = height / letter.cap_height;
    let turned = map(letter.outline, |p| {
        let (x, y) = (p.x * scale * widen, p.y * scale);
        point(x * cos - y * sin, x * sin + y * cos)
    });
    // One pixel stays free on each side for thicker strokes and blur; a wide or tall letter is made to fit.
    let room = size - 2.0;
    let inked = extent(&turned);
    let fit = (room / inked.width().max(inked.height())).min(1.0);
    let place = |low: f32, high: f32, shift: f32| {
        // A letter made to fit leaves no slack, or by rounding a trace less than none.
        let slack = ((room - (high - low) * fit) / 2.0).max(0.0);
        size / 2.0 + shift.clamp(-slack, slack) - (low + high) / 2.0 * fit
    };
    let to = point(place(inked.min.x, inked.max.x, shift.x), place(inked.min.y, inked.max.y, shift.y));
    map(turned, |p| point(p.x * fit + to.x, p.y * fit + to.y))
}

/// Coverage of each pixel of a raster of `side` x `side`, rows from the top, 0 to 1.
fn fill(outline: Vec<OutlineCurve>, side: usize) -> Vec<f32> {
    let fine = FINE as f32;
    let curves = map(outline, |p| point(p.x * fine, p.y * fine));
    let edge = side as f32;
    // `Outline` keeps its top left corner in `min`, with y upwards.
    let bounds = Rect { min: point(0.0, edge), max: point(edge, 0.0) };
    let glyph = GlyphId(0).with_scale_and_position(1.0, point(0.0, 0.0));
    let scale = PxScaleFactor { horizontal: 1.0, vertical: 1.0 };
    let mut coverage = vec![0.0; side * side];
    OutlinedGlyph::new(glyph, Outline { bounds, curves }, scale)
        .draw(|x, y, value| coverage[y as usize * side + x as usize] = value.clamp(0.0, 1.0));
    coverage
}

/// Grows (or, below zero, wears away) what is white by `radius` pixels on each side. A part of a pixel is a mixture.
fn thicken(mut image: Vec<f32>, side: usize, radius: f32) -> Vec<f32> {
    let pick = if radius > 0.0 { f32::max } else { f32::min };
    let mut left = radius.abs();
    while left > 0.0 {
        let across = each_with_neighbours(&image, side, 1, |a, b, c| pick(pick(a, b), c));
        let grown = each_with_neighbours(&across, side, side, |a, b, c| pick(pick(a, b), c));
        let part = left.min(1.0);
        image.iter_mut().zip(grown).for_each(|(old, new)| *old += (new - *old) * part);
        left -= 1.0;
    }
    image
}

/// Blurs with a standard deviation in pixels. A pass with weights (w, 1 - 2w, w) adds a variance of 2w, and a few of them
/// come close to a Gaussian; w stays at a quarter or less.
fn smooth(mut image: Vec<f32>, side: usize, deviation: f32) -> Vec<f32> {
    let variance = deviation * deviation;
    let passes = (variance * 2.0).ceil();
    let w = variance / (2.0 * passes.max(1.0));
    for _ in 0..passes as usize {
        let blend = |a: f32, b: f32, c: f32| b + w * (a + c - 2.0 * b);
        image = each_with_neighbours(&image, side, 1, blend);
        image = each_with_neighbours(&image, side, side, blend);
    }
    image
}

/// Every pixel from itself and its two neighbours along x (`step` 1) or y (`step` = `side`); black outside.
fn each_with_neighbours(
    image: &[f32],
    side: usize,
    step: usize,
    f: impl Fn(f32, f32, f32) -> f32,
) -> Vec<f32> {
    let mut out = vec![0.0; image.len()];
    for (y, row) in out.chunks_exact_mut(side).enumerate() {
        for (x, value) in row.iter_mut().enumerate() {
            let at = y * side + x;
            let place = if step == 1 { x } else { y };
            let before = if place > 0 { image[at - step] } else { 0.0 };
            let after = if place + 1 < side { image[at + step] } else { 0.0 };
            *value = f(before, image[at], after);
        }
    }
    out
}

/// The mean of each block of `FINE` x `FINE` pixels.
fn shrink(fine: &[f32], side: usize) -> Vec<f32> {
    let mut image = vec![0.0; side * side];
    for (y, row) in fine.chunks_exact(side * FINE).enumerate() {
        for (x, block) in row.chunks_exact(FINE).enumerate() {
            image[y / FINE * side + x] += block.iter().sum::<f32>() / (FINE * FINE) as f32;
        }
    }
    image
}

/// Cosine and sine of an angle of at most 45 degrees, from the tangent of its half (right to a thousandth of a degree).
fn turn(degrees: f32) -> (f32, f32) {
    let half = degrees * (std::f32::consts::PI / 360.0);
    let square = half * half;
    let t = half * (1.0 + square * (1.0 / 3.0 + square * (2.0 / 15.0 + square * (17.0 / 315.0))));
    ((1.0 - t * t) / (1.0 + t * t), 2.0 * t / (1.0 + t * t))
}

fn between(rng: &mut impl Rng, [low, high]: [f32; 2]) -> f32 {
    low + (high - low) * rng.random::<f32>()
}

/// Roughly normal with mean 0 and deviation 1: the sum of four uniform bytes, whose variance is (256^2 - 1) / 3.
fn normal(rng: &mut impl Rng) -> f32 {
    let sum: u16 = rng.next_u32().to_le_bytes().into_iter().map(u16::from).sum();
    (f32::from(sum) - 510.0) / 147.800_5
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turn_is_a_rotation_by_the_angle_named() {
        for degrees in [-45.0_f32, -12.0, 0.0, 7.5, 45.0] {
            let (cos, sin) = turn(degrees);
            assert!((cos - degrees.to_radians().cos()).abs() < 2e-5, "{degrees}");
            assert!((sin - degrees.to_radians().sin()).abs() < 2e-5, "{degrees}");
        }
    }

    #[test]
    fn smooth_has_the_deviation_named_and_keeps_the_light() {
        let side = 41;
        let mut dot = vec![0.0; side * side];
        dot[20 * side + 20] = 1.0;
        for deviation in [0.4_f32, 1.0, 2.5] {
            let image = smooth(dot.clone(), side, deviation);
            let moment = |power: i32| -> f32 {
                (0..side * side).map(|i| image[i] * ((i % side) as f32 - 20.0).powi(power)).sum()
            };
            assert!((moment(0) - 1.0).abs() < 1e-4);
            assert!((moment(2).sqrt() - deviation).abs() < 1e-3, "{deviation}");
        }
    }

    #[test]
    fn thicken_adds_its_radius_to_each_side() {
        let side = 21;
        let bar: Vec<f32> =
            (0..side * side).map(|i| f32::from(u8::from((8..13).contains(&(i % side))))).collect();
        let width = |radius| thicken(bar.clone(), side, radius)[10 * side..11 * side].iter().sum::<f32>();
        assert_eq!([width(0.0), width(1.5), width(-0.5), width(-9.0)], [5.0, 8.0, 4.0, 0.0]);
    }
}
