//! What GoogLeNet and Inception v3 are made of.

use backbone::layers::{Conv, ConvInit, ConvNorm, NormSpec};
use backbone::{Mode, Module, Path, Trace};
use tch::Tensor;

/// `BasicConv2d`: convolution without bias, batch-norm with eps 0.001, ReLU; its variables are `conv` and `bn`.
pub(crate) fn basic(path: &Path, conv: Conv, deviation: f64) -> ConvNorm {
    conv.init(ConvInit::TruncatedNormal(deviation))
        .norm(NormSpec { eps: 0.001, ..NormSpec::default() })
        .normed(&(path / "conv"), &(path / "bn"))
}

/// Branches that read the same input, their outputs side by side as channels.
#[derive(Debug, Default)]
pub(crate) struct Branches {
    branches: Vec<Box<dyn Module>>,
}

impl Branches {
    /// No branches yet.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// With one more branch.
    pub(crate) fn with(mut self, branch: impl Module + 'static) -> Self {
        self.branches.push(Box::new(branch));
        self
    }
}

impl Module for Branches {
    /// `[N, in, H, W]` -> `[N, sum of the branches' channels, H', W']`.
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let outputs: Vec<Tensor> = self.branches.iter().map(|branch| branch.forward(x, mode)).collect();
        Tensor::cat(&outputs, 1)
    }

    fn trace(&self, x: Trace) -> Trace {
        let traces: Vec<Trace> = self.branches.iter().map(|branch| branch.trace(x.branch())).collect();
        let mut shape = traces.first().map_or_else(Vec::new, |first| first.shape.clone());
        shape[1] = traces.iter().map(|trace| trace.shape[1]).sum();
        let multiply_adds = traces.iter().map(|trace| trace.multiply_adds).sum();
        Trace { shape, ..x }.plus(multiply_adds)
    }
}
