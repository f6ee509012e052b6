use image::RgbImage;

use crate::Error;
use crate::transform::{Scratch, Transform};

/// An image as a network reads it, and as it looks.
#[derive(Clone, Debug)]
pub struct Shown {
    /// What of it is shown, in its own colours (gray where the network reads gray), `size` x `size` pixels.
    pub square: RgbImage,
    /// Normalised values, `[channels, size, size]` in the transform's layout.
    pub pixels: Vec<f32>,
}

impl Transform {
    /// Prepares one image as for evaluation, and returns what of it is shown as well.
    ///
    /// # Errors
    /// [`Error::Transform`] if the image has no pixels, or the transform shows another part in each epoch.
    pub fn show(&self, image: &RgbImage) -> Result<Shown, Error> {
        let framed = self.framed().ok_or_else(|| {
            Error::Transform("the transform shows another part of the image in each epoch".to_owned())
        })?;
        let scratch = &mut Scratch::default();
        let square = self.cut(image, scratch)?;
        let mut pixels = vec![0.0; self.len()];
        self.apply_to_square(&square, 0, 0, scratch, &mut pixels);
        Ok(Shown { square: framed.image(&square), pixels })
    }
}
