//! Swin transformers (Liu, Lin, Cao, Hu, Wei, Zhang, Lin and Guo, "Swin Transformer: Hierarchical Vision Transformer using Shifted
//! Windows", 2021).
//!
//! In ViT every patch looks at every other, and twice as many patches along a side cost sixteen times as much; so patches stay
//! large, and all layers see one coarse grid. Swin lets a patch look at the 49 of its own window only. The cost grows with the
//! area then, as a convolution's does, and patches can be small: 4x4 pixels. Between windows nothing would pass, so in every
//! other block the windows are shifted by half their side. And as in a convolutional network the grid grows coarser from stage to
//! stage: four neighbours become one place of twice the width. What comes out is a pyramid of maps, like ResNet's.
//!
//! Where two patches of a window lie to each other is all that attention knows of places: one learned number for each offset and
//! head, added to the scores.
//!
//! **v2** (Liu et al., "Swin Transformer V2: Scaling Up Capacity and Resolution", 2022) is for networks that grow: the norm comes after
//! each branch, so that what is added stays of one size in the deepest layers; scores are cosines times a learned factor, so that
//! no pair of patches takes all attention; and a small network gives the number for an offset, so that windows may have
//! another side than in training.
//!
//! `block.rs` has the block, `window.rs` attention within windows, `offsets.rs` the two ways to learn offsets, `merge.rs` the step
//! between stages. Names, shapes and initial values are TorchVision's (`torchvision/models/swin_transformer.py`). Between stages
//! pass maps, `[N, C, H, W]`, in whose memory the channels of a position lie together.

mod block;
mod hugging_face;
mod merge;
mod numbers;
mod offsets;
mod timm;
mod window;

use backbone::layers::{
    Activation, AdaptiveAvgPool, ChannelNorm, Conv, channels_at_end, channels_first,
    describe_channels_at_end, describe_channels_first,
};
use backbone::{Family, Head, Mode, Module, Network, Options, Parts, Path, Sequence, Stage};
use checkpoint::Dialect;
use graph::{Graph, Value};
use pretrained::{InputSpec, Interpolation};
use regularize::stochastic_depth::linear_rate;
use tch::Tensor;
use torch_extra::layout::{channels_last, is_channels_last};

use block::{Block, Rates};
use merge::Merge;
use numbers::{EPS, INIT, Version};
use window::Windows;

/// Swin and Swin v2 from tiny to base.
pub const FAMILY: Family = Family {
    name: "swin",
    solved: "attention within windows that are shifted from block to block: its cost grows with the area, and maps become coarser as in a convolutional network",
    networks: &[
        network(
            "swin_t",
            V1,
            || input(232, 224),
            TINY.stochastic_depth,
            |path, options| swin(path, options, TINY),
        ),
        network(
            "swin_s",
            V1,
            || input(246, 224),
            SMALL.stochastic_depth,
            |path, options| swin(path, options, SMALL),
        ),
        network(
            "swin_b",
            V1,
            || input(238, 224),
            BASE.stochastic_depth,
            |path, options| swin(path, options, BASE),
        ),
        network(
            "swin_v2_t",
            V2,
            || input(260, 256),
            TINY.stochastic_depth,
            |path, options| swin(path, options, TINY.second()),
        ),
        network(
            "swin_v2_s",
            V2,
            || input(260, 256),
            SMALL.stochastic_depth,
            |path, options| swin(path, options, SMALL.second()),
        ),
        network(
            "swin_v2_b",
            V2,
            || input(272, 256),
            BASE.stochastic_depth,
            |path, options| swin(path, options, BASE.second()),
        ),
    ],
};

/// A paper and its year.
struct Paper {
    year: u16,
    title: &'static str,
    /// Names that other libraries give to the tensors of its networks.
    dialects: &'static [Dialect],
}

const V1: Paper = Paper {
    year: 2021,
    title: "Liu et al., Swin Transformer: Hierarchical Vision Transformer using Shifted Windows, 2021",
    dialects: &[
        Dialect { name: "timm", rename: timm::rename, differs: None },
        Dialect { name: "Swin's authors", rename: timm::rename_authors, differs: None },
        Dialect { name: "transformers", rename: hugging_face::rename, differs: None },
    ],
};
const V2: Paper = Paper {
    year: 2022,
    title: "Liu et al., Swin Transformer V2: Scaling Up Capacity and Resolution, 2022",
    dialects: &[
        Dialect { name: "timm", rename: timm::rename, differs: None },
        Dialect { name: "Swin's authors", rename: timm::rename_authors, differs: None },
        Dialect { name: "transformers", rename: hugging_face::rename_second, differs: None },
    ],
};

const fn network(
    name: &'static str,
    paper: Paper,
    input: fn() -> InputSpec,
    stochastic_depth: f64,
    constructor: fn(&Path, &Options) -> Parts,
) -> Network {
    Network {
        name,
        year: paper.year,
        paper: paper.title,
        head: "head",
        smallest_input: 4,
        input,
        stochastic_depth,
        constructor,
        dialects: paper.dialects,
        arguments: &[],
    }
}

