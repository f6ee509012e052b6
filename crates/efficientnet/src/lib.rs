//! EfficientNet (Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019).
//!
//! ResNet made it possible to go deeper, wide ResNets to go wider, and larger pictures always helped a little; everyone
//! scaled one of the three by feel, and each alone soon stops paying. EfficientNet found a small network by search (B0)
//! and showed that the three belong together: with more pixels there is more to see, so more layers and more channels
//! are worth having. One number scales all of them, and B7 matched the best network of its day with an eighth of the
//! parameters.
//!
//! The blocks are MobileNet's: a cheap 1x1 convolution widens, a depthwise one filters, another 1x1 narrows, with
//! squeeze-and-excitation in between. Lite0 is B0 for phones: without squeeze-and-excitation, ReLU6 for SiLU, and
//! TensorFlow's padding. It is here because its ImageNet weights come as a pip package.
//!
//! - [`blocks`]: the block, its two activations.
//! - [`lite`]: Lite0's own names.
//! - [`timm`]: timm's names.
//!
//! Sources: `torchvision/models/efficientnet.py`; for Lite0 the pip package `efficientnet-lite-pytorch`, under
//! TorchVision's scheme of names.

pub mod blocks;
pub mod lite;
pub mod timm;

use backbone::layers::{AdaptiveAvgPool, LinearInit, NormSpec};
use backbone::{Backbone, Family, Head, Network, Options, Path, Sequence, Stage};
use pretrained::{Dialect, InputSpec, Interpolation};

use blocks::{Block, Shape, Style, build};

const LITE: Dialect = Dialect { name: "efficientnet-lite-pytorch", rename: lite::rename };
const TIMM: Dialect = Dialect { name: "timm", rename: timm::rename };
const TIMM_LITE: Dialect = Dialect { name: "timm", rename: timm::rename_lite };

/// EfficientNet Lite0 and B0 to B7.
pub const FAMILY: Family = Family {
    name: "efficientnet",
    solved: "scaling depth, width and resolution together: more accuracy for the same arithmetic",
    paper: "Tan and Le, EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks, 2019",
    networks: &[
        Network {
            name: "efficientnet_lite0",
            year: 2020,
            head: "classifier.1",
            smallest_input: 32,
            input: lite::input,
            build: efficientnet_lite0,
            dialects: &[LITE, TIMM_LITE],
            arguments: &[],
        },
        network("efficientnet_b0", || input(256, 224), efficientnet_b0),
        network("efficientnet_b1", || input(256, 240), efficientnet_b1),
        network("efficientnet_b2", || input(288, 288), efficientnet_b2),
        network("efficientnet_b3", || input(320, 300), efficientnet_b3),
        network("efficientnet_b4", || input(384, 380), efficientnet_b4),
        network("efficientnet_b5", || input(456, 456), efficientnet_b5),
        network("efficientnet_b6", || input(528, 528), efficientnet_b6),
        network("efficientnet_b7", || input(600, 600), efficientnet_b7),
    ],
};

const fn network(
    name: &'static str,
    input: fn() -> InputSpec,
    build: fn(&Path, &Options) -> Backbone,
) -> Network {
    Network {
        name,
        year: 2019,
        head: "classifier.1",
        smallest_input: 32,
        input,
        build,
        dialects: &[TIMM],
        arguments: &[],
    }
}

/// B0's seven stages of blocks (Table 1 of the paper): expansion, kernel, stride, channels in, channels out, blocks.
pub(crate) const B0: [(i64, i64, i64, i64, i64, u32); 7] = [
    (1, 3, 1, 32, 16, 1),
    (6, 3, 2, 16, 24, 2),
    (6, 5, 2, 24, 40, 2),
    (6, 3, 2, 40, 80, 3),
    (6, 5, 1, 80, 112, 3),
    (6, 5, 2, 112, 192, 4),
    (6, 3, 1, 192, 320, 1),
];

/// How a network departs from B0.
#[derive(Clone, Copy, Debug)]
struct Scale {
    width: f64,
    depth: f64,
    dropout: f64,
    style: Style,
}

/// The baseline, found by architecture search.
#[must_use]
pub fn efficientnet_b0(path: &Path, options: &Options) -> Backbone {
    scaled("efficientnet_b0", path, options, 1.0, 1.0, 0.2)
}

/// Depth 1.1, for 240 pixels.
#[must_use]
pub fn efficientnet_b1(path: &Path, options: &Options) -> Backbone {
    scaled("efficientnet_b1", path, options, 1.0, 1.1, 0.2)
}

/// Width 1.1, depth 1.2, for 288 pixels.
#[must_use]
pub fn efficientnet_b2(path: &Path, options: &Options) -> Backbone {
    scaled("efficientnet_b2", path, options, 1.1, 1.2, 0.3)
}

