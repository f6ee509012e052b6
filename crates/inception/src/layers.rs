//! What GoogLeNet and Inception v3 are made of.

use backbone::layers::{Conv, ConvInit, ConvNorm, NormSpec};
use backbone::{Mode, Module, Path};
use graph::{Graph, Op, Value};
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

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        let outputs: Vec<Value> = self.branches.iter().map(|branch| branch.describe(graph, x)).collect();
        graph.push(Op::Concatenate { axis: 0 }, &outputs)
    }
}
