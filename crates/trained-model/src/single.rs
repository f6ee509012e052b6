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
        let alone = Self::all(model, std::slice::from_ref(image))?;
        alone.into_iter().next().ok_or(PredictError::Torch(tch::TchError::Kind("no output".to_owned())))
    }

    /// Runs a model on several images at once, in their order. The head reads each alone: a matrix product of another height may
    /// sum in another order. Whether that is enough for the bits of [`Single::of`], [`together`] finds out.
    ///
    /// # Errors
    /// [`PredictError::Torch`].
    pub fn all(model: &Model, images: &[Shown]) -> Result<Vec<Self>, PredictError> {
        let backbone = &model.backbone;
        let x = batch(model, images)?;
        let _no_gradient = tch::no_grad_guard();
        let outputs = backbone.forward(&x, StageId::INPUT..backbone.head_id(), Mode::Evaluate);
        let one = |row: usize| {
            let output = outputs.f_narrow(0, i64::try_from(row).unwrap_or(i64::MAX), 1)?.copy();
            let logits = backbone.classify(&output, backbone.head_id(), Mode::Evaluate).logits;
            let features = scores::features(backbone, &output)?;
            Ok(Self { scores: Scores::of(&logits, model.temperature)?, features })
        };
        (0..images.len()).map(one).collect()
    }

    fn bits(&self) -> (Vec<u32>, Vec<u32>) {
        let features = self.features.iter().map(|value| value.to_bits());
        (features.collect(), self.scores.logits.iter().map(|value| value.to_bits()).collect())
    }
}

/// Returns how many of these images, a power of two, a model takes at once without a bit of any answer changing: in convolutions
/// each image is computed by itself, in products of matrices as tall as the batch it is not.
///
/// # Errors
/// [`PredictError::Torch`].
pub fn together(model: &Model, images: &[Shown]) -> Result<usize, PredictError> {
    let mut alone = Vec::new();
    for image in images {
        alone.push(Single::of(model, image)?.bits());
    }
    let mut most = 1;
    while 2 * most <= images.len() {
        let at_once = Single::all(model, &images[..2 * most])?;
        if at_once.iter().map(Single::bits).ne(alone[..2 * most].iter().cloned()) {
            break;
        }
        most *= 2;
    }
    Ok(most)
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