/// Width 1.2, depth 1.4, for 300 pixels.
#[must_use]
pub fn efficientnet_b3(path: &Path, options: &Options) -> Backbone {
    scaled("efficientnet_b3", path, options, 1.2, 1.4, 0.3)
}

/// Width 1.4, depth 1.8, for 380 pixels.
#[must_use]
pub fn efficientnet_b4(path: &Path, options: &Options) -> Backbone {
    scaled("efficientnet_b4", path, options, 1.4, 1.8, 0.4)
}

/// Width 1.6, depth 2.2, for 456 pixels.
#[must_use]
pub fn efficientnet_b5(path: &Path, options: &Options) -> Backbone {
    converted("efficientnet_b5", path, options, 1.6, 2.2, 0.4)
}

/// Width 1.8, depth 2.6, for 528 pixels.
#[must_use]
pub fn efficientnet_b6(path: &Path, options: &Options) -> Backbone {
    converted("efficientnet_b6", path, options, 1.8, 2.6, 0.5)
}

/// Width 2.0, depth 3.1, for 600 pixels.
#[must_use]
pub fn efficientnet_b7(path: &Path, options: &Options) -> Backbone {
    converted("efficientnet_b7", path, options, 2.0, 3.1, 0.5)
}

/// B0 for phones.
#[must_use]
pub fn efficientnet_lite0(path: &Path, options: &Options) -> Backbone {
    let scale = Scale { width: 1.0, depth: 1.0, dropout: 0.2, style: Style::lite(TENSORFLOW_NORM) };
    efficientnet("efficientnet_lite0", path, options, scale)
}

/// Batch-norm of networks whose weights were trained in TensorFlow.
const TENSORFLOW_NORM: NormSpec = NormSpec { eps: 0.001, momentum: 0.01 };

fn scaled(
    name: &'static str,
    path: &Path,
    options: &Options,
    width: f64,
    depth: f64,
    dropout: f64,
) -> Backbone {
    let style = Style::standard(NormSpec::default());
    efficientnet(name, path, options, Scale { width, depth, dropout, style })
}

/// B5 to B7: TorchVision's weights were converted from TensorFlow's.
fn converted(
    name: &'static str,
    path: &Path,
    options: &Options,
    width: f64,
    depth: f64,
    dropout: f64,
) -> Backbone {
    let style = Style::standard(TENSORFLOW_NORM);
    efficientnet(name, path, options, Scale { width, depth, dropout, style })
}

fn efficientnet(name: &'static str, path: &Path, options: &Options, scale: Scale) -> Backbone {
    let Scale { width, depth, dropout, style } = scale;
    let repeats = |blocks: u32| (f64::from(blocks) * depth).ceil() as usize;
    let total: usize = B0.iter().map(|&(.., blocks)| repeats(blocks)).sum();
    let last_rate = options.stochastic_depth.unwrap_or(0.2);
    let features = path / "features";

    let stem_channels = eights(32.0 * width);
    let stem = build(style.conv(options.channels, stem_channels, 3, 2), &(&features / 0));
    // Comments give B0's shapes.
    let mut stages = vec![Stage::new(STAGES[0], &[STAGES[0]], stem_channels, Some(2), stem)]; // [N, 32, 112, 112]
    let mut stride_so_far = 2;
    let mut built = 0;
    for (index, (expansion, kernel, stride, input, output, blocks)) in (1..).zip(B0) {
        let (input, output) = (eights(input as f64 * width), eights(output as f64 * width));
        let path = &features / index;
        let mut stage = Sequence::new();
        for number in 0..repeats(blocks) {
            let (input, stride) = if number == 0 { (input, stride) } else { (output, 1) };
            // Unlike ResNet's, this rate would reach its last value only one block after the end.
            let rate = last_rate * built as f64 / total as f64;
            let expanded = eights((input * expansion) as f64);
            let shape = Shape { input, expanded, output, kernel, stride };
            stage = stage.then(Block::new(&(&path / number), style, shape, rate));
            built += 1;
        }
        stride_so_far *= stride;
        stages.push(Stage::new(STAGES[index], &[STAGES[index]], output, Some(stride_so_far), stage));
    }
    let (narrow, wide) = (eights(320.0 * width), 4 * eights(320.0 * width));
    let last = build(style.conv(narrow, wide, 1, 1), &(&features / 8));
    stages.push(Stage::new(STAGES[8], &[STAGES[8]], wide, Some(stride_so_far), last)); // [N, 1280, 7, 7]
    stages.push(Stage::new("pool", &[], wide, None, AdaptiveAvgPool(1))); // [N, 1280, 1, 1]

    let rate = options.dropout.unwrap_or(dropout);
    let head = Head::new(path, "classifier.1", wide, options.classes, rate, LinearInit::UniformFanOut);
    Backbone::new(name, path, stages, head)
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
