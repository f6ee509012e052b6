//! EfficientNet (Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019;
//! "EfficientNetV2: Smaller Models and Faster Training", 2021).
//!
//! ResNet made it possible to go deeper, wide ResNets to go wider, and larger images always helped a little; everyone
//! scaled one of the three by feel, and each alone soon stops paying. EfficientNet found a small network by search (B0)
//! and showed that the three belong together: with more pixels there is more to see, so more layers and more channels
//! are worth having. One number scales all of them, and B7 matched the best network of its day with an eighth of the
//! parameters.
//!
//! The blocks are MobileNet's: a cheap 1x1 convolution widens, a depthwise one filters, another 1x1 narrows, with
//! squeeze-and-excitation in between. Lite is for phones: without squeeze-and-excitation, ReLU6 for SiLU,
//! TensorFlow's padding, and first and last layers that are not scaled. Lite0 to Lite2 are here because their ImageNet weights
//! come as pip packages.
//!
//! V2 asks what takes the time in training. In early stages it was the depthwise convolutions, which have few multiplications and
//! keep a processor waiting for memory; there a plain 3x3 convolution takes the place of the first two ("fused"). Later
//! stages get more of the depth than early ones, and images grow while the network learns ("progressive"; the sizes are the weights'
//! own, and this program trains at one).
//!
//! `table.rs` has the stages, `blocks.rs` the blocks and their styles; `lite.rs` and `timm.rs` have the names that other libraries use.
//!
//! Sources: `torchvision/models/efficientnet.py`; for Lite the pip package `efficientnet-lite-pytorch`, under
//! TorchVision's scheme of names.

mod blocks;
mod lite;
mod table;
mod timm;
mod timm_v2;

use backbone::layers::{AdaptiveAvgPool, LinearInit, NormSpec};
use backbone::{Family, Head, Network, Options, Parts, Path, Sequence, Stage};
use checkpoint::Dialect;
use pretrained::{InputSpec, Interpolation};

use blocks::{Block, Shape, Style, build};
use table::{Kind, Row, Scale, V2_L, V2_M, V2_S, eights};

/// EfficientNet Lite0 to Lite4, B0 to B7, and V2. Scales of width and depth against B0, and dropout, are the papers'.
pub const FAMILY: Family = Family {
    name: "efficientnet",
    solved: "scaling depth, width and resolution together: more accuracy for the same arithmetic",
    networks: &[
        lite(
            "efficientnet_lite0",
            || lite::input(224),
            &LITE0,
            |path, options| lite_network(path, options, lite::ZERO, 0.2),
        ),
        lite(
            "efficientnet_lite1",
            || lite::input(240),
            &LITE1,
            |path, options| lite_network(path, options, lite::ONE, 0.2),
        ),
        lite(
            "efficientnet_lite2",
            || lite::input(260),
            &LITE2,
            |path, options| lite_network(path, options, lite::TWO, 0.3),
        ),
        lite(
            "efficientnet_lite3",
            || lite::input(280),
            &LITE3,
            |path, options| lite_network(path, options, lite::THREE, 0.3),
        ),
        lite(
            "efficientnet_lite4",
            || lite::input(300),
            &LITE4,
            |path, options| lite_network(path, options, lite::FOUR, 0.3),
        ),
        network("efficientnet_b0", || input(256, 224), |path, options| scaled(path, options, B0)),
        network("efficientnet_b1", || input(256, 240), |path, options| scaled(path, options, B1)),
        network("efficientnet_b2", || input(288, 288), |path, options| scaled(path, options, B2)),
        network("efficientnet_b3", || input(320, 300), |path, options| scaled(path, options, B3)),
        network("efficientnet_b4", || input(384, 380), |path, options| scaled(path, options, B4)),
        network("efficientnet_b5", || input(456, 456), |path, options| scaled(path, options, B5)),
        network("efficientnet_b6", || input(528, 528), |path, options| scaled(path, options, B6)),
        network("efficientnet_b7", || input(600, 600), |path, options| scaled(path, options, B7)),
        second(
            "efficientnet_v2_s",
            || square(384),
            &[TIMM_V2_S],
            |path, options| v2(path, options, &V2_S, 0.2),
        ),
        second(
            "efficientnet_v2_m",
            || square(480),
            &[TIMM_V2],
            |path, options| v2(path, options, &V2_M, 0.3),
        ),
        second(
            "efficientnet_v2_l",
            || square(480),
            &[TIMM_V2],
            |path, options| v2(path, options, &V2_L, 0.4),
        ),
    ],
};

