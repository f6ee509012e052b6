//! The inverted residual block with squeeze-and-excitation ("MBConv"), what differs in Lite, and the fused block of V2.

use backbone::layers::{Activation, Conv, ConvInit, ConvNorm, Excitation, Gate, NormSpec};
use backbone::{Mode, Module, Path, Sequence};
use graph::{Graph, Op, Value};
use regularize::stochastic_depth::stochastic_depth;
use tch::Tensor;

/// What all convolutions of a network have in common.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    activation: Activation,
    norm: NormSpec,
    excitation: Excited,
    padding: Padding,
}

/// Whether blocks have squeeze-and-excitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Excited {
    Yes,
    No,
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
        Self { activation, norm, excitation: Excited::Yes, padding }
    }

    /// ReLU6, no squeeze-and-excitation, TensorFlow's padding: easy to quantise.
    pub(crate) const fn lite(norm: NormSpec) -> Self {
        let (activation, padding) = (Activation::Relu6, Padding::TensorFlow);
        Self { activation, norm, excitation: Excited::No, padding }
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
    /// What follows them, without activation; the input is added to its output. None where they are a single layer.
    narrow: Option<ConvNorm>,
    shortcut: Shortcut,
    drop: f64,
}

/// Whether the input is added to the output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shortcut {
    Identity,
    None,
}

impl Shortcut {
    fn of(shape: Shape) -> Self {
        if shape.stride == 1 && shape.input == shape.output { Self::Identity } else { Self::None }
    }
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
        if style.excitation == Excited::Yes {
            let excitation = Excitation {
                channels: expanded,
                squeezed: (input / 4).max(1),
                activation: Activation::Silu,
                gate: Gate::Sigmoid,
                init: ConvInit::KaimingFanOut,
            };
            layers = layers.then(excitation.build(&place()));
        }
        let narrow = build(style.conv(expanded, output, 1, 1).activation(Activation::Identity), &place());
        Self { layers, narrow: Some(narrow), shortcut: Shortcut::of(shape), drop }
    }

    /// The fused block of V2: one 3x3 convolution in place of the 1x1 and the depthwise one, which processors compute faster
    /// where there are few channels; no squeeze-and-excitation.
    pub(crate) fn fused(path: &Path, style: Style, shape: Shape, drop: f64) -> Self {
        let Shape { input, expanded, output, kernel, stride } = shape;
        let path = path / "block";
        let widens = expanded != input;
        let first = style.conv(input, if widens { expanded } else { output }, kernel, stride);
        let layers = Sequence::new().then(build(first, &(&path / 0)));
        let narrow = style.conv(expanded, output, 1, 1).activation(Activation::Identity);
        let narrow = widens.then(|| build(narrow, &(&path / 1)));
        Self { layers, narrow, shortcut: Shortcut::of(shape), drop }
    }
}

impl Module for Block {
    /// `[N, in, H, W]` -> `[N, out, H / stride, W / stride]`.
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let wide = self.layers.forward(x, mode);
        match (self.shortcut, &self.narrow) {
            (Shortcut::None, None) => wide,
            (Shortcut::None, Some(narrow)) => narrow.forward(&wide, mode),
            (Shortcut::Identity, narrow) if mode.is_training() => {
                let branch = match narrow {
                    None => wide,
                    Some(narrow) => narrow.branch(&wide, mode),
                };
                stochastic_depth(&branch, self.drop) + x
            }
            (Shortcut::Identity, None) => wide + x,
            (Shortcut::Identity, Some(narrow)) => narrow.forward_add(&wide, x, mode),
        }
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        let wide = self.layers.describe(graph, x);
        match (self.shortcut, &self.narrow) {
            (Shortcut::None, None) => wide,
            (Shortcut::None, Some(narrow)) => narrow.describe(graph, wide),
            (Shortcut::Identity, None) => graph.push(Op::Add, &[wide, x]),
            (Shortcut::Identity, Some(narrow)) => narrow.describe_add(graph, wide, x),
        }
    }

    fn has_branch(&self) -> bool {
        self.shortcut == Shortcut::Identity
    }
}
