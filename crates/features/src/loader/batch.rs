use std::time::Duration;

use regularize::Targets;
use tch::Tensor;
use torch_extra::rows::Rows;

/// Images or their features on the network's device.
#[derive(Debug)]
pub struct Batch {
    /// Input of the stage [`FeatureLoader::cut`], `[N, ..]`.
    pub x: Tensor,
    /// Labels `[N]`, int64.
    pub labels: Tensor,
    /// Training targets: the labels, unless images are mixed.
    pub targets: Targets,
    /// Rows of the batch that these are: all of them, unless its images are dealt out to several processes.
    pub rows: Rows,
    /// Place among the batches of the epoch, from 0: with seed, phase and epoch it seeds the random numbers of the batch.
    pub number: u64,
    /// Time spent waiting for images to be decoded and prepared.
    pub waited: Duration,
}

impl Batch {
    /// Returns a batch of images that are not mixed.
    #[must_use]
    pub fn plain(x: Tensor, labels: Tensor) -> Self {
        let targets = Targets::Labels(labels.shallow_clone());
        let rows = Rows::all(labels.size()[0]);
        Self { x, labels, targets, rows, number: 0, waited: Duration::ZERO }
    }

    /// Returns these rows of a whole batch.
    pub(super) fn cut(self, rows: Rows) -> Self {
        if !rows.are_cut() {
            return self;
        }
        let of = |tensor: &Tensor| tensor.narrow(0, rows.here.start, rows.count());
        let targets = match &self.targets {
            Targets::Labels(labels) => Targets::Labels(of(labels)),
            Targets::Soft(shares) => Targets::Soft(of(shares)),
            Targets::Mixed { first, second, share } => {
                Targets::Mixed { first: of(first), second: of(second), share: *share }
            }
        };
        Self { x: of(&self.x), labels: of(&self.labels), targets, rows, ..self }
    }
}
