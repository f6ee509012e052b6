//! The best weights of a run so far, and what weights are judged by.

use backbone::Snapshot;
use records::{KeptRecord, StepName};
use run_config::Metric;

use crate::predictions::Predictions;

/// The best weights so far.
#[derive(Debug)]
pub struct Best {
    /// When they were the model.
    pub moment: Moment,
    /// Their figures on the validation images.
    pub figures: Figures,
    /// All that the phase at hand ever trains; what lies before does not change.
    pub weights: Snapshot,
}

/// Weights in the course of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Moment {
    /// The phase.
    pub phase: StepName,
    /// Epoch within it, from 1, after which they are validated; 0 before the first.
    pub epoch: u32,
    /// Number of weights of which they are the average; 0 for the weights of one step.
    pub averaged: u32,
}

/// What a model achieves on the validation images.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figures {
    /// Mean cross-entropy, in nats.
    pub loss: f64,
    /// Share of correct predictions, in `0..=1`.
    pub accuracy: f64,
    /// Mean recall of the classes that have images, in `0..=1`.
    pub balanced_accuracy: f64,
    /// Mean F1 score of the classes that have images, in `0..=1`.
    pub f1: f64,
}

impl Best {
    /// Returns the record of these weights as the model of a run, chosen by a metric.
    #[must_use]
    pub fn record(&self, metric: Metric) -> KeptRecord {
        let Moment { phase, epoch, .. } = self.moment;
        let best = if metric == Metric::Loss { "lowest" } else { "highest" };
        KeptRecord {
            phase: phase.name().to_owned(),
            epoch,
            metric: Some(metric.name().to_owned()),
            value: Some(self.figures.get(metric)),
            chosen_on: Some("validation".to_owned()),
            because: format!("the {best} validation {} of the run", in_words(metric)),
        }
    }
}

impl Figures {
    /// Returns the figures of predictions for the validation images.
    #[must_use]
    pub fn of(predictions: &Predictions) -> Self {
        let metrics = predictions.metrics(0);
        Self {
            loss: metrics.loss,
            accuracy: metrics.accuracy,
            balanced_accuracy: metrics.balanced_accuracy,
            f1: metrics.confusion.macro_f1().unwrap_or(f64::NAN),
        }
    }

    /// Returns the value of a metric.
    #[must_use]
    pub fn get(&self, metric: Metric) -> f64 {
        match metric {
            Metric::Loss => self.loss,
            Metric::Accuracy => self.accuracy,
            Metric::BalancedAccuracy => self.balanced_accuracy,
            Metric::F1 => self.f1,
        }
    }

    /// Returns what falls where the metric gets better.
    #[must_use]
    pub fn cost(&self, metric: Metric) -> f64 {
        if metric == Metric::Loss { self.loss } else { -self.get(metric) }
    }

    /// Returns whether these are better by a metric or, where both have the same, by the loss. Nothing is better than what it
    /// equals.
    #[must_use]
    pub fn better_than(&self, other: &Self, metric: Metric) -> bool {
        let (cost, others) = (self.cost(metric), other.cost(metric));
        cost < others || (cost == others && self.loss < other.loss)
    }
}

/// A metric as a sentence names it.
fn in_words(metric: Metric) -> &'static str {
    match metric {
        Metric::Loss => "loss",
        Metric::Accuracy => "accuracy",
        Metric::BalancedAccuracy => "balanced accuracy",
        Metric::F1 => "macro F1",
    }
}
