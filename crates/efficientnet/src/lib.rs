//! EfficientNet (Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019).
//!
//! ResNet made it possible to go deeper, wide ResNets to go wider, and larger images always helped a little; everyone
//! scaled one of the three by feel, and each alone soon stops paying. EfficientNet found a small network by search (B0)
//! and showed that the three belong together: with more pixels there is more to see, so more layers and more channels
//! are worth having. One number scales all of them, and B7 matched the best network of its day with an eighth of the
//! parameters.
//!
//! The blocks are MobileNet's: a cheap 1x1 convolution widens, a depthwise one filters, another 1x1 narrows, with
//! squeeze-and-excitation in between. Lite0 is B0 for phones: without squeeze-and-excitation, ReLU6 for SiLU, and
//! TensorFlow's padding. It is here because its ImageNet weights come as a pip package.
//!
//! `table.rs` has B0's stages, `blocks.rs` the block and its two styles; `lite.rs` and `timm.rs` have the names that other libraries use.
//!
//! Sources: `torchvision/models/efficientnet.py`; for Lite0 the pip package `efficientnet-lite-pytorch`, under
//! TorchVision's scheme of names.

mod blocks;
mod lite;
mod table;
mod timm;

use backbone::layers::{AdaptiveAvgPool, LinearInit, NormSpec};
use backbone::{Family, Head, Network, Options, Parts, Path, Sequence, Stage};
use checkpoint::Dialect;
use pretrained::{InputSpec, Interpolation};

use blocks::{Block, Shape, Style, build};
use table::TABLE;

/// EfficientNet Lite0 and B0 to B7. Scales of width and depth against B0, and dropout, are the paper's.
pub const FAMILY: Family = Family {
    name: "efficientnet",
    solved: "scaling depth, width and resolution together: more accuracy for the same arithmetic",
    networks: &[
        Network {
            name: "efficientnet_lite0",
            year: 2020,
            paper: PAPER,
            head: "classifier.1",
            smallest_input: 32,
            input: lite::input,
            stochastic_depth: STOCHASTIC_DEPTH,
            constructor: |path, options| {
                let style = Style::lite(TENSORFLOW_NORM);
                efficientnet(path, options, Scale { width: 1.0, depth: 1.0, dropout: 0.2, style })
            },
            dialects: &[LITE, TIMM_LITE],
            arguments: &[],
        },
        network("efficientnet_b0", || input(256, 224), |path, options| efficientnet(path, options, B0)),
        network("efficientnet_b1", || input(256, 240), |path, options| efficientnet(path, options, B1)),
        network("efficientnet_b2", || input(288, 288), |path, options| efficientnet(path, options, B2)),
        network("efficientnet_b3", || input(320, 300), |path, options| efficientnet(path, options, B3)),
        network("efficientnet_b4", || input(384, 380), |path, options| efficientnet(path, options, B4)),
        network("efficientnet_b5", || input(456, 456), |path, options| efficientnet(path, options, B5)),
        network("efficientnet_b6", || input(528, 528), |path, options| efficientnet(path, options, B6)),
        network("efficientnet_b7", || input(600, 600), |path, options| efficientnet(path, options, B7)),
    ],
};

const PAPER: &str =
    "Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, 2019";

/// Rate at which TorchVision's EfficientNets skip their last block in training.
const STOCHASTIC_DEPTH: f64 = 0.2;

