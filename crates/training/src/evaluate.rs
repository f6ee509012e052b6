//! Classifies images batch by batch: the one loop behind the evaluations of a run, `predict` and `evaluate`.

use std::time::Duration;

use backbone::{Backbone, Mode, StageId};
use data_parallel::predicted::{Predicted, gathered};
use features::loader::{FeatureLoader, padded};
use tch::{Kind, TchError, Tensor};
use team::Team;
use torch_extra::autocast::Autocast;

use crate::Error;
use crate::calibration::Scores;
use crate::deferred::sync_interval;

pub use crate::predictions::{Metrics, Predictions};

/// Images to classify, in batches, and what becomes of their scores.
pub trait Feed {
    /// Why it ends early.
    type Error;

    /// Returns the next batch; `None` after the last.
    fn next(&mut self) -> Option<Result<Batch, Self::Error>>;

    /// Runs the network on a batch. What decodes images may pause meanwhile.
    fn computing(&mut self, compute: &mut dyn FnMut() -> Tensor) -> Tensor {
        compute()
    }

    /// Takes the scores of the images of some batches, `[N, classes]`, in their order, on the network's device.
    ///
    /// # Errors
    /// Any, which end the loop.
    fn take(&mut self, scores: &Tensor) -> Result<(), Self::Error>;
}

/// A batch to classify.
#[derive(Debug)]
pub struct Batch {
    /// What passes into the first stage to run, on the network's device; rows after the images fill it up.
    pub x: Tensor,
    /// Number of images.
    pub images: i64,
}

/// Runs the stages from `cut` to the head in evaluation mode on every batch of a feed; the last partial batch counts like any
/// other. Scores are handed over after each `together` batches, and at the end.
///
/// # Errors
/// Those of the feed.
pub fn classify<F: Feed>(
    backbone: &Backbone,
    cut: StageId,
    together: usize,
    feed: &mut F,
) -> Result<(), F::Error> {
    let _no_gradient = tch::no_grad_guard();
    let mut pending = Vec::new();
    while let Some(batch) = feed.next() {
        let Batch { x, images } = batch?;
        let scores = feed.computing(&mut || backbone.classify(&x, cut, Mode::Evaluate).logits);
        pending.push(scores.narrow(0, 0, images));
        if pending.len() >= together {
            feed.take(&Tensor::cat(&pending, 0))?;
            pending.clear();
        }
    }
    if pending.is_empty() { Ok(()) } else { feed.take(&Tensor::cat(&pending, 0)) }
}

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
    let part = run(backbone, feed, evaluation);
    backbone.forget_preparation(feed.cut().max(backbone.first_live()));
    Ok(feed.team().agree(part)?.of_all(feed.team())?)
}

/// Runs the model over the batches that are this process's.
fn run(backbone: &Backbone, feed: &FeatureLoader, evaluation: Evaluation) -> Result<Part, Error> {
    let Evaluation { batch_size, sync_interval, kind, keep } = evaluation;
    let _autocast = Autocast::begin(backbone.placement().0, kind);
    let rows = if backbone.placement().0.is_cuda() { batch_size.min(feed.len()) } else { 0 };
    let batches = feed.own_in_order(backbone, batch_size).map(|batch| Ok(batch?));
    let mut split = Split { batches, rows, keep, labels: Vec::new(), part: Part::default() };
    classify(backbone, feed.cut(), sync_interval, &mut split)?;
    Ok(split.part)
}

/// What one process found of a split.
#[derive(Default)]
struct Part {
    scored: Scored,
    /// Cross-entropy of each image.
    losses: Vec<f64>,
}

impl Part {
    /// Returns what all processes found. The losses are added one by one, so that it matters neither how large batches are nor who
    /// computes them.
    fn of_all(self, team: &Team) -> Result<Scored, team::Error> {
        let Scored { predictions, logits, classes, waited } = self.scored;
        let Predictions { labels, predicted, probability, .. } = predictions;
        let own = Predicted { losses: self.losses, labels, classes: predicted, probability, logits };
        let Predicted { losses, labels, classes: predicted, probability, logits } = gathered(own, team)?;
        let loss_sum = losses.into_iter().fold(0.0, |sum, loss| sum + loss);
        let classes = if labels.is_empty() { classes } else { classes.max(logits.len() / labels.len()) };
        let predictions = Predictions { labels, predicted, probability, loss_sum };
        Ok(Scored { predictions, logits, classes, waited })
    }
}

