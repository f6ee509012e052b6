//! Images as the model and its file read them.

use std::path::{Path, PathBuf};

use image::RgbImage;
use images::{Shown, Transform};
use onnx::Pixels;
use tch::{Kind, Tensor};
use trained_model::model::Model;

use crate::ExportError;

/// An image for both.
pub(crate) struct Pair {
    /// As the model reads it.
    shown: Shown,
    /// The whole of it, where the file reads that.
    whole: Option<RgbImage>,
}

impl Pair {
    /// Reads a file; `None` where the image cannot be read.
    pub(crate) fn read(path: &Path, transform: &Transform, pixels: Pixels) -> Option<Self> {
        let image = image_file::decode_for(path, transform.decoding()).ok()?.image;
        Self::of(image, transform, pixels)
    }

    pub(crate) fn of(image: RgbImage, transform: &Transform, pixels: Pixels) -> Option<Self> {
        let shown = transform.show(&image).ok()?;
        Some(Self { shown, whole: (pixels == Pixels::Image).then_some(image) })
    }
}

/// Images at once.
pub(crate) fn at_once(pixels: Pixels) -> usize {
    if pixels == Pixels::Image { 1 } else { 8 }
}

/// Images spread evenly over all, `most` at most.
pub(crate) fn spread(paths: &[PathBuf], most: usize) -> Vec<PathBuf> {
    let count = most.min(paths.len());
    (0..count).map(|place| paths[place * paths.len() / count].clone()).collect()
}

/// What the model reads, `[N, C, side, side]`.
pub(crate) fn for_model(model: &Model, pairs: &[Pair]) -> Result<Tensor, ExportError> {
    let values: Vec<f32> = pairs.iter().flat_map(|pair| pair.shown.pixels.iter().copied()).collect();
    let (side, channels) = (i64::from(model.input.crop), i64::from(model.input.channels));
    Ok(Tensor::f_from_slice(&values)?.f_view([pairs.len() as i64, channels, side, side])?)
}

/// What the file reads: bytes of squares, of one whole image, or what the model reads.
pub(crate) fn for_file(model: &Model, pixels: Pixels, pairs: &[Pair]) -> Result<Tensor, ExportError> {
    let bytes = |images: &[&RgbImage]| -> Result<Tensor, ExportError> {
        let [width, height] =
            images.first().map_or([0; 2], |image| [image.width(), image.height()].map(i64::from));
        let all: Vec<u8> = images.iter().flat_map(|image| image.as_raw().iter().copied()).collect();
        let shape = [images.len() as i64, height, width, 3];
        Ok(Tensor::f_from_data_size(&all, &shape, Kind::Uint8)?)
    };
    match pixels {
        Pixels::Prepared => for_model(model, pairs),
        Pixels::Crop => bytes(&pairs.iter().map(|pair| &pair.shown.square).collect::<Vec<_>>()),
        Pixels::Image => bytes(&pairs.iter().filter_map(|pair| pair.whole.as_ref()).collect::<Vec<_>>()),
    }
}
