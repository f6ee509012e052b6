//! Cross-entropy with label smoothing (Szegedy et al., "Rethinking the Inception Architecture for Computer Vision", 2016,
//! section 7): the target is the right class by `1 - ε` and every class by `ε / classes`, so that logits have no reason to
//! grow for ever.

use tch::{Reduction, Tensor};

/// Targets of a batch of N images.
#[derive(Debug)]
pub enum Targets {
    /// One class each, `[N]` of whole numbers.
    Labels(Tensor),
    /// Two classes each: by `share` the first, by `1 - share` the second, as [`mixup`](crate::mixup) and
    /// [`cutmix`](crate::cutmix) make them.
    Mixed {
        /// One class each, `[N]`.
        first: Tensor,
        /// The other, `[N]`.
        second: Tensor,
        /// The first one's share, 0 to 1.
        share: f64,
    },
    /// A probability for each class, `[N, classes]`.
    Soft(Tensor),
}

/// The loss of classification: cross-entropy, whatever the targets are.
#[derive(Debug, Default)]
pub struct CrossEntropy {
    /// ε, `0.0..1.0`; 0 is the plain loss.
    pub smoothing: f64,
    /// How much each class counts, `[classes]`; all alike when absent.
    pub class_weights: Option<Tensor>,
}

impl CrossEntropy {
    /// The mean over a batch of logits `[N, classes]`; a scalar.
    ///
    /// As in PyTorch, with class weights the sum over labels is divided by the sum of their weights, and that over soft
    /// targets by N. Mixed targets are the two losses of labels, each by its share: without class weights that is the
    /// loss against the mixed probabilities.
    pub fn of(&self, logits: &Tensor, targets: &Targets) -> Tensor {
        self.reduced(logits, targets, Reduction::Mean)
    }

    /// The part of some rows, with logits `[n, classes]`, in the mean over a batch of which they are; a scalar. Over all rows of the
    /// batch these parts sum to [`CrossEntropy::of`] the batch. `weight` is the sum of the class weights of the whole batch's labels,
    /// or its number of images where classes have no weights.
    pub fn of_rows(&self, logits: &Tensor, targets: &Targets, weight: f64) -> Tensor {
        self.reduced(logits, targets, Reduction::Sum) / weight
    }

    fn reduced(&self, logits: &Tensor, targets: &Targets, reduction: Reduction) -> Tensor {
        let against = |target: &Tensor| {
            let weights = self.class_weights.as_ref();
            logits.cross_entropy_loss(target, weights, reduction, -100, self.smoothing)
        };
        match targets {
            Targets::Labels(target) | Targets::Soft(target) => against(target),
            Targets::Mixed { first, second, share } => {
                against(first) * *share + against(second) * (1.0 - share)
            }
        }
    }
}

/// [`CrossEntropy::of`] labels `[N]`, every class counting alike.
pub fn cross_entropy(logits: &Tensor, labels: &Tensor, smoothing: f64) -> Tensor {
    CrossEntropy { smoothing, class_weights: None }.of(logits, &Targets::Labels(labels.shallow_clone()))
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn parts_of_rows_sum_to_the_mean_over_the_batch() {
        let wide = (Kind::Double, Device::Cpu);
        let logits = Tensor::randn([7, 3], wide);
        let [first, second] =
            [[0i64, 1, 2, 2, 1, 0, 2], [2i64, 2, 0, 1, 2, 0, 1]].map(|of| Tensor::from_slice(&of));
        let soft = Tensor::randn([7, 3], wide).softmax(1, Kind::Double);
        let classes = Tensor::from_slice(&[0.5, 2.0, 1.25]);
        for (smoothing, class_weights) in [(0.0, None), (0.1, None), (0.1, Some(classes.shallow_clone()))] {
            let weight = match &class_weights {
                Some(weights) => weights.index_select(0, &first).sum(Kind::Double).double_value(&[]),
                None => 7.0,
            };
            let loss = CrossEntropy { smoothing, class_weights };
            let cut = |tensor: &Tensor, start, count| tensor.narrow(0, start, count);
            // The second labels are the first ones in another order, as mixing pairs images.
            let of = |start: i64, count: i64| {
                let (first, second) = (cut(&first, start, count), cut(&second, start, count));
                Targets::Mixed { first, second, share: 0.3 }
            };
            let part = |start, count| loss.of_rows(&cut(&logits, start, count), &of(start, count), weight);
            let apart = (part(0, 4) + part(4, 3) - loss.of(&logits, &of(0, 7))).double_value(&[]);
            assert!(apart.abs() < 1e-14, "{smoothing}: {apart}");
            if loss.class_weights.is_none() {
                let of = |start, count| Targets::Soft(cut(&soft, start, count));
                let part =
                    |start, count| loss.of_rows(&cut(&logits, start, count), &of(start, count), weight);
                let apart = (part(0, 4) + part(4, 3) - loss.of(&logits, &of(0, 7))).double_value(&[]);
                assert!(apart.abs() < 1e-14, "{smoothing}: {apart}");
            }
        }
    }
}