/// TorchVision's presets: bicubic.
fn input(resize: u32, crop: u32) -> InputSpec {
    InputSpec { resize, crop, interpolation: Interpolation::Bicubic, ..InputSpec::imagenet() }
}

/// A network's numbers.
#[derive(Clone, Copy, Debug)]
struct Shape {
    version: Version,
    /// Channels of the first stage; each later one has twice as many.
    width: i64,
    /// Blocks of each stage.
    depths: [usize; 4],
    /// Rate at which the last block is skipped in training.
    stochastic_depth: f64,
}

const TINY: Shape = Shape { version: Version::First, width: 96, depths: [2, 2, 6, 2], stochastic_depth: 0.2 };
const SMALL: Shape = Shape { depths: [2, 2, 18, 2], stochastic_depth: 0.3, ..TINY };
const BASE: Shape = Shape { width: 128, depths: [2, 2, 18, 2], stochastic_depth: 0.5, ..TINY };

impl Shape {
    const fn second(self) -> Self {
        Self { version: Version::Second, ..self }
    }

    /// Patches along a side of a window.
    fn window(self) -> i64 {
        match self.version {
            Version::First => 7,
            Version::Second => 8,
        }
    }
}

/// Values of a head of attention.
const HEAD: i64 = 32;

/// Names of the stages of blocks, and of TorchVision's modules in them: what halves the size, then the blocks.
const STAGES: [(&str, &[&str]); 4] = [
    ("stage1", &["features.1"]),
    ("stage2", &["features.2", "features.3"]),
    ("stage3", &["features.4", "features.5"]),
    ("stage4", &["features.6", "features.7"]),
];

/// Patches, four stages of blocks, LayerNorm, the mean over all positions, a linear layer: `[N, channels, 224, 224]` ->
/// `[N, classes]`. Comments give the shapes of tiny.
fn swin(path: &Path, options: &Options, shape: Shape) -> Parts {
    let last_rate = options.stochastic_depth.unwrap_or(shape.stochastic_depth);
    let dropout = options.dropout.unwrap_or(0.0);
    let total: usize = shape.depths.iter().sum();
    let features = path / "features";

    let patches = Conv::new(options.channels, shape.width, 4).stride(4).activation(Activation::Identity);
    let patches = Sequence::new().then(patches.biased(&(&features / 0 / 0))).then(ChannelNorm::new(
        &(&features / 0 / 2),
        shape.width,
        EPS,
    ));
    let mut stages = vec![Stage::new("patches", &["features.0"], LaidAlike(patches))]; // [N, 96, 56, 56]
    let (mut built, mut width) = (0, shape.width);
    for (index, ((name, roots), depth)) in STAGES.into_iter().zip(shape.depths).enumerate() {
        let mut stage = Sequence::new();
        let mut layers = Vec::new();
        if index > 0 {
            let path = &features / (2 * index);
            stage = stage.then(Merge::new(&path, shape.version, width));
            layers.push(path.name().to_owned());
            width *= 2;
        }
        for number in 0..depth {
            let windows =
                Windows { side: shape.window(), shift: if number % 2 == 0 { 0 } else { shape.window() / 2 } };
            let rates = Rates { dropout, stochastic_depth: linear_rate(last_rate, built, total) };
            let path = &features / (2 * index + 1) / number;
            layers.push(path.name().to_owned());
            stage = stage.then(Block::new(&path, shape.version, width, width / HEAD, windows, rates));
            built += 1;
        }
        // [N, 96, 56, 56], [N, 192, 28, 28], [N, 384, 14, 14], [N, 768, 7, 7]
        let layers: Vec<&str> = layers.iter().map(String::as_str).collect();
        stages.push(Stage::new(name, roots, LaidAlike(AtEnd(stage))).layered(&layers));
    }
    stages.push(Stage::new("norm", &["norm"], LaidAlike(ChannelNorm::new(&(path / "norm"), width, EPS)))); // [N, 768, 7, 7]
    stages.push(Stage::new("pool", &[], AdaptiveAvgPool(1))); // [N, 768, 1, 1]

    let head = Head::new(path, "head", width, options.classes, 0.0, INIT);
    Parts::new(stages, head)
}

/// Modules that work on `[N, H, W, C]`, between maps.
#[derive(Debug)]
struct AtEnd(Sequence);

impl Module for AtEnd {
    /// `[N, C, H, W]` -> `[N, C', H', W']`.
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        channels_first(&self.0.forward(&channels_at_end(x), mode))
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        let x = describe_channels_at_end(graph, x);
        let x = self.0.describe(graph, x);
        describe_channels_first(graph, x)
    }

    fn has_branch(&self) -> bool {
        self.0.has_branch()
    }
}

/// A module whose output lies in memory as its input does: the same bits come out of a mean over positions, wherever the network was
/// cut.
#[derive(Debug)]
struct LaidAlike<M>(M);

impl<M: Module> Module for LaidAlike<M> {
    /// `[N, C, H, W]` -> `[N, C', H', W']`.
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let y = self.0.forward(x, mode);
        if is_channels_last(x) { channels_last(&y) } else { y.contiguous() }
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        self.0.describe(graph, x)
    }

    fn has_branch(&self) -> bool {
        self.0.has_branch()
    }
}
