use fast_image_resize::images::{Image, ImageRef};
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};
use image::RgbImage;

use crate::Error;

/// Sides of a thumbnail's three planes in pixels.
pub(crate) const SIDES: [usize; 3] = [64, 32, 16];

/// An image in gray, squeezed into a square whatever its shape, at three sizes. Squeezing changes no crop, mirror or quarter
/// turn into anything else, and undoes another aspect ratio.
#[derive(Clone, Debug)]
pub struct Thumbnail {
    planes: [Plane; 3],
}

/// A gray square, values 0 to 255.
#[derive(Clone, Debug)]
pub(crate) struct Plane {
    pub(crate) side: usize,
    pub(crate) values: Vec<f32>,
}

impl Thumbnail {
    /// Shrinks an image, or enlarges it where it is smaller.
    ///
    /// # Errors
    /// [`Error::Resize`] for an image without pixels.
    pub fn of(image: &RgbImage) -> Result<Thumbnail, Error> {
        let failed = |error: &dyn std::fmt::Display| Error::Resize(error.to_string());
        let (width, height) = image.dimensions();
        if width == 0 || height == 0 {
            return Err(Error::Resize("the image has no pixels".to_owned()));
        }
        let gray: Vec<u8> = image.as_raw().chunks_exact(3).map(luma).collect();
        let source = ImageRef::new(width, height, &gray, PixelType::U8).map_err(|error| failed(&error))?;
        let mut small = Image::new(SIDES[0] as u32, SIDES[0] as u32, PixelType::U8);
        let how = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Bilinear));
        Resizer::new().resize(&source, &mut small, &how).map_err(|error| failed(&error))?;
        let whole =
            Plane { side: SIDES[0], values: small.buffer().iter().map(|&value| f32::from(value)).collect() };
        let half = whole.halved();
        let quarter = half.halved();
        Ok(Thumbnail { planes: [whole, half, quarter] })
    }

    /// Returns the plane of 64, 32 or 16 pixels a side, by its place in [`SIDES`].
    pub(crate) fn plane(&self, level: usize) -> &Plane {
        &self.planes[level]
    }

    /// Returns the gray values at 16 x 16 pixels, row by row, 0 to 255: features of the plainest kind.
    #[must_use]
    pub fn pixels(&self) -> &[f32] {
        &self.planes[2].values
    }
}

/// Pillow's integer weights of Rec. 601.
fn luma(rgb: &[u8]) -> u8 {
    ((u32::from(rgb[0]) * 19595 + u32::from(rgb[1]) * 38470 + u32::from(rgb[2]) * 7471 + 0x8000) >> 16) as u8
}

impl Plane {
    /// The mean of each square of four pixels.
    fn halved(&self) -> Plane {
        let side = self.side / 2;
        let at = |row: usize, column: usize| self.values[row * self.side + column];
        let mean = |place: usize| {
            let (row, column) = (2 * (place / side), 2 * (place % side));
            (at(row, column) + at(row, column + 1) + at(row + 1, column) + at(row + 1, column + 1)) / 4.0
        };
        Plane { side, values: (0..side * side).map(mean).collect() }
    }

    /// The plane at another size up to its own, each pixel the mean of the area it stands for.
    pub(crate) fn shrunk(&self, side: usize) -> Plane {
        let step = self.side as f32 / side as f32;
        let shares: Vec<Vec<(usize, f32)>> = (0..side).map(|place| shares(place, step, self.side)).collect();
        let mut values = Vec::with_capacity(side * side);
        for rows in &shares {
            for columns in &shares {
                let mut sum = 0.0;
                for &(row, of_row) in rows {
                    for &(column, of_column) in columns {
                        sum += of_row * of_column * self.values[row * self.side + column];
                    }
                }
                values.push(sum / (step * step));
            }
        }
        Plane { side, values }
    }
}

/// How much of each old pixel lies within a new one, along one side.
fn shares(place: usize, step: f32, most: usize) -> Vec<(usize, f32)> {
    let (from, to) = (place as f32 * step, (place as f32 + 1.0) * step);
    let pixels = from.floor() as usize..(to.ceil() as usize).min(most);
    let share = |pixel: usize| (to.min(pixel as f32 + 1.0) - from.max(pixel as f32)).max(0.0);
    pixels.map(|pixel| (pixel, share(pixel))).collect()
}
