//! Measuring a model on one split.

use std::time::Duration;

use backbone::{Backbone, Mode};
use features::batches::{Feed, padded};
use tch::{Kind, Tensor};
use torch_extra::autocast::Autocast;

use crate::Error;
use crate::calibration::Scores;
use crate::readings;

pub use crate::predictions::{Metrics, Prediction, Predictions};

/// What a model says of every picture of a split, with the scores of all classes.
#[derive(Clone, Debug, Default)]
pub struct Scored {
    /// The answers.
    pub said: Predictions,
    /// Scores before softmax, row by row, `[N, classes]`.
    pub logits: Vec<f32>,
    /// Number of classes.
    pub classes: usize,
    /// How long nothing could be computed because the pictures were not prepared yet.
    pub waited: Duration,
}

/// Runs the model in evaluation mode over every picture, computing in `kind`, and keeps the scores; the last partial batch
/// counts like any other.
///
/// # Errors
/// When a picture can no longer be read.
pub fn score(backbone: &mut Backbone, feed: &Feed, batch_size: usize, kind: Kind) -> Result<Scored, Error> {
    let read_every = readings::every(backbone.placement().0);
    pass(backbone, feed, (batch_size, read_every), kind, Keep::Scores)
}

/// Every picture once, with the scores of all classes where they are kept. The live stages are made fast for as long as it
/// takes. So many batches are read at once.
pub(crate) fn pass(
    backbone: &mut Backbone,
    feed: &Feed,
    (batch_size, read_every): (usize, usize),
    kind: Kind,
    keep: Keep,
) -> Result<Scored, Error> {
    backbone.prepare_inference(feed.cut()..backbone.head_id(), kind);
    let said = go_through(backbone, feed, (batch_size, read_every), kind, keep);
    backbone.forget_preparation(feed.cut().max(backbone.first_live()));
    said
}

fn go_through(
    backbone: &Backbone,
    feed: &Feed,
    (batch_size, read_every): (usize, usize),
    kind: Kind,
    keep: Keep,
) -> Result<Scored, Error> {
    let _no_gradient = tch::no_grad_guard();
    let _short = Autocast::begin(backbone.placement().0, kind);
    let mut scored = Scored::default();
    let mut pending = Vec::new();
    let rows = if backbone.placement().0.is_cuda() { batch_size.min(feed.len()) } else { 0 };
    for batch in feed.in_order(backbone, batch_size) {
        let batch = batch?;
        scored.waited += batch.waited;
        let logits = backbone.classify(&padded(&batch.x, rows), feed.cut(), Mode::Evaluate).logits;
        let logits = logits.narrow(0, 0, batch.x.size()[0]);
        pending.push(Unread::of(&logits, &batch.labels, keep));
        if pending.len() == read_every {
            scored.read(&std::mem::take(&mut pending))?;
        }
    }
    scored.read(&pending)?;
    Ok(scored)
}

/// Whether scores are kept beside the answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keep {
    Answers,
    Scores,
}

/// What is said of a batch, still on the device.
struct Unread {
    /// Sum of the cross-entropies, a float64 scalar.
    loss: Tensor,
    /// `[N]` each.
    labels: Tensor,
    predicted: Tensor,
    probability: Tensor,
    /// `[N, classes]`, float32.
    logits: Option<Tensor>,
}

impl Unread {
    fn of(logits: &Tensor, labels: &Tensor, keep: Keep) -> Self {
        let logits = logits.to_kind(Kind::Double);
        let log_probabilities = logits.log_softmax(-1, Kind::Double); // [N, classes]
        let right = log_probabilities.gather(1, &labels.unsqueeze(1), false); // [N, 1]
        let (best, class) = log_probabilities.max_dim(1, false); // [N], [N]
        Self {
            loss: -right.sum(Kind::Double),
            labels: labels.shallow_clone(),
            predicted: class,
            probability: best.exp(),
            logits: (keep == Keep::Scores).then(|| logits.to_kind(Kind::Float)),
        }
    }
}

impl Scored {
    /// Reads what was said of some batches, each kind of number with one transfer.
    fn read(&mut self, batches: &[Unread]) -> Result<(), Error> {
        if batches.is_empty() {
            return Ok(());
        }
        let all = |of: fn(&Unread) -> &Tensor| batches.iter().map(of).collect::<Vec<_>>();
        let losses = Vec::<f64>::try_from(Tensor::f_stack(&all(|batch| &batch.loss), 0)?)?;
        // One by one, so that it does not matter how many are read at once.
        self.said.loss_sum = losses.into_iter().fold(self.said.loss_sum, |sum, loss| sum + loss);
        self.said.labels.extend(Vec::<i64>::try_from(Tensor::f_cat(&all(|batch| &batch.labels), 0)?)?);
        self.said.predicted.extend(Vec::<i64>::try_from(Tensor::f_cat(&all(|batch| &batch.predicted), 0)?)?);
        self.said
            .probability
            .extend(Vec::<f64>::try_from(Tensor::f_cat(&all(|batch| &batch.probability), 0)?)?);
        let logits: Vec<&Tensor> = batches.iter().filter_map(|batch| batch.logits.as_ref()).collect();
        if let Some(first) = logits.first() {
            self.classes = usize::try_from(first.size()[1]).unwrap_or(0);
            self.logits.extend(Vec::<f32>::try_from(Tensor::f_cat(&logits, 0)?.f_flatten(0, -1)?)?);
        }
        Ok(())
    }
}

impl Scored {
    /// What calibration is measured on.
    #[must_use]
    pub fn scores(&self) -> Scores<'_> {
        Scores { logits: &self.logits, classes: self.classes, labels: &self.said.labels }
    }
}