const PAPER: &str =
    "Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, 2019";

/// Rate at which TorchVision's EfficientNets skip their last block in training.
const STOCHASTIC_DEPTH: f64 = 0.2;

type Constructor = fn(&Path, &Options) -> Parts;

const fn network(name: &'static str, input: fn() -> InputSpec, constructor: Constructor) -> Network {
    Network {
        name,
        year: 2019,
        paper: PAPER,
        head: "classifier.1",
        smallest_input: 32,
        input,
        stochastic_depth: STOCHASTIC_DEPTH,
        constructor,
        dialects: &[TIMM],
        arguments: &[],
    }
}

const fn lite(
    name: &'static str,
    input: fn() -> InputSpec,
    dialects: &'static [Dialect],
    constructor: Constructor,
) -> Network {
    Network { year: 2020, dialects, ..network(name, input, constructor) }
}

const fn second(
    name: &'static str,
    input: fn() -> InputSpec,
    dialects: &'static [Dialect],
    constructor: Constructor,
) -> Network {
    let paper = "Tan and Le, EfficientNetV2: Smaller Models and Faster Training, 2021";
    Network { year: 2021, paper, dialects, ..network(name, input, constructor) }
}

const LITE0: [Dialect; 2] = [published(|name| lite::rename(name, lite::ZERO)), TIMM_LITE];
const LITE1: [Dialect; 2] = [published(|name| lite::rename(name, lite::ONE)), TIMM_LITE];
const LITE2: [Dialect; 2] = [published(|name| lite::rename(name, lite::TWO)), TIMM_LITE];
const LITE3: [Dialect; 2] = [published(|name| lite::rename(name, lite::THREE)), TIMM_LITE];
const LITE4: [Dialect; 2] = [published(|name| lite::rename(name, lite::FOUR)), TIMM_LITE];

const fn published(rename: fn(&str) -> Option<String>) -> Dialect {
    Dialect { name: "efficientnet-lite-pytorch", rename, differs: None }
}

const TIMM: Dialect = Dialect {
    name: "timm",
    rename: timm::rename,
    differs: Some(
        "timm's tf_efficientnet networks pad otherwise than this one, and b5 to b7 differ in batch-norm's epsilon",
    ),
};
const TIMM_V2_S: Dialect = second_of_timm(timm_v2::rename_small);
const TIMM_V2: Dialect = second_of_timm(timm_v2::rename);

const fn second_of_timm(rename: fn(&str) -> Option<String>) -> Dialect {
    Dialect {
        name: "timm",
        rename,
        differs: Some(
            "timm's tf_efficientnetv2 networks pad otherwise than this one, and those without tf_ have another epsilon in batch-norm",
        ),
    }
}
const TIMM_LITE: Dialect = Dialect {
    name: "timm",
    rename: timm::rename_lite,
    differs: Some(
        "this network pads as tf_efficientnet_lite0 does, and timm's efficientnet_lite0 pads otherwise",
    ),
};

/// How a network departs from B0's table, and which batch-norm it has.
#[derive(Clone, Copy, Debug)]
struct Version {
    scale: Scale,
    dropout: f64,
    norm: NormSpec,
}

const B0: Version = standard(1.0, 1.0, 0.2);
const B1: Version = standard(1.0, 1.1, 0.2);
const B2: Version = standard(1.1, 1.2, 0.3);
const B3: Version = standard(1.2, 1.4, 0.3);
const B4: Version = standard(1.4, 1.8, 0.4);
const B5: Version = converted(1.6, 2.2, 0.4);
const B6: Version = converted(1.8, 2.6, 0.5);
const B7: Version = converted(2.0, 3.1, 0.5);

const fn standard(width: f64, depth: f64, dropout: f64) -> Version {
    Version { scale: Scale { width, depth }, dropout, norm: NormSpec::TORCH }
}

/// TorchVision's weights of B5 to B7 were converted from TensorFlow's.
const fn converted(width: f64, depth: f64, dropout: f64) -> Version {
    Version { scale: Scale { width, depth }, dropout, norm: TENSORFLOW_NORM }
}

/// Batch-norm of networks whose weights were trained in TensorFlow.
const TENSORFLOW_NORM: NormSpec = NormSpec { eps: 0.001, momentum: 0.01 };

