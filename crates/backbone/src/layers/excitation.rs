//! Squeeze-and-excitation (Hu et al., "Squeeze-and-Excitation Networks", 2018).

use graph::{Graph, Op, Value};
use tch::Tensor;

use super::conv::{Activation, Conv, ConvNorm};
use super::init::ConvInit;
use crate::module::{Mode, Module};
use crate::variables::Path;

/// Numbers of a squeeze-and-excitation.
#[derive(Clone, Copy, Debug)]
pub struct Excitation {
    /// Channels that it scales.
    pub channels: i64,
    /// Channels of the layer between.
    pub squeezed: i64,
    /// The function after that layer.
    pub activation: Activation,
    /// What makes the scales of the last layer's output.
    pub gate: Gate,
    /// How both layers start.
    pub init: ConvInit,
}

/// A function that gives numbers from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gate {
    /// 1 / (1 + exp(-x)).
    Sigmoid,
    /// min(max(0, x + 3), 6) / 6, which small devices compute quickly.
    HardSigmoid,
}

/// Scales each channel by a number that the mean of every channel decides.
#[derive(Debug)]
pub struct SqueezeExcitation {
    squeeze: ConvNorm,
    excite: ConvNorm,
    gate: Gate,
}

impl Excitation {
    /// Builds it, its variables in `fc1` and `fc2` below `path`.
    #[must_use]
    pub fn build(self, path: &Path) -> SqueezeExcitation {
        let Self { channels, squeezed, activation, gate, init } = self;
        let squeeze = Conv::new(channels, squeezed, 1).activation(activation).init(init);
        let excite = Conv::new(squeezed, channels, 1).activation(Activation::Identity).init(init);
        SqueezeExcitation {
            squeeze: squeeze.biased(&(path / "fc1")),
            excite: excite.biased(&(path / "fc2")),
            gate,
        }
    }
}

impl Module for SqueezeExcitation {
    /// Same shape as the input, `[N, channels, H, W]`.
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let whole = x.adaptive_avg_pool2d([1, 1]); // [N, channels, 1, 1]
        let scale = self.excite.forward(&self.squeeze.forward(&whole, mode), mode);
        let scale = match self.gate {
            Gate::Sigmoid => scale.sigmoid(),
            Gate::HardSigmoid => scale.hardsigmoid(),
        };
        scale * x
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        let whole = graph.push(Op::AdaptiveAveragePool { side: 1 }, &[x]);
        let squeezed = self.squeeze.describe(graph, whole);
        let scale = self.excite.describe(graph, squeezed);
        let gate = match self.gate {
            Gate::Sigmoid => graph::Activation::Sigmoid,
            Gate::HardSigmoid => graph::Activation::HardSigmoid,
        };
        let scale = graph.push(Op::Activation(gate), &[scale]);
        graph.push(Op::Multiply, &[scale, x])
    }
}
