//! The inverted residual block in the form of V2 and in that of V3.

use backbone::layers::{Activation, Conv, ConvInit, ConvNorm, Excitation, Gate, NormSpec};
use backbone::{Mode, Module, Path, Sequence};
use graph::{Graph, Value};
use regularize::stochastic_depth::stochastic_depth;
use tch::Tensor;

/// Names of a block's variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Below `conv`, the last convolution and its norm next to one another.
    V2,
    /// Below `block`, each convolution with its norm.
    V3,
}

/// A block's numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) kernel: i64,
    /// Channels within.
    pub(crate) expanded: i64,
    pub(crate) output: i64,
    pub(crate) excitation: bool,
    pub(crate) activation: Activation,
    pub(crate) stride: i64,
}

/// 1x1 up, depthwise, squeeze-and-excitation, 1x1 down without activation, and the shortcut where shapes allow it.
#[derive(Debug)]
pub(crate) struct Block {
    layers: Sequence,
    /// What follows them; the input is added to its output.
    narrow: ConvNorm,
    has_shortcut: bool,
    drop: f64,
}

impl Block {
    /// A block after `input` channels, whose branch is dropped in training with probability `drop`.
    pub(crate) fn new(path: &Path, form: Form, norm: NormSpec, input: i64, shape: Shape, drop: f64) -> Self {
        let Shape { kernel, expanded, output, excitation, activation, stride } = shape;
        let path = path / if form == Form::V2 { "conv" } else { "block" };
        let mut layers = Sequence::new();
        let mut place = 0;
        if expanded != input {
            let wide = convolution(input, expanded, 1, norm).activation(activation);
            layers = layers.then(build(wide, &(&path / place)));
            place += 1;
        }
        let depthwise = convolution(expanded, expanded, kernel, norm)
            .stride(stride)
            .groups(expanded)
            .activation(activation);
        layers = layers.then(build(depthwise, &(&path / place)));
        place += 1;
        if excitation {
            let excitation = Excitation {
                channels: expanded,
                squeezed: eights(expanded / 4),
                activation: Activation::Relu,
                gate: Gate::HardSigmoid,
                init: ConvInit::KaimingFanOut,
            };
            layers = layers.then(excitation.build(&(&path / place)));
            place += 1;
        }
        let narrow = convolution(expanded, output, 1, norm).activation(Activation::Identity);
        let narrow = match form {
            Form::V2 => narrow.normed(&(&path / place), &(&path / (place + 1))),
            Form::V3 => build(narrow, &(&path / place)),
        };
        Self { layers, narrow, has_shortcut: stride == 1 && input == output, drop }
    }
}

impl Module for Block {
    /// `[N, in, H, W]` -> `[N, out, H / stride, W / stride]`.
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let wide = self.layers.forward(x, mode);
        if !self.has_shortcut {
            self.narrow.forward(&wide, mode)
        } else if mode.is_training() {
            stochastic_depth(&self.narrow.branch(&wide, mode), self.drop) + x
        } else {
            self.narrow.forward_add(&wide, x, mode)
        }
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        let wide = self.layers.describe(graph, x);
        if self.has_shortcut {
            self.narrow.describe_add(graph, wide, x)
        } else {
            self.narrow.describe(graph, wide)
        }
    }

    fn has_branch(&self) -> bool {
        self.has_shortcut
    }
}

/// A convolution as all of a network are; ReLU6 or another activation is the caller's.
pub(crate) fn convolution(input: i64, output: i64, kernel: i64, norm: NormSpec) -> Conv {
    Conv::new(input, output, kernel).same().init(ConvInit::KaimingFanOut).norm(norm)
}

/// A convolution's variables as TorchVision names them: `0` the convolution, `1` the norm.
pub(crate) fn build(conv: Conv, path: &Path) -> ConvNorm {
    conv.normed(&(path / 0), &(path / 1))
}

/// The nearest multiple of eight, but never less than nine tenths of the number.
fn eights(channels: i64) -> i64 {
    let rounded = ((channels + 4) / 8 * 8).max(8);
    if rounded * 10 < channels * 9 { rounded + 8 } else { rounded }
}

#[cfg(test)]
mod tests {
    use super::eights;

    #[test]
    fn widths_round_to_eights_without_losing_a_tenth() {
        assert_eq!([4, 18, 22, 60, 24, 30, 72].map(eights), [8, 24, 24, 64, 24, 32, 72]);
    }
}
