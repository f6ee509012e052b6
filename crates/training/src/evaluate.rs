//! Measures a model on one split.

use std::time::Duration;

use backbone::{Backbone, Mode};
use features::loader::{FeatureLoader, padded};
use tch::{Kind, Tensor};
use torch_extra::autocast::Autocast;

use crate::Error;
use crate::calibration::Scores;
use crate::deferred::sync_interval;

pub use crate::predictions::{Metrics, Prediction, Predictions};

/// Predictions of a model for every image of a split, with the scores of all classes.
#[derive(Clone, Debug, Default)]
pub struct Scored {
    /// The predictions.
    pub predictions: Predictions,
    /// Scores before softmax, row by row, `[N, classes]`; empty where they are not kept.
    pub logits: Vec<f32>,
    /// Number of classes.
    pub classes: usize,
    /// Time spent waiting for the data loader.
    pub waited: Duration,
}

/// Runs the model in evaluation mode over every image, computing in `kind`, and keeps the scores; the last partial batch
/// counts like any other.
///
/// # Errors
/// When an image can no longer be read.
pub fn score(
    backbone: &mut Backbone,
    feed: &FeatureLoader,
    batch_size: usize,
    kind: Kind,
) -> Result<Scored, Error> {
    let sync_interval = sync_interval(backbone.placement().0);
    pass(backbone, feed, Evaluation { batch_size, sync_interval, kind, keep: Keep::Scores })
}

/// How a model is run over a split.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Evaluation {
    /// Images at once.
    pub(crate) batch_size: usize,
    /// Number of batches whose results are read from the device together.
    pub(crate) sync_interval: usize,
    /// Type that the network computes in.
    pub(crate) kind: Kind,
    /// What is kept.
    pub(crate) keep: Keep,
}

/// What is kept of each image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    /// The most probable class.
    Classes,
    /// That, and the scores of all classes.
    Scores,
}

/// Runs the model over every image once. The live stages are prepared to compute fast for as long as it takes.
pub(crate) fn pass(
    backbone: &mut Backbone,
    feed: &FeatureLoader,
    evaluation: Evaluation,
) -> Result<Scored, Error> {
    backbone.prepare_inference(feed.cut()..backbone.head_id(), evaluation.kind);
    let scored = run(backbone, feed, evaluation);
    backbone.forget_preparation(feed.cut().max(backbone.first_live()));
    scored
}

fn run(backbone: &Backbone, feed: &FeatureLoader, evaluation: Evaluation) -> Result<Scored, Error> {
    let Evaluation { batch_size, sync_interval, kind, keep } = evaluation;
    let _no_gradient = tch::no_grad_guard();
    let _autocast = Autocast::begin(backbone.placement().0, kind);
    let mut scored = Scored::default();
    let mut pending = Vec::new();
    let rows = if backbone.placement().0.is_cuda() { batch_size.min(feed.len()) } else { 0 };
    for batch in feed.in_order(backbone, batch_size) {
        let batch = batch?;
        scored.waited += batch.waited;
        let logits = backbone.classify(&padded(&batch.x, rows), feed.cut(), Mode::Evaluate).logits;
        let logits = logits.narrow(0, 0, batch.x.size()[0]);
        pending.push(PendingBatch::of(&logits, &batch.labels, keep));
        if pending.len() == sync_interval {
            scored.read(&std::mem::take(&mut pending))?;
        }
    }
    scored.read(&pending)?;
    Ok(scored)
}

/// Predictions for a batch, still on the device.
struct PendingBatch {
    /// Sum of the cross-entropies, a float64 scalar.
    loss: Tensor,
    /// `[N]`, int64.
    labels: Tensor,
    /// `[N]`, int64.
    predicted: Tensor,
    /// `[N]`, float64.
    probability: Tensor,
    /// `[N, classes]`, float32.
    logits: Option<Tensor>,
}

impl PendingBatch {
    fn of(logits: &Tensor, labels: &Tensor, keep: Keep) -> Self {
        let logits = logits.to_kind(Kind::Double);
        let log_probabilities = logits.log_softmax(-1, Kind::Double); // [N, classes]
        let of_label = log_probabilities.gather(1, &labels.unsqueeze(1), false); // [N, 1]
        let (best, class) = log_probabilities.max_dim(1, false); // [N], [N]
        Self {
            loss: -of_label.sum(Kind::Double),
            labels: labels.shallow_clone(),
            predicted: class,
            probability: best.exp(),
            logits: (keep == Keep::Scores).then(|| logits.to_kind(Kind::Float)),
        }
    }
}

impl Scored {
    /// Reads the predictions for some batches, each kind of number with one transfer.
    fn read(&mut self, batches: &[PendingBatch]) -> Result<(), Error> {
        if batches.is_empty() {
            return Ok(());
        }
        let all = |of: fn(&PendingBatch) -> &Tensor| batches.iter().map(of).collect::<Vec<_>>();
        let losses = Vec::<f64>::try_from(Tensor::f_stack(&all(|batch| &batch.loss), 0)?)?;
        // One by one, so that it does not matter how many are read at once.
        self.predictions.loss_sum =
            losses.into_iter().fold(self.predictions.loss_sum, |sum, loss| sum + loss);
        self.predictions.labels.extend(Vec::<i64>::try_from(Tensor::f_cat(&all(|batch| &batch.labels), 0)?)?);
        self.predictions
            .predicted
            .extend(Vec::<i64>::try_from(Tensor::f_cat(&all(|batch| &batch.predicted), 0)?)?);
        self.predictions
            .probability
            .extend(Vec::<f64>::try_from(Tensor::f_cat(&all(|batch| &batch.probability), 0)?)?);
        let logits: Vec<&Tensor> = batches.iter().filter_map(|batch| batch.logits.as_ref()).collect();
        if let Some(first) = logits.first() {
            self.classes = usize::try_from(first.size()[1]).unwrap_or(0);
            self.logits.extend(Vec::<f32>::try_from(Tensor::f_cat(&logits, 0)?.f_flatten(0, -1)?)?);
        }
        Ok(())
    }

    /// Returns the scores, on which calibration is measured.
    #[must_use]
    pub fn scores(&self) -> Scores<'_> {
        Scores { logits: &self.logits, classes: self.classes, labels: &self.predictions.labels }
    }
}
