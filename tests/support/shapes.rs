//! Generated images of simple shapes, as small data sets.

use std::fs;
use std::ops::Range;
use std::path::Path;

use image::{GrayImage, Luma};

/// Side of a generated image, in pixels.
const SIDE: u32 = 32;

/// Draws the images of these numbers into a folder: `000.png`, `001.png` and so on.
pub(crate) fn draw(folder: &Path, shape: &str, numbers: Range<u32>) {
    fs::create_dir_all(folder).unwrap();
    for number in numbers {
        shape_image(shape, number).save(folder.join(format!("{number:03}.png"))).unwrap();
    }
}

/// A white shape somewhere on a dark, noisy ground; the number decides where, and the noise.
pub(crate) fn shape_image(shape: &str, number: u32) -> GrayImage {
    let mut state = number.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
    let mut chance = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % below
    };
    let (x0, y0) = (11 + chance(10), 11 + chance(10));
    GrayImage::from_fn(SIDE, SIDE, |x, y| {
        let (dx, dy) = (x.abs_diff(x0), y.abs_diff(y0));
        let inside = match shape {
            "bar" => dy < 3 && dx < 10,
            "cross" => (dy < 2 && dx < 8) || (dx < 2 && dy < 8),
            "disc" => dx * dx + dy * dy < 50,
            other => panic!("there is no shape {other}"),
        };
        let noise = u8::try_from(chance(60)).unwrap();
        Luma([if inside { 255 - noise } else { noise }])
    })
}
