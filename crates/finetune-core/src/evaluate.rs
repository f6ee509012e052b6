//! Measuring a model on one split.

use std::collections::BTreeMap;

use backbone::{Backbone, Mode};
use report::record::EvaluationRecord;
use tch::{Kind, Tensor};
use torch_extra::autocast::Autocast;

use crate::Error;
use crate::batches::Feed;
use crate::calibration::Scores;

/// What a model says of every picture of a split, in the split's order.
#[derive(Clone, Debug, Default)]
pub struct Predictions {
    /// True labels.
    pub labels: Vec<i64>,
    /// Most probable classes.
    pub predicted: Vec<i64>,
    /// Their softmax probabilities.
    pub probability: Vec<f64>,
    /// Sum of the cross-entropies, in nats.
    pub loss_sum: f64,
}

/// What a model says of every picture of a split, with the scores of all classes.
#[derive(Clone, Debug, Default)]
pub struct Scored {
    /// The answers.
    pub said: Predictions,
    /// Scores before softmax, row by row, `[N, classes]`.
    pub logits: Vec<f32>,
    /// Number of classes.
    pub classes: usize,
}

/// Runs the model in evaluation mode over every picture, computing in `kind`; the last partial batch counts like any other.
///
/// # Errors
/// When a picture can no longer be read.
pub fn predict(
    backbone: &mut Backbone,
    feed: &Feed,
    batch_size: usize,
    kind: Kind,
) -> Result<Predictions, Error> {
    pass(backbone, feed, batch_size, kind, &mut |_| Ok(()))
}

/// As [`predict`], and keeps the scores.
///
/// # Errors
/// When a picture can no longer be read.
pub fn score(backbone: &mut Backbone, feed: &Feed, batch_size: usize, kind: Kind) -> Result<Scored, Error> {
    let mut scored = Scored::default();
    scored.said = pass(backbone, feed, batch_size, kind, &mut |logits| {
        scored.classes = usize::try_from(logits.size()[1]).unwrap_or(0);
        scored.logits.extend(Vec::<f32>::try_from(logits.f_to_kind(Kind::Float)?.f_flatten(0, -1)?)?);
        Ok(())
    })?;
    Ok(scored)
}

/// Every picture once; the scores of each batch, `[N, classes]`, are handed over. The live stages are made fast for as long
/// as it takes.
fn pass(
    backbone: &mut Backbone,
    feed: &Feed,
    batch_size: usize,
    kind: Kind,
    hear: &mut dyn FnMut(&Tensor) -> Result<(), Error>,
) -> Result<Predictions, Error> {
    backbone.prepare_inference(feed.cut()..backbone.head_id(), kind);
    let said = go_through(backbone, feed, batch_size, kind, hear);
    backbone.forget_preparation(feed.cut().max(backbone.first_live()));
    said
}

fn go_through(
    backbone: &Backbone,
    feed: &Feed,
    batch_size: usize,
    kind: Kind,
    hear: &mut dyn FnMut(&Tensor) -> Result<(), Error>,
) -> Result<Predictions, Error> {
    let _no_gradient = tch::no_grad_guard();
    let _short = Autocast::begin(backbone.placement().0, kind);
    let mut all = Predictions::default();
    for batch in feed.in_order(backbone, batch_size) {
        let batch = batch?;
        let logits = backbone.classify(&batch.x, feed.cut(), Mode::Evaluate).logits.to_kind(Kind::Double);
        hear(&logits)?;
        let log_probabilities = logits.log_softmax(-1, Kind::Double); // [N, classes]
        let right = log_probabilities.gather(1, &batch.labels.unsqueeze(1), false); // [N, 1]
        let (best, class) = log_probabilities.max_dim(1, false); // [N], [N]
        all.loss_sum -= right.sum(Kind::Double).double_value(&[]);
        all.labels.extend(Vec::<i64>::try_from(&batch.labels)?);
        all.predicted.extend(Vec::<i64>::try_from(&class)?);
        all.probability.extend(Vec::<f64>::try_from(&best.exp())?);
    }
    Ok(all)
}

