//! Files on their way through a model.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use backbone::{Mode, StageId};
use features::loader::{timed, to_backbone};
use images::{FileBatch, FileBatches};
use tch::Tensor;
use torch_extra::room::Room;
use training::evaluate::{self, Feed};

use super::error::PredictError;
use super::prediction::{Prediction, Summary};
use super::steady::{Alternation, Throughput};
use crate::model::Model;
use crate::scores::{self, Scores};
use crate::views::Views;

/// Files, and what becomes of their scores.
pub(super) struct Files<'a, E> {
    pub(super) model: &'a Model,
    pub(super) paths: &'a [PathBuf],
    /// Rows that a batch is filled up to.
    pub(super) rows: usize,
    pub(super) batches: FileBatches<Room>,
    pub(super) views: &'a Views,
    /// Whether what the head reads is returned, too.
    pub(super) features: bool,
    pub(super) alternation: Alternation,
    pub(super) throughput: Throughput,
    pub(super) asked: Asked,
    pub(super) summary: Summary,
    pub(super) on_prediction: &'a mut dyn FnMut(&Prediction<'_>) -> Result<(), E>,
}

/// The batch in the network.
pub(super) struct Asked {
    /// Its images, of which each view is a part.
    images: Tensor,
    /// Indices of its files.
    indices: Vec<usize>,
    /// Views that were taken.
    views: usize,
    /// Sums of probabilities over the views so far, and the scores of the last one.
    scores: Scores,
    /// What the head reads of the first view, `[N, features]` row by row.
    features: Vec<f32>,
    /// Time spent waiting for it.
    waited: Duration,
    /// When it was there.
    began: Instant,
}

impl Asked {
    pub(super) fn nothing() -> Self {
        Self {
            images: Tensor::new(),
            indices: Vec::new(),
            views: 0,
            scores: Scores::default(),
            features: Vec::new(),
            waited: Duration::ZERO,
            began: Instant::now(),
        }
    }
}

impl<E: From<PredictError>> Files<'_, E> {
    /// Returns the next view of the batch, or the first one of the next batch that has images.
    fn read(&mut self) -> Result<Option<evaluate::Batch>, PredictError> {
        if self.asked.indices.is_empty() || self.asked.views == self.views.count() {
            let Some(asked) = self.next_images()? else { return Ok(None) };
            self.asked = asked;
        }
        let x = self.views.of(&self.asked.images, self.asked.views);
        let x = if self.features { self.up_to_head(&x)? } else { x };
        self.asked.views += 1;
        let images = i64::try_from(self.asked.indices.len()).unwrap_or(i64::MAX);
        Ok(Some(evaluate::Batch { x, images }))
    }

    fn next_images(&mut self) -> Result<Option<Asked>, PredictError> {
        loop {
            let Some((batch, waited)) = timed(&mut self.batches).next() else { return Ok(None) };
            let Summary { unreadable, wide, timing } = &mut self.summary;
            timing.waited_seconds += waited.as_secs_f64();
            let FileBatch { pixels, indices, unreadable: mut other, wide: also, .. } = batch?;
            unreadable.append(&mut other);
            *wide = wide.and(also);
            if indices.is_empty() {
                self.throughput.count(0);
                continue;
            }
            let began = Instant::now();
            let images = batch_of(self.model, pixels, indices.len().max(self.rows))?;
            return Ok(Some(Asked { images, indices, waited, began, ..Asked::nothing() }));
        }
    }

    /// Runs all stages before the head, and keeps what the head reads of the first view.
    fn up_to_head(&mut self, x: &Tensor) -> Result<Tensor, PredictError> {
        let backbone = &self.model.backbone;
        let output =
            self.computing(&mut || backbone.forward(x, StageId::INPUT..backbone.head_id(), Mode::Evaluate));
        if self.asked.views == 0 {
            let count = i64::try_from(self.asked.indices.len()).unwrap_or(i64::MAX);
            self.asked.features = scores::features(backbone, &output.narrow(0, 0, count))?;
        }
        Ok(output)
    }

    fn hand_over(&mut self) -> Result<(), E> {
        let Asked { indices, waited, began, .. } = &self.asked;
        let computed = began.elapsed();
        self.alternation.observe(*waited, computed);
        self.summary.timing.computed_seconds += computed.as_secs_f64();
        let count = indices.len();
        let Asked { indices, scores, features, .. } = std::mem::replace(&mut self.asked, Asked::nothing());
        let Scores { logits, probabilities } = scores.mean_of(self.views.count());
        let classes = self.model.classes.len().max(1);
        let rows = logits.chunks_exact(classes).zip(probabilities.chunks_exact(classes));
        let width = features.len() / count.max(1);
        for (row, (&index, (logits, probabilities))) in indices.iter().zip(rows).enumerate() {
            let path = &self.paths[index];
            if !logits.iter().all(|score| score.is_finite()) {
                let (image, model) = (path.clone(), self.model.path.clone());
                return Err(PredictError::NotFinite { image, model }.into());
            }
            let features = &features[row * width..(row + 1) * width];
            (self.on_prediction)(&Prediction { index, path, logits, probabilities, features })?;
        }
        self.throughput.count(count);
        Ok(())
    }
}

impl<E: From<PredictError>> Feed for Files<'_, E> {
    type Error = E;

    fn next(&mut self) -> Option<Result<evaluate::Batch, E>> {
        self.read().map_err(E::from).transpose()
    }

    fn computing(&mut self, compute: &mut dyn FnMut() -> Tensor) -> Tensor {
        if self.alternation.active { self.batches.pausing(compute) } else { compute() }
    }

    fn take(&mut self, scores: &Tensor) -> Result<(), E> {
        let view = Scores::of(scores, self.model.temperature).map_err(PredictError::from)?;
        self.asked.scores = std::mem::take(&mut self.asked.scores).and(view);
        if self.asked.views == self.views.count() { self.hand_over() } else { Ok(()) }
    }
}

/// Returns `rows` rows of a batch on the model's device, `[rows, C, size, size]`: the images, then black ones.
fn batch_of(model: &Model, pixels: Room, rows: usize) -> Result<Tensor, PredictError> {
    let pixels = pixels.into_tensor().f_narrow(0, 0, i64::try_from(rows).unwrap_or(i64::MAX))?;
    Ok(to_backbone(&pixels, &model.backbone)?)
}
