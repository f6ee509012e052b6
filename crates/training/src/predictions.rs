use std::collections::BTreeMap;

use records::EvaluationRecord;
use statistics::Confusion;

/// Predictions of a model for every image of a split, in the split's order.
#[derive(Clone, Debug, Default)]
pub struct Predictions {
    /// Labels, `[N]`.
    pub labels: Vec<i64>,
    /// Most probable classes, `[N]`.
    pub predicted: Vec<i64>,
    /// Their softmax probabilities, `[N]`.
    pub probability: Vec<f64>,
    /// Sum of the cross-entropies, in nats.
    pub loss_sum: f64,
}

/// Figures of a model on one split.
#[derive(Clone, Debug)]
pub struct Metrics {
    /// Number of images.
    pub images: u64,
    /// Number of correct predictions.
    pub correct: u64,
    /// Mean cross-entropy, in nats; `NaN` without images.
    pub loss: f64,
    /// Share of correct predictions, in `0..=1`; `NaN` without images.
    pub accuracy: f64,
    /// Mean recall of the classes that have images, in `0..=1`; `NaN` without images.
    pub balanced_accuracy: f64,
    /// Number of images of each class predicted as each class.
    pub confusion: Confusion,
}

impl Predictions {
    /// Returns the figures of the split, for a model of at least this number of classes.
    #[must_use]
    pub fn metrics(&self, classes: usize) -> Metrics {
        let needed = self.pairs().map(|(label, predicted)| label.max(predicted) + 1);
        let mut confusion = Confusion::new(needed.fold(classes, usize::max));
        self.pairs().for_each(|(label, predicted)| confusion.add(label, predicted));
        Metrics {
            images: self.labels.len() as u64,
            correct: confusion.correct(),
            loss: self.loss(),
            accuracy: confusion.accuracy().unwrap_or(f64::NAN),
            balanced_accuracy: confusion.balanced_accuracy().unwrap_or(f64::NAN),
            confusion,
        }
    }

    /// Returns the mean cross-entropy, in nats; `NaN` without images.
    #[must_use]
    pub fn loss(&self) -> f64 {
        self.loss_sum / self.labels.len() as f64
    }

    /// Returns the share of correct predictions, in `0..=1`; `NaN` without images.
    #[must_use]
    pub fn accuracy(&self) -> f64 {
        self.metrics(0).accuracy
    }

    /// Returns the mean recall of the classes that have images, in `0..=1`; `NaN` without images.
    #[must_use]
    pub fn balanced_accuracy(&self) -> f64 {
        self.metrics(0).balanced_accuracy
    }

    /// Returns whether each prediction is correct, `[N]`.
    #[must_use]
    pub fn correct(&self) -> Vec<bool> {
        self.labels.iter().zip(&self.predicted).map(|(label, predicted)| label == predicted).collect()
    }

    /// Returns the record of the split for the report; `groups` are named lists of labels.
    #[must_use]
    pub fn measure(
        &self,
        split: &str,
        classes: usize,
        groups: &BTreeMap<String, Vec<usize>>,
    ) -> EvaluationRecord {
        let Metrics { images, loss, accuracy, balanced_accuracy, confusion, .. } = self.metrics(classes);
        let mut answers = vec![String::new(); classes];
        for (label, predicted) in self.pairs() {
            if let Some(answers) = answers.get_mut(label) {
                answers.push(if label == predicted { '1' } else { '0' });
            }
        }
        let of_group = |labels: &Vec<usize>| {
            let sum = |of: &dyn Fn(usize) -> u64| labels.iter().map(|&label| of(label)).sum::<u64>() as f64;
            sum(&|label| confusion.count(label, label)) / sum(&|label| confusion.images(label))
        };
        EvaluationRecord {
            split: split.to_owned(),
            images,
            loss,
            accuracy,
            balanced_accuracy,
            groups: groups.iter().map(|(name, labels)| (name.clone(), of_group(labels))).collect(),
            confusion: confusion.into_counts(),
            answers,
            chosen_on_these_images: false,
            calibration: None,
            metrics: None,
            coverage: Vec::new(),
        }
    }

    /// Label and prediction of each image, as indices of classes.
    fn pairs(&self) -> impl Iterator<Item = (usize, usize)> {
        let pairs = self.labels.iter().zip(&self.predicted);
        pairs.filter_map(|(&label, &predicted)| Some((label.try_into().ok()?, predicted.try_into().ok()?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confusion_counts_truth_by_row_and_groups_by_truth() {
        let predictions = Predictions {
            labels: vec![0, 0, 1, 2],
            predicted: vec![0, 2, 1, 0],
            probability: vec![0.9; 4],
            loss_sum: 2.0,
        };
        let groups = BTreeMap::from([("first two".to_owned(), vec![0, 1])]);
        let measured = predictions.measure("test", 3, &groups);
        assert_eq!(measured.confusion, vec![vec![1, 0, 1], vec![0, 1, 0], vec![1, 0, 0]]);
        assert_eq!(measured.answers, ["10", "1", "0"]);
        assert_eq!((measured.accuracy, measured.loss, measured.images), (0.5, 0.5, 4));
        assert!((measured.balanced_accuracy - (0.5 + 1.0 + 0.0) / 3.0).abs() < 1e-12);
        assert!((measured.groups["first two"] - 2.0 / 3.0).abs() < 1e-12);
        assert_eq!((predictions.accuracy(), predictions.metrics(5).confusion.classes()), (0.5, 5));
        assert!(Predictions::default().accuracy().is_nan());
    }
}
