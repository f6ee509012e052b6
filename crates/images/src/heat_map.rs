use image::{Rgb, RgbImage, imageops};

use crate::thumbnail::png;

/// From little to much: dark blue, violet, red, orange, pale yellow. Lightness rises all the way, so that the order can be
/// distinguished without colours (after "inferno" of Matplotlib).
const COLOURS: [[f64; 3]; 5] = [
    [20.0, 11.0, 54.0],
    [106.0, 23.0, 110.0],
    [203.0, 65.0, 73.0],
    [249.0, 142.0, 9.0],
    [252.0, 255.0, 164.0],
];
/// How much of a pixel is the map's.
const SHARE: f64 = 0.6;

/// A PNG of a square image, shrunk (never enlarged) to this side, in gray, with a map of values between 0 and 1 in
/// colour over it. `map` is `[height][width]`; it covers the whole square, and is interpolated between its values.
pub fn heat_map_png(square: &RgbImage, map: &[Vec<f64>], side: u32) -> Vec<u8> {
    let (width, height) = square.dimensions();
    let mut small = imageops::thumbnail(square, width.min(side).max(1), height.min(side).max(1));
    let (width, height) = small.dimensions();
    for (x, y, pixel) in small.enumerate_pixels_mut() {
        let [red, green, blue] = pixel.0.map(f64::from);
        let gray = 0.299 * red + 0.587 * green + 0.114 * blue;
        let place = |at: u32, length: u32| (f64::from(at) + 0.5) / f64::from(length);
        let colour = colour(value(map, place(x, width), place(y, height)));
        *pixel = Rgb(colour.map(|part| ((1.0 - SHARE) * gray + SHARE * part).round() as u8));
    }
    png(&small)
}

/// The map at a place, both coordinates from 0 to 1: linear between the middles of its cells.
fn value(map: &[Vec<f64>], x: f64, y: f64) -> f64 {
    let (Some(height), Some(width)) =
        (map.len().checked_sub(1), map.first().and_then(|row| row.len().checked_sub(1)))
    else {
        return 0.0;
    };
    let between = |place: f64, last: usize| {
        let at = (place * (last + 1) as f64 - 0.5).clamp(0.0, last as f64);
        let low = at.floor();
        (low as usize, (low as usize + 1).min(last), at - low)
    };
    let ((left, right, across), (top, bottom, down)) = (between(x, width), between(y, height));
    let at = |row: usize, column: usize| map[row].get(column).copied().unwrap_or(0.0);
    let line = |row: usize| (1.0 - across) * at(row, left) + across * at(row, right);
    (1.0 - down) * line(top) + down * line(bottom)
}

fn colour(value: f64) -> [f64; 3] {
    let last = COLOURS.len() - 1;
    // Not a number counts as nothing.
    let at = if value.is_nan() { 0.0 } else { value.clamp(0.0, 1.0) * last as f64 };
    let low = (at.floor() as usize).min(last - 1);
    let part = at - low as f64;
    std::array::from_fn(|channel| (1.0 - part) * COLOURS[low][channel] + part * COLOURS[low + 1][channel])
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The map of an image without light, read back.
    fn rendered(map: &[Vec<f64>], side: u32) -> RgbImage {
        let png = heat_map_png(&RgbImage::new(side, side), map, side);
        image::load_from_memory(&png).unwrap().to_rgb8()
    }

    #[test]
    fn values_lie_in_the_middle_of_their_cells_and_lightness_rises_with_them() {
        let light =
            |image: &RgbImage, x, y| image.get_pixel(x, y).0.iter().map(|&v| u32::from(v)).sum::<u32>();
        let image = rendered(&[vec![0.0, 1.0], vec![0.0, 0.5]], 8);
        let row: Vec<u32> = (0..8).map(|x| light(&image, x, 0)).collect();
        assert!(row.windows(2).all(|pair| pair[0] <= pair[1]) && row[0] < row[7], "{row:?}");
        assert!(light(&image, 7, 7) < light(&image, 7, 0));
        // The middle of the upper right cell, and beyond it, is the value itself.
        let full = COLOURS[4].map(|part| (SHARE * part).round() as u8);
        assert_eq!(image.get_pixel(7, 0).0, full);
        assert_eq!(image.get_pixel(7, 1).0, full);
    }

    #[test]
    fn interpolation_is_that_of_pytorch() {
        // torch.nn.functional.interpolate(torch.tensor([[[[0., 1., .4], [.2, .6, 1.]]]]), size=(4, 6), mode="bilinear")
        let expected = [
            [0.0, 0.25, 0.75, 0.85, 0.55, 0.4],
            [0.05, 0.2625, 0.6875, 0.8125, 0.6375, 0.55],
            [0.15, 0.2875, 0.5625, 0.7375, 0.8125, 0.85],
            [0.2, 0.3, 0.5, 0.7, 0.9, 1.0],
        ];
        let map = [vec![0.0, 1.0, 0.4], vec![0.2, 0.6, 1.0]];
        for (y, row) in expected.iter().enumerate() {
            for (x, expected) in row.iter().enumerate() {
                let found = value(&map, (x as f64 + 0.5) / 6.0, (y as f64 + 0.5) / 4.0);
                assert!((found - expected).abs() < 1e-9, "{x}, {y}: {found}");
            }
        }
    }

    #[test]
    fn an_empty_map_is_all_nothing() {
        let nothing = COLOURS[0].map(|part| (SHARE * part).round() as u8);
        assert!(rendered(&[], 4).pixels().all(|pixel| pixel.0 == nothing));
        assert!(rendered(&[vec![f64::NAN]], 4).pixels().all(|pixel| pixel.0 == nothing));
    }
}
