//! What a batch-norm knows of the batches that it has seen.

use tch::Tensor;

/// The running statistics of a batch-norm, and how fast they follow the batches.
#[derive(Debug)]
pub struct RunningStatistics {
    /// The layer's name, `layer1.0.bn1`.
    pub name: String,
    /// `[C]`.
    pub mean: Tensor,
    /// `[C]`.
    pub variance: Tensor,
    /// Number of batches that moved them, an int64 scalar.
    pub batches: Tensor,
    /// Share of a batch in the statistics after it.
    pub momentum: f64,
}

impl Clone for RunningStatistics {
    /// Second handles on the same tensors.
    fn clone(&self) -> Self {
        let Self { name, mean, variance, batches, momentum } = self;
        let [mean, variance, batches] = [mean, variance, batches].map(Tensor::shallow_clone);
        Self { name: name.clone(), mean, variance, batches, momentum: *momentum }
    }
}
