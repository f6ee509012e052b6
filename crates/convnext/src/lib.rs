//! ConvNeXt (Liu, Mao, Wu, Feichtenhofer, Darrell and Xie, "A ConvNet for the 2020s", 2022).
//!
//! Transformers had overtaken convolutional networks, and nobody could tell which of their many differences did it:
//! attention, or the rest. ConvNeXt takes ResNet-50 and changes one thing at a time into what a Swin transformer does,
//! measuring each step: how it is trained, blocks per stage in the ratio 3:3:9:3, a first convolution that cuts the image
//! into patches, depthwise 7x7 convolutions in place of attention, a block that widens inside, GELU for ReLU and fewer of
//! them, LayerNorm for batch-norm and fewer of them. Without any attention it ends above Swin.
//!
//! Of use here: there are no batch statistics. A network that is fine-tuned on a few images in small batches computes the
//! same in training and in evaluation, and nothing drifts. Each branch is scaled by numbers of its own that begin at a
//! millionth ("layer scale"), so that every block begins as the identity.
//!
//! `block.rs` has the block; here stands how blocks are stacked. Parameter names, shapes and initialisation are
//! TorchVision's (`torchvision/models/convnext.py`).

mod block;
mod hugging_face;
mod timm;

use backbone::layers::{Activation, AdaptiveAvgPool, ChannelNorm, Conv, ConvInit, LinearInit};
use backbone::{Family, Head, Network, Options, Parts, Path, Sequence, Stage};
use checkpoint::Dialect;
use pretrained::InputSpec;
use regularize::stochastic_depth::linear_rate;

use block::{Block, DEVIATION, EPS};

/// ConvNeXt tiny to large.
pub const FAMILY: Family = Family {
    name: "convnext",
    solved: "a convolutional network modernised step by step until it needs no attention; no batch statistics to drift",
    networks: &[
        network(
            "convnext_tiny",
            || input(236),
            TINY.stochastic_depth,
            |path, options| convnext(path, options, TINY),
        ),
        network(
            "convnext_small",
            || input(230),
            SMALL.stochastic_depth,
            |path, options| convnext(path, options, SMALL),
        ),
        network(
            "convnext_base",
            || input(232),
            BASE.stochastic_depth,
            |path, options| convnext(path, options, BASE),
        ),
        network(
            "convnext_large",
            || input(232),
            LARGE.stochastic_depth,
            |path, options| convnext(path, options, LARGE),
        ),
    ],
};

/// A network's numbers.
#[derive(Clone, Copy, Debug)]
struct Shape {
    /// Channels of each stage.
    widths: [i64; 4],
    /// Blocks of each stage.
    depths: [usize; 4],
    /// Rate at which its last block is skipped in training.
    stochastic_depth: f64,
}

const TINY: Shape = Shape { widths: [96, 192, 384, 768], depths: [3, 3, 9, 3], stochastic_depth: 0.1 };
const SMALL: Shape = Shape { widths: [96, 192, 384, 768], depths: [3, 3, 27, 3], stochastic_depth: 0.4 };
const BASE: Shape = Shape { widths: [128, 256, 512, 1024], depths: [3, 3, 27, 3], stochastic_depth: 0.5 };
const LARGE: Shape = Shape { widths: [192, 384, 768, 1536], depths: [3, 3, 27, 3], stochastic_depth: 0.5 };

const fn network(
    name: &'static str,
    input: fn() -> InputSpec,
    stochastic_depth: f64,
    constructor: fn(&Path, &Options) -> Parts,
) -> Network {
    Network {
        name,
        year: 2022,
        paper: "Liu et al., A ConvNet for the 2020s, 2022",
        head: "classifier.2",
        smallest_input: 32,
        input,
        stochastic_depth,
        constructor,
        dialects: &[
            Dialect { name: "timm", rename: timm::rename, differs: None },
            Dialect { name: "transformers", rename: hugging_face::rename, differs: None },
        ],
        arguments: &[],
    }
}

/// TorchVision's presets.
fn input(resize: u32) -> InputSpec {
    InputSpec { resize, ..InputSpec::imagenet() }
}

/// Names of the stages of blocks, and of TorchVision's modules in them: what halves the size, then the blocks.
const STAGES: [(&str, &[&str]); 4] = [
    ("stage1", &["features.1"]),
    ("stage2", &["features.2", "features.3"]),
    ("stage3", &["features.4", "features.5"]),
    ("stage4", &["features.6", "features.7"]),
];

/// Patches, four stages of blocks, the mean over all positions, LayerNorm, a linear layer: `[N, channels, 224, 224]` ->
/// `[N, classes]`. Comments give the shapes of tiny.
fn convnext(path: &Path, options: &Options, shape: Shape) -> Parts {
    let Shape { widths, depths, stochastic_depth } = shape;
    let last_rate = options.stochastic_depth.unwrap_or(stochastic_depth);
    let blocks: usize = depths.iter().sum();
    let features = path / "features";

    let patches = convolution(options.channels, widths[0], 4).biased(&(&features / 0 / 0));
    let stem = Sequence::new().then(patches).then(ChannelNorm::new(&(&features / 0 / 1), widths[0], EPS));
    let mut stages = vec![Stage::new("stem", &["features.0"], stem)]; // [N, 96, 56, 56]
    let (mut built, mut before, mut place) = (0, widths[0], 1);
    for ((name, roots), (width, depth)) in STAGES.into_iter().zip(widths.into_iter().zip(depths)) {
        let mut stage = Sequence::new();
        if name != "stage1" {
            let halving = &features / place;
            stage = stage
                .then(ChannelNorm::new(&(&halving / 0), before, EPS))
                .then(convolution(before, width, 2).biased(&(&halving / 1)));
            place += 1;
        }
        for number in 0..depth {
            let rate = linear_rate(last_rate, built, blocks);
            stage = stage.then(Block::new(&(&features / place / number), width, rate));
            built += 1;
        }
        place += 1;
        before = width;
        // [N, 96, 56, 56], [N, 192, 28, 28], [N, 384, 14, 14], [N, 768, 7, 7]
        stages.push(Stage::new(name, roots, stage));
    }
    stages.push(Stage::new("pool", &[], AdaptiveAvgPool(1))); // [N, 768, 1, 1]
    let norm = ChannelNorm::new(&(path / "classifier" / 0), before, EPS);
    stages.push(Stage::new("norm", &["classifier.0"], norm)); // [N, 768, 1, 1]

    let init = LinearInit::TruncatedNormalZeroBias(DEVIATION);
    let head = Head::new(path, "classifier.2", before, options.classes, options.dropout.unwrap_or(0.0), init);
    Parts::new(stages, head)
}

/// A convolution whose windows lie side by side.
fn convolution(input: i64, output: i64, side: i64) -> Conv {
    Conv::new(input, output, side)
        .stride(side)
        .init(ConvInit::TruncatedNormalZeroBias(DEVIATION))
        .activation(Activation::Identity)
}
