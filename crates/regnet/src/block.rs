//! The block, ResNeXt's with or without squeeze-and-excitation.

use backbone::layers::{Activation, Conv, ConvInit, ConvNorm, Excitation, Gate};
use backbone::{Mode, Module, Path, Sequence};
use graph::{Graph, Value};
use regularize::stochastic_depth::stochastic_depth;
use tch::Tensor;

/// Whether blocks have squeeze-and-excitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Excited {
    Yes,
    No,
}

/// A block's numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shape {
    pub(crate) input: i64,
    /// Channels within and of the output.
    pub(crate) width: i64,
    pub(crate) stride: i64,
    /// Channels of a group.
    pub(crate) group: i64,
    pub(crate) excited: Excited,
}

/// relu(f(x) + x), with f 1x1, 3x3 in groups, squeeze-and-excitation, 1x1.
#[derive(Debug)]
pub(crate) struct Block {
    shortcut: Option<ConvNorm>,
    layers: Sequence,
    /// What follows them; the shortcut is added to its output.
    last: ConvNorm,
    drop: f64,
}

impl Block {
    /// A block whose branch is dropped in training with probability `drop`.
    pub(crate) fn new(path: &Path, shape: Shape, drop: f64) -> Self {
        let Shape { input, width, stride, group, excited } = shape;
        // Where size or channels change, the shortcut is a 1x1 convolution.
        let shortcut = (stride != 1 || input != width).then(|| {
            let conv = Conv::new(input, width, 1).stride(stride).activation(Activation::Identity);
            build(conv, &(path / "proj"))
        });
        let path = path / "f";
        let mut layers = Sequence::new().then(build(Conv::new(input, width, 1), &(&path / "a"))).then(build(
            Conv::new(width, width, 3).stride(stride).same().groups(width / group),
            &(&path / "b"),
        ));
        if excited == Excited::Yes {
            let excitation = Excitation {
                channels: width,
                squeezed: (0.25 * input as f64).round_ties_even() as i64,
                activation: Activation::Relu,
                gate: Gate::Sigmoid,
                init: INIT,
            };
            layers = layers.then(excitation.build(&(&path / "se")));
        }
        let last = build(Conv::new(width, width, 1), &(&path / "c"));
        Self { shortcut, layers, last, drop }
    }
}

const INIT: ConvInit = ConvInit::KaimingFanOutDefaultBias;

/// A convolution's variables as TorchVision names them: `0` the convolution, `1` the norm.
fn build(conv: Conv, path: &Path) -> ConvNorm {
    conv.init(INIT).normed(&(path / 0), &(path / 1))
}

impl Module for Block {
    /// `[N, input, H, W]` -> `[N, width, H / stride, W / stride]`.
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let skip = match &self.shortcut {
            Some(shortcut) => shortcut.forward(x, mode),
            None => x.shallow_clone(),
        };
        let inner = self.layers.forward(x, mode);
        if mode.is_training() && self.drop > 0.0 {
            (stochastic_depth(&self.last.branch(&inner, mode), self.drop) + skip).relu()
        } else {
            self.last.forward_add(&inner, &skip, mode)
        }
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        let skip = self.shortcut.as_ref().map_or(x, |shortcut| shortcut.describe(graph, x));
        let inner = self.layers.describe(graph, x);
        self.last.describe_add(graph, inner, skip)
    }

    fn has_branch(&self) -> bool {
        true
    }
}
