//! How blocks become stages.

use backbone::layers::{Activation, AdaptiveAvgPool, NormSpec};
use backbone::{Options, Path, Sequence, Stage};
use regularize::stochastic_depth::linear_rate;

use crate::block::{Block, Form, Shape, build, convolution};

/// No block is skipped unless the options ask for it.
pub(crate) const STOCHASTIC_DEPTH: f64 = 0.0;

/// Dropout before the head.
pub(crate) const DROPOUT: f64 = 0.2;

/// Deviation of linear layers.
pub(crate) const DEVIATION: f64 = 0.01;

/// How blocks become stages: a stage ends where the next block gives another number of channels. TorchVision has all blocks in one
/// list.
const STAGES: [&str; 7] = ["stage1", "stage2", "stage3", "stage4", "stage5", "stage6", "stage7"];

/// What precedes the classifier: the first convolution, the blocks, the last convolution, the mean over all positions.
pub(crate) struct Body {
    pub(crate) form: Form,
    /// What follows the first and the last convolution.
    pub(crate) activation: Activation,
    pub(crate) norm: NormSpec,
    /// Channels after the first convolution.
    pub(crate) first: i64,
    pub(crate) blocks: Vec<Shape>,
    /// Channels after the last convolution.
    pub(crate) last: i64,
}

impl Body {
    /// Builds them.
    pub(crate) fn stages(self, path: &Path, options: &Options) -> Vec<Stage> {
        let Self { form, activation, norm, first, blocks, last } = self;
        let features = path / "features";
        let end = |input, output, kernel, stride, place: usize| {
            let conv = convolution(input, output, kernel, norm).stride(stride).activation(activation);
            build(conv, &(&features / place))
        };
        let stem = end(options.channels, first, 3, 2, 0);
        let mut stages = vec![Stage::new("stem", &["features.0"], stem)];
        let (mut before, mut place) = (first, 1);
        let rate = options.stochastic_depth.unwrap_or(STOCHASTIC_DEPTH);
        let of_one_width = |one: &Shape, next: &Shape| one.output == next.output;
        for (name, shapes) in STAGES.into_iter().zip(blocks.chunk_by(of_one_width)) {
            let mut stage = Sequence::new();
            let mut roots = Vec::new();
            for &shape in shapes {
                let drop = linear_rate(rate, place - 1, blocks.len());
                stage = stage.then(Block::new(&(&features / place), form, norm, before, shape, drop));
                roots.push(format!("features.{place}"));
                (before, place) = (shape.output, place + 1);
            }
            let roots: Vec<&str> = roots.iter().map(String::as_str).collect();
            stages.push(Stage::new(name, &roots, stage));
        }
        let root = format!("features.{place}");
        stages.push(Stage::new("last", &[&root], end(before, last, 1, 1, place)));
        stages.push(Stage::new("pool", &[], AdaptiveAvgPool(1)));
        stages
    }
}
