//! RegNet (Radosavovic, Kosaraju, Girshick, He and Dollár, "Designing Network Design Spaces", 2020).
//!
//! A network found by search is one answer, and nobody learns why it is good. RegNet searches for *rules*: it draws hundreds of
//! networks from a large space, trains each for a few epochs, and keeps what all good ones have in common; then it draws from the smaller
//! space. What was left fits in a line: the width of block i grows linearly, `w0 + wa i`, rounded so that neighbours
//! share one. Depth about 20 blocks, no narrowing within a block, and groups of a fixed width. Four numbers are a network, and a
//! whole family from 400 million to 32 thousand million multiplications lies on one line.
//!
//! The block is ResNeXt's, `relu(f(x) + x)` with a 3x3 convolution in groups; Y adds squeeze-and-excitation, X does without.
//!
//! `space.rs` has the rule, `block.rs` the block. Parameter names, shapes and initialisation are TorchVision's
//! (`torchvision/models/regnet.py`).

mod block;
mod names;
mod space;

use backbone::layers::{AdaptiveAvgPool, Conv, ConvInit, LinearInit};
use backbone::{Family, Head, Network, Options, Parts, Path, Sequence, Stage};
use checkpoint::Dialect;
use pretrained::InputSpec;
use regularize::stochastic_depth::linear_rate;

use block::{Block, Excited, Shape};
use space::{Point, Width};

/// RegNet Y and X from 400 million to 32 thousand million multiplications.
pub const FAMILY: Family = Family {
    name: "regnet",
    solved: "a design space instead of a design: widths that grow along a line, four numbers for a network",
    networks: &[
        network("regnet_y_400mf", |path, options| regnet(path, options, y(16, 48, 27.89, 2.09, 8))),
        network("regnet_x_400mf", |path, options| regnet(path, options, x(22, 24, 24.48, 2.54, 16))),
        network("regnet_y_800mf", |path, options| regnet(path, options, y(14, 56, 38.84, 2.4, 16))),
        network("regnet_x_800mf", |path, options| regnet(path, options, x(16, 56, 35.73, 2.28, 16))),
        network("regnet_y_1_6gf", |path, options| regnet(path, options, y(27, 48, 20.71, 2.65, 24))),
        network("regnet_x_1_6gf", |path, options| regnet(path, options, x(18, 80, 34.01, 2.25, 24))),
        network("regnet_y_3_2gf", |path, options| regnet(path, options, y(21, 80, 42.63, 2.66, 24))),
        network("regnet_x_3_2gf", |path, options| regnet(path, options, x(25, 88, 26.31, 2.25, 48))),
        network("regnet_y_8gf", |path, options| regnet(path, options, y(17, 192, 76.82, 2.19, 56))),
        network("regnet_x_8gf", |path, options| regnet(path, options, x(23, 80, 49.56, 2.88, 120))),
        network("regnet_y_16gf", |path, options| regnet(path, options, y(18, 200, 106.23, 2.48, 112))),
        network("regnet_x_16gf", |path, options| regnet(path, options, x(22, 216, 55.59, 2.1, 128))),
        network("regnet_y_32gf", |path, options| regnet(path, options, y(20, 232, 115.89, 2.53, 232))),
        network("regnet_x_32gf", |path, options| regnet(path, options, x(23, 320, 69.86, 2.0, 168))),
    ],
};

const fn network(name: &'static str, constructor: fn(&Path, &Options) -> Parts) -> Network {
    Network {
        name,
        year: 2020,
        paper: "Radosavovic et al., Designing Network Design Spaces, 2020",
        head: "fc",
        smallest_input: 32,
        input: InputSpec::imagenet,
        stochastic_depth: STOCHASTIC_DEPTH,
        constructor,
        dialects: &[
            Dialect { name: "timm", rename: names::timm, differs: None },
            Dialect { name: "transformers", rename: names::hugging_face, differs: None },
        ],
        arguments: &[],
    }
}

/// No block is skipped unless the options ask for it.
const STOCHASTIC_DEPTH: f64 = 0.0;

/// Channels after the first convolution.
const STEM: i64 = 32;

/// A place in the space, and whether its blocks have squeeze-and-excitation.
#[derive(Clone, Copy, Debug)]
struct Scheme {
    point: Point,
    excited: Excited,
}

const fn y(depth: usize, first: i64, slope: f64, step: f64, group: i64) -> Scheme {
    Scheme { point: Point { depth, first, slope, step, group }, excited: Excited::Yes }
}

const fn x(depth: usize, first: i64, slope: f64, step: f64, group: i64) -> Scheme {
    Scheme { point: Point { depth, first, slope, step, group }, excited: Excited::No }
}

/// Names of the stages of blocks, and of TorchVision's modules in them.
const STAGES: [(&str, &str); 4] = [
    ("block1", "trunk_output.block1"),
    ("block2", "trunk_output.block2"),
    ("block3", "trunk_output.block3"),
    ("block4", "trunk_output.block4"),
];

/// A stem, four stages of blocks that halve the size each, the mean over all positions, a linear layer:
/// `[N, channels, 224, 224]` -> `[N, classes]`. Comments give the shapes of y_400mf.
fn regnet(path: &Path, options: &Options, Scheme { point, excited }: Scheme) -> Parts {
    let last_rate = options.stochastic_depth.unwrap_or(STOCHASTIC_DEPTH);
    let stem = Conv::new(options.channels, STEM, 3)
        .stride(2)
        .same()
        .init(ConvInit::KaimingFanOutDefaultBias)
        .normed(&(path / "stem" / 0), &(path / "stem" / 1));
    let mut stages = vec![Stage::new("stem", &["stem"], stem)]; // [N, 32, 112, 112]
    let (mut input, mut built) = (STEM, 0);
    for (number, ((name, root), Width { width, depth, group })) in
        (1..).zip(STAGES.into_iter().zip(point.widths()))
    {
        let path = path.descend(root);
        let mut stage = Sequence::new();
        for index in 0..depth {
            let stride = if index == 0 { 2 } else { 1 };
            let drop = linear_rate(last_rate, built, point.depth);
            let shape = Shape { input, width, stride, group, excited };
            stage = stage.then(Block::new(&(&path / format!("block{number}-{index}")), shape, drop));
            (input, built) = (width, built + 1);
        }
        // [N, 48, 56, 56], [N, 104, 28, 28], [N, 208, 14, 14], [N, 440, 7, 7]
        stages.push(Stage::new(name, &[root], stage));
    }
    stages.push(Stage::new("pool", &[], AdaptiveAvgPool(1))); // [N, 440, 1, 1]
    let dropout = options.dropout.unwrap_or(0.0);
    let init = LinearInit::Normal(0.01);
    Parts::new(stages, Head::new(path, "fc", input, options.classes, dropout, init))
}