/// Batch-norm of V2.
const V2_NORM: NormSpec = NormSpec { eps: 0.001, momentum: 0.1 };

fn scaled(path: &Path, options: &Options, Version { scale, dropout, norm }: Version) -> Parts {
    let last = 4 * eights(320.0 * scale.width);
    efficientnet(path, options, Plan { rows: scale.rows(), style: Style::standard(norm), last, dropout })
}

fn lite_network(path: &Path, options: &Options, scale: Scale, dropout: f64) -> Parts {
    let style = Style::lite(TENSORFLOW_NORM);
    efficientnet(path, options, Plan { rows: scale.lite_rows(), style, last: 1280, dropout })
}

fn v2(path: &Path, options: &Options, rows: &[Row], dropout: f64) -> Parts {
    let style = Style::standard(V2_NORM);
    efficientnet(path, options, Plan { rows: rows.to_vec(), style, last: 1280, dropout })
}

/// A network's stages and what all of them share.
struct Plan {
    rows: Vec<Row>,
    style: Style,
    /// Channels of the last convolution.
    last: i64,
    dropout: f64,
}

/// A stem, stages of blocks, a 1x1 convolution, the mean over all positions, a linear layer: `[N, channels, 224, 224]` ->
/// `[N, classes]`.
fn efficientnet(path: &Path, options: &Options, plan: Plan) -> Parts {
    let Plan { rows, style, last, dropout } = plan;
    let total: usize = rows.iter().map(|row| row.blocks).sum();
    let last_rate = options.stochastic_depth.unwrap_or(STOCHASTIC_DEPTH);
    let features = path / "features";
    let [first, .., narrow] = rows.as_slice() else { unreachable!("every table has stages") };

    let stem = build(style.conv(options.channels, first.input, 3, 2), &(&features / 0));
    // Comments give B0's shapes.
    let mut stages = vec![Stage::new(STAGES[0], &[STAGES[0]], stem)]; // [N, 32, 112, 112]
    let mut built = 0;
    for (index, row) in (1..).zip(&rows) {
        let path = &features / index;
        let mut stage = Sequence::new();
        for number in 0..row.blocks {
            let (input, stride) = if number == 0 { (row.input, row.stride) } else { (row.output, 1) };
            // Unlike ResNet's, this rate would reach its last value only one block after the end.
            let rate = last_rate * built as f64 / total as f64;
            let expanded = eights((input * row.expansion) as f64);
            let shape = Shape { input, expanded, output: row.output, kernel: row.kernel, stride };
            let make = if row.kind == Kind::Fused { Block::fused } else { Block::new };
            stage = stage.then(make(&(&path / number), style, shape, rate));
            built += 1;
        }
        stages.push(Stage::new(STAGES[index], &[STAGES[index]], stage));
    }
    let end = rows.len() + 1;
    let wide = build(style.conv(narrow.output, last, 1, 1), &(&features / end));
    stages.push(Stage::new(STAGES[end], &[STAGES[end]], wide)); // [N, 1280, 7, 7]
    stages.push(Stage::new("pool", &[], AdaptiveAvgPool(1))); // [N, 1280, 1, 1]

    let rate = options.dropout.unwrap_or(dropout);
    let head = Head::new(path, "classifier.1", last, options.classes, rate, LinearInit::UniformFanOut);
    Parts::new(stages, head)
}

/// The stages are TorchVision's modules, and called as they are.
const STAGES: [&str; 9] = [
    "features.0", // the stem
    "features.1", // [N, 16, 112, 112]
    "features.2", // [N, 24, 56, 56]
    "features.3", // [N, 40, 28, 28]
    "features.4", // [N, 80, 14, 14]
    "features.5", // [N, 112, 14, 14]
    "features.6", // [N, 192, 7, 7]
    "features.7", // [N, 320, 7, 7]; in V2 S the last convolution
    "features.8", // the last convolution
];

/// TorchVision's presets: bicubic, ImageNet's mean and deviation.
fn input(resize: u32, crop: u32) -> InputSpec {
    InputSpec { resize, crop, interpolation: Interpolation::Bicubic, ..InputSpec::imagenet() }
}

/// Those of V2 S and M: bilinear, nothing cut off.
fn square(side: u32) -> InputSpec {
    InputSpec { resize: side, crop: side, ..InputSpec::imagenet() }
}