/// A split on its way through the network.
struct Split<I> {
    batches: I,
    /// Rows that a batch is filled up to.
    rows: usize,
    keep: Keep,
    /// Labels of the batches whose scores are to come, `[N]` each, int64.
    labels: Vec<Tensor>,
    part: Part,
}

impl<I: Iterator<Item = Result<features::loader::Batch, Error>>> Feed for Split<I> {
    type Error = Error;

    fn next(&mut self) -> Option<Result<Batch, Error>> {
        let batch = self.batches.next()?;
        Some(batch.map(|batch| {
            self.part.scored.waited += batch.waited;
            self.labels.push(batch.labels.shallow_clone());
            Batch { x: padded(&batch.x, self.rows), images: batch.x.size()[0] }
        }))
    }

    fn take(&mut self, scores: &Tensor) -> Result<(), Error> {
        let labels = Tensor::f_cat(&std::mem::take(&mut self.labels), 0)?;
        self.part.losses.extend(self.part.scored.add(scores, &labels, self.keep)?);
        Ok(())
    }
}

impl Scored {
    /// Returns what scores, row by row, `[N, classes]`, say of images with these labels.
    ///
    /// # Errors
    /// When a libtorch call fails.
    pub fn of(logits: &[f32], classes: usize, labels: &[i64]) -> Result<Self, TchError> {
        let mut scored = Self::default();
        if !labels.is_empty() {
            let size = [labels.len(), classes].map(|extent| i64::try_from(extent).unwrap_or(i64::MAX));
            let scores = Tensor::f_from_slice(logits)?.f_view(size)?;
            let losses = scored.add(&scores, &Tensor::f_from_slice(labels)?, Keep::Scores)?;
            scored.predictions.loss_sum = losses.into_iter().fold(0.0, |sum, loss| sum + loss);
        }
        Ok(scored)
    }

    /// Adds images, each kind of number with one transfer: scores `[N, classes]` and labels `[N]`. Returns the loss of each, which
    /// is in no sum yet.
    fn add(&mut self, scores: &Tensor, labels: &Tensor, keep: Keep) -> Result<Vec<f64>, TchError> {
        let log_probabilities = scores.to_kind(Kind::Double).f_log_softmax(-1, Kind::Double)?; // [N, classes]
        let losses = -log_probabilities.f_gather(1, &labels.unsqueeze(1), false)?.squeeze_dim(1); // [N]
        let (best, class) = log_probabilities.f_max_dim(1, false)?; // [N], [N]
        let Predictions { labels: known, predicted, probability, .. } = &mut self.predictions;
        known.extend(Vec::<i64>::try_from(labels)?);
        predicted.extend(Vec::<i64>::try_from(class)?);
        probability.extend(Vec::<f64>::try_from(best.exp())?);
        if keep == Keep::Scores {
            self.classes = usize::try_from(scores.size()[1]).unwrap_or(0);
            self.logits.extend(Vec::<f32>::try_from(scores.to_kind(Kind::Float).f_flatten(0, -1)?)?);
        }
        Vec::<f64>::try_from(losses)
    }

    /// Returns the scores, on which calibration is measured.
    #[must_use]
    pub fn scores(&self) -> Scores<'_> {
        Scores { logits: &self.logits, classes: self.classes, labels: &self.predictions.labels }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scores_become_classes_probabilities_and_losses_image_by_image() {
        let logits = [2.0f32, 1.0, -1.0, 0.5, 3.0, 3.0];
        let scored = Scored::of(&logits, 3, &[0, 2]).unwrap();
        assert_eq!(scored.predictions.predicted, [0, 1], "of equals the first");
        assert_eq!((scored.logits.as_slice(), scored.classes), (&logits[..], 3));
        let of =
            |row: &[f64], class: usize| row[class].exp() / row.iter().map(|score| score.exp()).sum::<f64>();
        let [one, other] = [of(&[2.0, 1.0, -1.0], 0), of(&[0.5, 3.0, 3.0], 2)];
        assert!((scored.predictions.loss_sum + one.ln() + other.ln()).abs() < 1e-12);
        assert!((scored.predictions.probability[0] - one).abs() < 1e-12);
        assert_eq!(Scored::of(&[], 3, &[]).unwrap().predictions.labels.len(), 0);
    }
}