const fn network(
    name: &'static str,
    input: fn() -> InputSpec,
    constructor: fn(&Path, &Options) -> Parts,
) -> Network {
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

const LITE: Dialect = Dialect { name: "efficientnet-lite-pytorch", rename: lite::rename, differs: None };
const TIMM: Dialect = Dialect {
    name: "timm",
    rename: timm::rename,
    differs: Some(
        "timm's tf_efficientnet networks pad otherwise than this one, and b5 to b7 differ in batch-norm's epsilon",
    ),
};
const TIMM_LITE: Dialect = Dialect {
    name: "timm",
    rename: timm::rename_lite,
    differs: Some(
        "this network pads as tf_efficientnet_lite0 does, and timm's efficientnet_lite0 pads otherwise",
    ),
};

/// How a network departs from B0's table, and in which style its blocks are.
#[derive(Clone, Copy, Debug)]
struct Scale {
    width: f64,
    depth: f64,
    dropout: f64,
    style: Style,
}

const B0: Scale = standard(1.0, 1.0, 0.2);
const B1: Scale = standard(1.0, 1.1, 0.2);
const B2: Scale = standard(1.1, 1.2, 0.3);
const B3: Scale = standard(1.2, 1.4, 0.3);
const B4: Scale = standard(1.4, 1.8, 0.4);
const B5: Scale = converted(1.6, 2.2, 0.4);
const B6: Scale = converted(1.8, 2.6, 0.5);
const B7: Scale = converted(2.0, 3.1, 0.5);

const fn standard(width: f64, depth: f64, dropout: f64) -> Scale {
    Scale { width, depth, dropout, style: Style::standard(NormSpec::TORCH) }
}

/// TorchVision's weights of B5 to B7 were converted from TensorFlow's.
const fn converted(width: f64, depth: f64, dropout: f64) -> Scale {
    Scale { width, depth, dropout, style: Style::standard(TENSORFLOW_NORM) }
}

/// Batch-norm of networks whose weights were trained in TensorFlow.
const TENSORFLOW_NORM: NormSpec = NormSpec { eps: 0.001, momentum: 0.01 };

/// A stem, seven stages of blocks, a 1x1 convolution, the mean over all positions, a linear layer:
/// `[N, channels, 224, 224]` -> `[N, classes]`.
fn efficientnet(path: &Path, options: &Options, scale: Scale) -> Parts {
    let Scale { width, depth, dropout, style } = scale;
    let repeats = |blocks: u32| (f64::from(blocks) * depth).ceil() as usize;
    let total: usize = TABLE.iter().map(|row| repeats(row.blocks)).sum();
    let last_rate = options.stochastic_depth.unwrap_or(STOCHASTIC_DEPTH);
    let features = path / "features";

    let stem = build(style.conv(options.channels, eights(32.0 * width), 3, 2), &(&features / 0));
    // Comments give B0's shapes.
    let mut stages = vec![Stage::new(STAGES[0], &[STAGES[0]], stem)]; // [N, 32, 112, 112]
    let mut built = 0;
    for (index, row) in (1..).zip(TABLE) {
        let (input, output) = (eights(row.input as f64 * width), eights(row.output as f64 * width));
        let path = &features / index;
        let mut stage = Sequence::new();
        for number in 0..repeats(row.blocks) {
            let (input, stride) = if number == 0 { (input, row.stride) } else { (output, 1) };
            // Unlike ResNet's, this rate would reach its last value only one block after the end.
            let rate = last_rate * built as f64 / total as f64;
            let expanded = eights((input * row.expansion) as f64);
            let shape = Shape { input, expanded, output, kernel: row.kernel, stride };
            stage = stage.then(Block::new(&(&path / number), style, shape, rate));
            built += 1;
        }
        stages.push(Stage::new(STAGES[index], &[STAGES[index]], stage));
    }
    let (narrow, wide) = (eights(320.0 * width), 4 * eights(320.0 * width));
    let last = build(style.conv(narrow, wide, 1, 1), &(&features / 8));
    stages.push(Stage::new(STAGES[8], &[STAGES[8]], last)); // [N, 1280, 7, 7]
    stages.push(Stage::new("pool", &[], AdaptiveAvgPool(1))); // [N, 1280, 1, 1]

    let rate = options.dropout.unwrap_or(dropout);
    let head = Head::new(path, "classifier.1", wide, options.classes, rate, LinearInit::UniformFanOut);
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
    "features.7", // [N, 320, 7, 7]
    "features.8", // the last convolution
];

/// The nearest multiple of eight, but never less than nine tenths of the number.
fn eights(channels: f64) -> i64 {
    let rounded = ((channels + 4.0) as i64 / 8 * 8).max(8);
    if (rounded as f64) < 0.9 * channels { rounded + 8 } else { rounded }
}

/// TorchVision's presets: bicubic, ImageNet's mean and deviation.
fn input(resize: u32, crop: u32) -> InputSpec {
    InputSpec { resize, crop, interpolation: Interpolation::Bicubic, ..InputSpec::imagenet() }
}

#[cfg(test)]
mod tests {
    use super::eights;

    #[test]
    fn widths_round_to_eights_without_losing_a_tenth() {
        assert_eq!([4.0, 17.6, 18.0, 35.2, 60.0].map(eights), [8, 16, 24, 32, 64]);
    }
}
