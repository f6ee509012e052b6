//! What is minimised, for one batch.

use backbone::{Backbone, Mode, Output, StageId};
use tch::{Kind, Reduction, Tensor};

use crate::batches::Batch;

/// The loss of a training step. Penalties on weights or features belong in [`Objective::of`], beside the cross-entropy:
/// the shares of a step's batches sum to one, and so does what is added to each of them.
#[derive(Debug)]
pub struct Objective {
    /// How the live stages run: with the batch's statistics or with fixed ones.
    pub mode: Mode,
    /// Share of the target given to all classes alike.
    pub smoothing: f64,
    /// Weight of each class, `[classes]`; all alike when absent.
    pub class_weights: Option<Tensor>,
}

/// A batch as the objective sees it.
#[derive(Debug)]
pub struct Judged {
    /// The loss, a scalar with its graph.
    pub loss: Tensor,
    /// Pictures whose most probable class is the right one.
    pub right: i64,
}

impl Objective {
    /// The mean loss of a batch, which is the input of stage `from`; in a mean, each picture counts by its class's
    /// weight.
    #[must_use]
    pub fn of(&self, backbone: &Backbone, batch: &Batch, from: StageId) -> Judged {
        let output = backbone.classify(&batch.x, from, self.mode);
        let right = output.logits.argmax(-1, false).eq_tensor(&batch.labels).sum(Kind::Int64);
        Judged { loss: self.data_loss(&output, &batch.labels), right: right.int64_value(&[]) }
    }

    /// What a batch weighs within its step: the sum of its pictures' class weights.
    #[must_use]
    pub fn weight(&self, batch: &Batch) -> f64 {
        match &self.class_weights {
            None => batch.labels.size()[0] as f64,
            Some(weights) => weights.index_select(0, &batch.labels).sum(Kind::Double).double_value(&[]),
        }
    }

    /// Cross-entropy of the logits, plus that of each auxiliary head by its weight.
    pub(super) fn data_loss(&self, output: &Output, labels: &Tensor) -> Tensor {
        let main = self.cross_entropy(&output.logits, labels);
        output
            .aux
            .iter()
            .fold(main, |sum, (logits, weight)| sum + self.cross_entropy(logits, labels) * *weight)
    }

    /// As `torch.nn.CrossEntropyLoss(weight, label_smoothing)`.
    fn cross_entropy(&self, logits: &Tensor, labels: &Tensor) -> Tensor {
        match &self.class_weights {
            None => regularize::cross_entropy(logits, labels, self.smoothing),
            weights => {
                logits.cross_entropy_loss(labels, weights.as_ref(), Reduction::Mean, -100, self.smoothing)
            }
        }
    }
}

/// `images / (classes * images of the class)`, for the labels of a training set; 0 for a class without images.
#[must_use]
pub fn balanced_weights(labels: &[usize], classes: usize) -> Vec<f64> {
    let mut counts = vec![0usize; classes];
    for &label in labels {
        if let Some(count) = counts.get_mut(label) {
            *count += 1;
        }
    }
    let share = |&count: &usize| match count {
        0 => 0.0,
        count => labels.len() as f64 / (classes * count) as f64,
    };
    counts.iter().map(share).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn balanced_weights_make_every_class_weigh_the_same_as_a_whole() {
        let weights = balanced_weights(&[0, 0, 0, 1, 0, 0], 2);
        assert!((weights[0] - 0.6).abs() < 1e-12 && (weights[1] - 3.0).abs() < 1e-12);
        assert!((5.0 * weights[0] - weights[1]).abs() < 1e-12);
    }
}
