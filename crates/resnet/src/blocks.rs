//! The residual block in its two forms, and how blocks become a stage.

use backbone::layers::{Activation, Conv, ConvInit, ConvNorm};
use backbone::{Mode, Module, Path, Sequence, Stage};
use graph::{Graph, Value};
use regularize::stochastic_depth::{linear_rate, stochastic_depth};
use tch::Tensor;

/// Which block a network is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Two 3x3 convolutions: ResNet-18 and 34.
    Basic,
    /// 1x1 down, 3x3, 1x1 up to four times the width: ResNet-50 and deeper. TorchVision puts the stride on the 3x3
    /// ("ResNet V1.5"), which is more accurate than the paper's on the first 1x1.
    Bottleneck {
        /// Groups of the 3x3 convolution (ResNeXt: 32 or 64).
        groups: i64,
        /// Channels per group at width 64.
        width_per_group: i64,
    },
}

impl Kind {
    /// The bottleneck of the original paper.
    pub(crate) const BOTTLENECK: Kind = Kind::grouped(1, 64);

    /// The bottleneck with twice the inner width.
    pub(crate) const WIDE: Kind = Kind::grouped(1, 128);

    /// The bottleneck whose 3x3 convolution has groups, each with `width_per_group` channels at width 64.
    pub(crate) const fn grouped(groups: i64, width_per_group: i64) -> Self {
        Self::Bottleneck { groups, width_per_group }
    }

    /// Output channels per unit of width.
    pub(crate) fn expansion(self) -> i64 {
        match self {
            Self::Basic => 1,
            Self::Bottleneck { .. } => 4,
        }
    }
}

/// Builds the four stages of blocks one after another.
#[derive(Debug)]
pub(crate) struct Plan {
    kind: Kind,
    channels: i64,
    blocks: usize,
    built: usize,
    last_rate: f64,
}

impl Plan {
    /// For `blocks` blocks in all, after a stem of 64 channels.
    pub(crate) fn new(kind: Kind, blocks: usize, stochastic_depth: f64) -> Self {
        Self { kind, channels: 64, blocks, built: 0, last_rate: stochastic_depth }
    }

    /// A stage of `depth` blocks, the first of which halves the size if `stride` is 2.
    pub(crate) fn layer(
        &mut self,
        name: &'static str,
        path: &Path,
        depth: usize,
        width: i64,
        stride: i64,
    ) -> Stage {
        let path = path / name;
        let blocks = (0..depth).fold(Sequence::new(), |blocks, index| {
            let stride = if index == 0 { stride } else { 1 };
            blocks.then(self.block(&(&path / index), width, stride))
        });
        Stage::new(name, &[name], blocks)
    }

    fn block(&mut self, path: &Path, width: i64, stride: i64) -> Block {
        let input = self.channels;
        let output = width * self.kind.expansion();
        let convolutions = match self.kind {
            Kind::Basic => vec![
                conv(path, 1, Conv::new(input, width, 3).stride(stride).same()),
                conv(path, 2, Conv::new(width, output, 3).same()),
            ],
            Kind::Bottleneck { groups, width_per_group } => {
                let inner = width * width_per_group / 64 * groups;
                vec![
                    conv(path, 1, Conv::new(input, inner, 1)),
                    conv(path, 2, Conv::new(inner, inner, 3).stride(stride).same().groups(groups)),
                    conv(path, 3, Conv::new(inner, output, 1)),
                ]
            }
        };
        // Where size or channels change, the shortcut is a 1x1 convolution (option B of the paper).
        let shortcut = (stride != 1 || input != output).then(|| {
            Conv::new(input, output, 1)
                .stride(stride)
                .init(ConvInit::KaimingFanOut)
                .activation(Activation::Identity)
                .normed(&(path / "downsample" / 0), &(path / "downsample" / 1))
        });
        let drop = linear_rate(self.last_rate, self.built, self.blocks);
        self.built += 1;
        self.channels = output;
        Block { convolutions, shortcut, drop }
    }
}

fn conv(path: &Path, number: usize, conv: Conv) -> ConvNorm {
    conv.init(ConvInit::KaimingFanOut)
        .normed(&(path / format!("conv{number}")), &(path / format!("bn{number}")))
}

/// relu(f(x) + x), with f two or three convolutions.
#[derive(Debug)]
struct Block {
    convolutions: Vec<ConvNorm>,
    shortcut: Option<ConvNorm>,
    drop: f64,
}

impl Module for Block {
    /// `[N, in, H, W]` -> `[N, out, H / stride, W / stride]`.
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let skip = match &self.shortcut {
            Some(shortcut) => shortcut.forward(x, mode),
            None => x.shallow_clone(),
        };
        let Some((last, first)) = self.convolutions.split_last() else { return skip };
        let inner = first.iter().fold(x.shallow_clone(), |x, conv| conv.forward(&x, mode));
        if mode.is_training() && self.drop > 0.0 {
            (stochastic_depth(&last.branch(&inner, mode), self.drop) + skip).relu()
        } else {
            last.forward_add(&inner, &skip, mode)
        }
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        let skip = self.shortcut.as_ref().map_or(x, |shortcut| shortcut.describe(graph, x));
        let Some((last, first)) = self.convolutions.split_last() else { return skip };
        let inner = first.iter().fold(x, |x, conv| conv.describe(graph, x));
        last.describe_add(graph, inner, skip)
    }

    fn has_branch(&self) -> bool {
        true
    }
}
