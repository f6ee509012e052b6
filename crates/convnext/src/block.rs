//! The block: a depthwise convolution over positions, then two linear layers over channels.

use backbone::layers::{
    Activation, Conv, ConvInit, ConvNorm, LayerNorm, LayerScale, LinearInit, Perceptron, channels_at_end,
    channels_first, describe_channels_at_end, describe_channels_first,
};
use backbone::{Mode, Module, Path};
use graph::{Graph, Value};
use regularize::stochastic_depth::stochastic_depth;
use tch::{Device, Kind, Tensor};

/// Added to the variance by every LayerNorm.
pub(crate) const EPS: f64 = 1e-6;

/// Of convolutions and linear layers when they start.
pub(crate) const DEVIATION: f64 = 0.02;

/// x + s W2 gelu(W1 norm(depthwise(x))), with a scale s for each channel.
#[derive(Debug)]
pub(crate) struct Block {
    depthwise: ConvNorm,
    norm: LayerNorm,
    perceptron: Perceptron,
    drop: f64,
}

impl Block {
    /// A block whose branch is dropped in training with probability `drop`.
    pub(crate) fn new(path: &Path, width: i64, drop: f64) -> Self {
        const SMALL: f64 = 1e-6;
        let scale = Tensor::full([width, 1, 1], SMALL, (Kind::Float, Device::Cpu));
        let scale = LayerScale {
            name: format!("{}.layer_scale", path.name()),
            values: path.parameter("layer_scale", scale),
        };
        let path = path / "block";
        let depthwise = Conv::new(width, width, 7)
            .same()
            .groups(width)
            .init(ConvInit::TruncatedNormalZeroBias(DEVIATION))
            .activation(Activation::Identity)
            .biased(&(&path / 0));
        let norm = LayerNorm::new(&(&path / 2), width, EPS);
        let init = LinearInit::TruncatedNormalZeroBias(DEVIATION);
        let perceptron = Perceptron::new([&(&path / 3), &(&path / 5)], width, 4 * width, init, Some(scale));
        Self { depthwise, norm, perceptron, drop }
    }
}

impl Module for Block {
    /// `[N, width, H, W]` -> the same shape.
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let inner = channels_at_end(&self.depthwise.forward(x, mode)); // [N, H, W, width]
        let inner = self.norm.forward(&inner, mode);
        let skip = channels_at_end(x);
        let sum = if mode.is_training() && self.drop > 0.0 {
            stochastic_depth(&self.perceptron.branch(&inner), self.drop) + skip
        } else {
            self.perceptron.forward_add(&inner, &skip, mode)
        };
        channels_first(&sum)
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        let inner = self.depthwise.describe(graph, x);
        let inner = describe_channels_at_end(graph, inner);
        let inner = self.norm.describe(graph, inner);
        let skip = describe_channels_at_end(graph, x);
        let sum = self.perceptron.describe_add(graph, inner, skip);
        describe_channels_first(graph, sum)
    }

    fn has_branch(&self) -> bool {
        true
    }
}
