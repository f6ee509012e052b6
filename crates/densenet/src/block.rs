//! A layer that reads everything before it in its block, and the block.

use backbone::layers::{Activation, BatchNorm, Conv, ConvInit, ConvNorm, NormSpec};
use backbone::{Mode, Module, Path};
use graph::{Graph, Op, Value};
use tch::Tensor;

/// Layers whose outputs all stay, side by side.
#[derive(Debug)]
pub(crate) struct DenseBlock {
    layers: Vec<DenseLayer>,
    output: i64,
}

impl DenseBlock {
    /// `depth` layers, each of which adds `growth` channels to the `input` ones.
    pub(crate) fn new(path: &Path, input: i64, growth: i64, depth: usize) -> Self {
        let mut output = input;
        let mut layers = Vec::new();
        for number in 1..=depth {
            layers.push(DenseLayer::new(&(path / format!("denselayer{number}")), output, growth));
            output += growth;
        }
        Self { layers, output }
    }

    /// Channels that it gives.
    pub(crate) fn output(&self) -> i64 {
        self.output
    }
}

impl Module for DenseBlock {
    /// `[N, input, H, W]` -> `[N, input + depth * growth, H, W]`.
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        self.layers.iter().fold(x.shallow_clone(), |all, layer| {
            let new = layer.forward(&all, mode);
            Tensor::cat(&[all, new], 1)
        })
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        self.layers.iter().fold(x, |all, layer| {
            let new = layer.describe(graph, all);
            graph.push(Op::Concatenate { axis: 0 }, &[all, new])
        })
    }
}

/// Normalised, 1x1 down to four times the growth rate, 3x3 to the growth rate.
#[derive(Debug)]
struct DenseLayer {
    norm: BatchNorm,
    narrow: ConvNorm,
    spread: ConvNorm,
}

impl DenseLayer {
    fn new(path: &Path, input: i64, growth: i64) -> Self {
        let inner = 4 * growth;
        let norm = BatchNorm::new(&(path / "norm1"), input, NormSpec::TORCH);
        // The second normalisation follows the first convolution: the two are one in evaluation.
        let narrow = convolution(input, inner, 1)
            .activation(Activation::Relu)
            .normed(&(path / "conv1"), &(path / "norm2"));
        let spread = convolution(inner, growth, 3).same().alone(&(path / "conv2"));
        Self { norm, narrow, spread }
    }
}

impl Module for DenseLayer {
    /// `[N, input, H, W]` -> `[N, growth, H, W]`.
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let x = self.norm.forward(x, mode).relu_();
        self.spread.forward(&self.narrow.forward(&x, mode), mode)
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        let x = self.norm.describe(graph, x);
        let x = Activation::Relu.describe(graph, x);
        let x = self.narrow.describe(graph, x);
        self.spread.describe(graph, x)
    }
}

/// A convolution after which nothing comes, unless that is said.
pub(crate) fn convolution(input: i64, output: i64, kernel: i64) -> Conv {
    Conv::new(input, output, kernel).init(ConvInit::KaimingFanIn).activation(Activation::Identity)
}
