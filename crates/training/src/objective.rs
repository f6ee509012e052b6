//! What is minimised, for one batch.

use backbone::{Backbone, Mode, Output, StageId};
use features::loader::Batch;
use regularize::{CrossEntropy, Targets};
use run_config::BatchNormPolicy;
use tch::{Device, Kind, Tensor};

use super::penalties::Penalties;

/// The loss of an optimizer step: cross-entropy and penalties. The shares of a step's batches sum to 1, so that penalties,
/// which are added to the loss of each batch, count once.
#[derive(Debug)]
pub struct Objective {
    /// How the live stages run: with the batch's statistics or with fixed ones.
    pub mode: Mode,
    /// The loss of the logits: label smoothing and class weights.
    pub cross_entropy: CrossEntropy,
    /// What is added against overfitting.
    pub penalties: Penalties,
}

/// Loss and number of correct predictions of one batch.
#[derive(Debug)]
pub struct BatchLoss {
    /// Mean loss, a scalar with its graph.
    pub loss: Tensor,
    /// Images whose most probable class is their label, an int64 scalar.
    pub correct: Tensor,
}

impl Objective {
    /// Returns the mean loss of a batch, which is the input of stage `from`; in the mean each image counts by its class's
    /// weight. A mixture is correct when its prediction is the label of the image that was mixed into.
    #[must_use]
    pub fn of(&self, backbone: &Backbone, batch: &Batch, from: StageId) -> BatchLoss {
        self.part_of(backbone, batch, from, 0.0)
    }

    /// Does what [`Objective::of`] does; of rows of a larger batch, whose images weigh `weight` together, returns their part in the
    /// mean loss of that.
    pub(crate) fn part_of(
        &self,
        backbone: &Backbone,
        batch: &Batch,
        from: StageId,
        weight: f64,
    ) -> BatchLoss {
        let taps = self.penalties.taps(from);
        let collected = backbone.classify_collect(&batch.x, from, &taps, self.mode);
        let correct = collected.output.logits.argmax(-1, false).eq_tensor(&batch.labels).sum(Kind::Int64);
        let penalties = self.penalties.of(backbone, batch, from, &collected, self.mode);
        let penalties = penalties.into_iter().map(|(_, penalty)| penalty);
        let loss = if batch.rows.are_cut() {
            // Penalties are means over images, or not of images at all: over all rows their parts sum to one penalty.
            let part = batch.rows.count() as f64 / batch.rows.of as f64;
            let data = |logits: &Tensor| self.cross_entropy.of_rows(logits, &batch.targets, weight);
            let data = with_aux(&collected.output, data);
            penalties.fold(data, |sum, penalty| sum + penalty * part)
        } else {
            penalties.fold(self.data_loss(&collected.output, &batch.targets), |sum, penalty| sum + penalty)
        };
        BatchLoss { loss, correct }
    }

    /// Returns the weight of each class; `None` where all are 1. It waits for a GPU.
    #[must_use]
    pub fn class_weights(&self) -> Option<Vec<f64>> {
        let weights = self.cross_entropy.class_weights.as_ref()?;
        Vec::<f64>::try_from(weights.to_device(Device::Cpu).to_kind(Kind::Double)).ok()
    }

    /// Returns the sum of the class weights of a batch's images. Mixing pairs each image with one of the same batch, so that
    /// both halves of the targets have the same sum.
    pub(crate) fn weight(&self, batch: &Batch) -> f64 {
        match &self.cross_entropy.class_weights {
            None => batch.labels.size()[0] as f64,
            Some(weights) => weights.index_select(0, &batch.labels).sum(Kind::Double).double_value(&[]),
        }
    }

    /// Returns the cross-entropy of the logits, plus that of each auxiliary head by its weight; a scalar.
    pub(crate) fn data_loss(&self, output: &Output, targets: &Targets) -> Tensor {
        with_aux(output, |logits| self.cross_entropy.of(logits, targets))
    }
}

/// Returns a loss of the logits, plus that of each auxiliary head by its weight; a scalar.
fn with_aux(output: &Output, loss: impl Fn(&Tensor) -> Tensor) -> Tensor {
    output.aux.iter().fold(loss(&output.logits), |sum, (logits, weight)| sum + loss(logits) * *weight)
}

/// Returns how the live stages run while training. A policy that is still to be decided counts as `train`.
#[must_use]
pub fn mode_of(batch_norm: BatchNormPolicy) -> Mode {
    match batch_norm {
        BatchNormPolicy::Train | BatchNormPolicy::Auto => Mode::Train,
        BatchNormPolicy::Frozen => Mode::TrainFixedNorm,
    }
}

/// Returns for each class `images / (classes * images of the class)`, given the labels of a training set; 0 for a class
/// without images.
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
