//! A model at work on one prepared image at a time.

use backbone::{Mode, StageId};
use features::loader::to_backbone;
use images::Shown;
use tch::Tensor;

use crate::model::Model;
use crate::predict::PredictError;
use crate::scores::{self, Scores};

/// What a model gives for one image.
#[derive(Clone, Debug)]
pub struct Single {
    /// Scores and probabilities, `[classes]`: those of [`predict`](crate::predict::predict) for the image alone, to the bit.
    pub scores: Scores,
    /// What the head reads, `[features]`.
    pub features: Vec<f32>,
}

impl Single {
    /// Runs a model on an image.
    ///
    /// # Errors
    /// [`PredictError::Torch`].
    pub fn of(model: &Model, image: &Shown) -> Result<Self, PredictError> {
        let backbone = &model.backbone;
        let x = batch(model, std::slice::from_ref(image))?;
        let _no_gradient = tch::no_grad_guard();
        let output = backbone.forward(&x, StageId::INPUT..backbone.head_id(), Mode::Evaluate);
        let logits = backbone.classify(&output, backbone.head_id(), Mode::Evaluate).logits;
        let features = scores::features(backbone, &output)?;
        Ok(Self { scores: Scores::of(&logits, model.temperature)?, features })
    }
}

/// Returns prepared images as a batch on the model's device, `[N, C, size, size]`.
///
/// # Errors
/// [`PredictError::Torch`].
pub(crate) fn batch(model: &Model, images: &[Shown]) -> Result<Tensor, PredictError> {
    let all: Vec<f32> = images.iter().flat_map(|image| image.pixels.iter().copied()).collect();
    let side = i64::from(model.input.crop);
    let count = i64::try_from(images.len()).unwrap_or(i64::MAX);
    let x = Tensor::f_from_slice(&all)?.f_view([count, model.input.channels.into(), side, side])?;
    Ok(to_backbone(&x, &model.backbone)?)
}
