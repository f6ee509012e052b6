//! The inverted residual block with squeeze-and-excitation ("MBConv"), and what differs in Lite.

use backbone::layers::{Activation, Conv, ConvInit, ConvNorm, NormSpec};
use backbone::{Mode, Module, Path, Sequence};
use graph::{Graph, Op, Value};
use regularize::stochastic_depth::stochastic_depth;
use tch::Tensor;

/// What all convolutions of a network have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    activation: Activation,
    norm: NormSpec,
    excitation: Excitation,
    padding: Padding,
}

/// Whether blocks have squeeze-and-excitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Excitation {
    Present,
    Absent,
}

/// Where the odd zero of a strided convolution goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Padding {
    Symmetric,
    TensorFlow,
}

impl Style {
    /// SiLU, squeeze-and-excitation, symmetric padding.
    pub(crate) const fn standard(norm: NormSpec) -> Self {
        let (activation, padding) = (Activation::Silu, Padding::Symmetric);
        Self { activation, norm, excitation: Excitation::Present, padding }
    }

    /// ReLU6, no squeeze-and-excitation, TensorFlow's padding: easy to quantise.
    pub(crate) const fn lite(norm: NormSpec) -> Self {
        let (activation, padding) = (Activation::Relu6, Padding::TensorFlow);
        Self { activation, norm, excitation: Excitation::Absent, padding }
    }

    /// A convolution in this style, of variables `0` (convolution) and `1` (norm).
    pub(crate) fn conv(self, input: i64, output: i64, kernel: i64, stride: i64) -> Conv {
        let conv = Conv::new(input, output, kernel)
            .stride(stride)
            .init(ConvInit::KaimingFanOut)
            .norm(self.norm)
            .activation(self.activation);
        match self.padding {
            Padding::Symmetric => conv.same(),
            Padding::TensorFlow => conv.tensorflow_same(),
        }
    }
}

/// A convolution's variables as TorchVision names them: `0` the convolution, `1` the norm.
pub(crate) fn build(conv: Conv, path: &Path) -> ConvNorm {
    conv.normed(&(path / 0), &(path / 1))
}

/// 1x1 up, depthwise, squeeze-and-excitation, 1x1 down, and the shortcut where shapes allow it.
#[derive(Debug)]
pub(crate) struct Block {
    layers: Sequence,
    /// What follows them; the input is added to its output.
    narrow: ConvNorm,
    shortcut: Shortcut,
    drop: f64,
}

/// Whether the input is added to the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shortcut {
    Identity,
    None,
}

/// A block's numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) input: i64,
    pub(crate) expanded: i64,
    pub(crate) output: i64,
    pub(crate) kernel: i64,
    pub(crate) stride: i64,
}

impl Block {
    /// A block whose branch is dropped in training with probability `drop`.
    pub(crate) fn new(path: &Path, style: Style, shape: Shape, drop: f64) -> Self {
        let Shape { input, expanded, output, kernel, stride } = shape;
        let path = path / "block";
        let mut places = (0..).map(|place: usize| &path / place);
        let mut place = || places.next().unwrap_or_else(|| path.clone());

        let mut layers = Sequence::new();
        if expanded != input {
            layers = layers.then(build(style.conv(input, expanded, 1, 1), &place()));
        }
        layers =
            layers.then(build(style.conv(expanded, expanded, kernel, stride).groups(expanded), &place()));
        if style.excitation == Excitation::Present {
            layers = layers.then(SqueezeExcitation::new(&place(), expanded, (input / 4).max(1)));
        }
        let narrow = build(style.conv(expanded, output, 1, 1).activation(Activation::Identity), &place());
        let shortcut = if stride == 1 && input == output { Shortcut::Identity } else { Shortcut::None };
        Self { layers, narrow, shortcut, drop }
    }
}

impl Module for Block {
    /// `[N, in, H, W]` -> `[N, out, H / stride, W / stride]`.
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let wide = self.layers.forward(x, mode);
        match self.shortcut {
            Shortcut::None => self.narrow.forward(&wide, mode),
            Shortcut::Identity if mode.is_training() => {
                stochastic_depth(&self.narrow.branch(&wide, mode), self.drop) + x
            }
            Shortcut::Identity => self.narrow.forward_add(&wide, x, mode),
        }
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        let wide = self.layers.describe(graph, x);
        match self.shortcut {
            Shortcut::None => self.narrow.describe(graph, wide),
            Shortcut::Identity => self.narrow.describe_add(graph, wide, x),
        }
    }

    fn has_branch(&self) -> bool {
        self.shortcut == Shortcut::Identity
    }
}

/// Scales each channel by a number that the mean of every channel decides (Hu et al., "Squeeze-and-Excitation Networks", 2018).
#[derive(Debug)]
struct SqueezeExcitation {
    squeeze: ConvNorm,
    excite: ConvNorm,
}

impl SqueezeExcitation {
    fn new(path: &Path, channels: i64, squeezed: i64) -> Self {
        let init = ConvInit::KaimingFanOut;
        let squeeze = Conv::new(channels, squeezed, 1).activation(Activation::Silu).init(init);
        let excite = Conv::new(squeezed, channels, 1).activation(Activation::Identity).init(init);
        Self { squeeze: squeeze.biased(&(path / "fc1")), excite: excite.biased(&(path / "fc2")) }
    }
}

impl Module for SqueezeExcitation {
    /// Same shape as the input.
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let whole = x.adaptive_avg_pool2d([1, 1]); // [N, channels, 1, 1]
        let scale = self.excite.forward(&self.squeeze.forward(&whole, mode), mode).sigmoid();
        scale * x
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        let whole = graph.push(Op::AdaptiveAveragePool { side: 1 }, &[x]);
        let squeezed = self.squeeze.describe(graph, whole);
        let scale = self.excite.describe(graph, squeezed);
        let scale = graph.push(Op::Activation(graph::Activation::Sigmoid), &[scale]);
        graph.push(Op::Multiply, &[scale, x])
    }
}
