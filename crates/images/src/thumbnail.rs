use std::io::Cursor;

use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{RgbImage, imageops};

/// A PNG of the image, shrunk (never enlarged) to fit into a square of this side, for a report.
pub fn thumbnail_png(image: &RgbImage, side: u32) -> Vec<u8> {
    let (width, height) = image.dimensions();
    let longer = width.max(height).max(1);
    let scaled = |length: u32| {
        let length = u64::from(length) * u64::from(side.min(longer)) / u64::from(longer);
        (length as u32).max(1)
    };
    let small = if width == 0 || height == 0 {
        RgbImage::new(1, 1)
    } else {
        imageops::thumbnail(image, scaled(width), scaled(height))
    };
    png(&small)
}

/// As small as it gets.
pub(crate) fn png(image: &RgbImage) -> Vec<u8> {
    let mut png = Cursor::new(Vec::new());
    let encoder = PngEncoder::new_with_quality(&mut png, CompressionType::Best, FilterType::Adaptive);
    image.write_with_encoder(encoder).expect("an image with pixels can be written to memory");
    png.into_inner()
}
