//! Images that are drawn where no photographs are needed: stripes of a random width and colour under noise, as JPEGs of
//! 500 x 375. Two classes, which differ in their direction.

use std::error::Error;
use std::fs;
use std::path::Path;

use image::{Rgb, RgbImage};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Draws `count` images, always the same, each into the folder of its class.
pub(crate) fn draw(count: u64, root: &Path) -> Result<(), Box<dyn Error>> {
    let mut random = ChaCha8Rng::seed_from_u64(0);
    for class in ["lying", "standing"] {
        fs::create_dir_all(root.join(class))?;
    }
    for number in 0..count {
        let standing = number % 2 == 1;
        let width: u32 = random.random_range(8..60);
        let colours: [[u8; 3]; 2] = random.random();
        let stripes = RgbImage::from_fn(500, 375, |x, y| {
            let along = if standing { x } else { y };
            let noise: u8 = random.random_range(0..24);
            Rgb(colours[usize::from((along / width).is_multiple_of(2))]
                .map(|value| value.saturating_add(noise)))
        });
        let class = if standing { "standing" } else { "lying" };
        stripes.save(root.join(class).join(format!("{number:06}.jpg")))?;
    }
    Ok(())
}