impl Scored {
    /// What calibration is measured on.
    #[must_use]
    pub fn scores(&self) -> Scores<'_> {
        Scores { logits: &self.logits, classes: self.classes, labels: &self.said.labels }
    }
}

impl Predictions {
    /// Mean cross-entropy.
    #[must_use]
    pub fn loss(&self) -> f64 {
        self.loss_sum / self.labels.len() as f64
    }

    /// Share of right answers.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        self.share_right(|_| true)
    }

    /// Mean over the classes that have images of the share of their images that is told rightly: what accuracy would be
    /// if there were equally many of each (Brodersen et al. 2010).
    #[must_use]
    pub fn balanced_accuracy(&self) -> f64 {
        let mut classes: BTreeMap<i64, (u64, u64)> = BTreeMap::new();
        for (&label, &predicted) in self.labels.iter().zip(&self.predicted) {
            let (right, all) = classes.entry(label).or_default();
            *right += u64::from(label == predicted);
            *all += 1;
        }
        let recalls = classes.values().map(|&(right, all)| right as f64 / all as f64);
        recalls.sum::<f64>() / classes.len() as f64
    }

    /// Everything a report wants to know; `groups` are named lists of labels.
    #[must_use]
    pub fn measure(
        &self,
        split: &str,
        classes: usize,
        groups: &BTreeMap<String, Vec<usize>>,
    ) -> EvaluationRecord {
        let mut confusion = vec![vec![0u64; classes]; classes];
        let mut answers = vec![String::new(); classes];
        for (&label, &predicted) in self.labels.iter().zip(&self.predicted) {
            if let (Ok(label), Ok(predicted)) = (usize::try_from(label), usize::try_from(predicted)) {
                confusion[label][predicted] += 1;
                answers[label].push(if label == predicted { '1' } else { '0' });
            }
        }
        let of_group = |labels: &Vec<usize>| {
            self.share_right(|label| usize::try_from(label).is_ok_and(|label| labels.contains(&label)))
        };
        EvaluationRecord {
            split: split.to_owned(),
            images: self.labels.len() as u64,
            loss: self.loss(),
            accuracy: self.accuracy(),
            balanced_accuracy: self.balanced_accuracy(),
            groups: groups.iter().map(|(name, labels)| (name.clone(), of_group(labels))).collect(),
            confusion,
            answers,
            calibration: None,
        }
    }

    fn share_right(&self, counts: impl Fn(i64) -> bool) -> f64 {
        let chosen = self.labels.iter().zip(&self.predicted).filter(|&(&label, _)| counts(label));
        let (right, all) = chosen.fold((0u64, 0u64), |(right, all), (label, predicted)| {
            (right + u64::from(label == predicted), all + 1)
        });
        right as f64 / all as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confusion_counts_truth_by_row_and_groups_by_truth() {
        let said = Predictions {
            labels: vec![0, 0, 1, 2],
            predicted: vec![0, 2, 1, 0],
            probability: vec![0.9; 4],
            loss_sum: 2.0,
        };
        let groups = BTreeMap::from([("first two".to_owned(), vec![0, 1])]);
        let measured = said.measure("test", 3, &groups);
        assert_eq!(measured.confusion, vec![vec![1, 0, 1], vec![0, 1, 0], vec![1, 0, 0]]);
        assert_eq!(measured.answers, ["10", "1", "0"]);
        assert_eq!((measured.accuracy, measured.loss, measured.images), (0.5, 0.5, 4));
        assert!((measured.balanced_accuracy - (0.5 + 1.0 + 0.0) / 3.0).abs() < 1e-12);
        assert!((measured.groups["first two"] - 2.0 / 3.0).abs() < 1e-12);
    }
}
