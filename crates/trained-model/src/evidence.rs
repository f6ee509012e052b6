//! Where in an image the evidence for a class lies, as an image: [Grad-CAM](crate::grad_cam) over what the network saw.

use std::path::Path;

use backbone::{Backbone, StageId};
use image_file::decode_for;
use images::{Shown, Transform, heat_map_png};
use tch::Tensor;

use crate::grad_cam::heat_maps;
use crate::model::Model;
use crate::predict::PredictError;
use crate::single::batch;

/// The evidence in one image.
#[derive(Clone, Debug)]
pub struct Evidence {
    /// The stage whose output it is of.
    pub stage: String,
    /// `[height][width]`, in `0..=1`, to three decimals.
    pub values: Vec<Vec<f64>>,
    /// A PNG of the square that the network saw, in gray, with the values in colour over it.
    pub png: Vec<u8>,
}

/// Returns the evidence in images for a class each, drawn with sides of at most `side` pixels; `None` where no stage of the
/// network has more than one position. `x` holds the images, `[N, C, size, size]`, as the network reads them, and may have
/// further rows.
///
/// # Errors
/// When a libtorch call fails.
pub fn evidence(
    backbone: &mut Backbone,
    x: &Tensor,
    images: &[Shown],
    classes: &[i64],
    side: u32,
) -> Result<Option<Vec<Evidence>>, tch::TchError> {
    let Some(found) = heat_maps(backbone, x, classes)? else { return Ok(None) };
    let stage = backbone.name(found.stage).to_owned();
    let drawn = images.iter().enumerate().map(|(number, image)| {
        let values = found.values(number)?;
        let png = heat_map_png(&image.square, &values, side);
        Ok(Evidence { stage: stage.clone(), values, png })
    });
    drawn.collect::<Result<_, _>>().map(Some)
}

impl Model {
    /// Returns the evidence in images for a class each, as [`evidence`]; what was prepared for inference stays so.
    ///
    /// # Errors
    /// When a libtorch call fails.
    pub fn evidence(
        &mut self,
        images: &[Shown],
        classes: &[i64],
        side: u32,
    ) -> Result<Option<Vec<Evidence>>, PredictError> {
        let x = batch(self, images)?;
        let kind = self.backbone.prepared_kind();
        let found = evidence(&mut self.backbone, &x, images, classes, side);
        if let Some(kind) = kind {
            self.backbone.prepare_inference(StageId::INPUT..self.backbone.head_id(), kind);
        }
        Ok(found?)
    }
}

/// Returns an image file as a network reads it; `None` where the image cannot be read.
#[must_use]
pub fn shown(path: &Path, transform: &Transform) -> Option<Shown> {
    let decoded = decode_for(path, transform.decoding()).ok()?;
    transform.show(&decoded.image).ok()
}
