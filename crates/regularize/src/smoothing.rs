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
        let against = |target: &Tensor| {
            let weights = self.class_weights.as_ref();
            logits.cross_entropy_loss(target, weights, Reduction::Mean, -100, self.smoothing)
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
