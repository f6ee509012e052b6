//! Vision transformers (Dosovitskiy et al., "An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale", 2020).
//!
//! A convolution sees its neighbourhood, and what lies far apart meets only after many layers. Attention lets everything see
//! everything at once, at a cost that grows with the square of how much there is: for the 50,176 pixels of an image that is too
//! much. ViT cuts the image into 196 patches of 16x16 pixels and treats each as a word. One matrix makes a token of a patch, an
//! embedding says where it lies, and a plain transformer does the rest: each block lets the tokens look at one another
//! (attention), then works on each by itself, both as corrections to what came in, as in ResNet. One more token, the class token,
//! stands for no patch; it gathers what the head reads.
//!
//! Nothing in that says that neighbours belong together. It has to be learned from many images (ImageNet-21k, JFT, SWAG's tags), or
//! helped by strong augmentation (DeiT, AugReg). What was learned transfers well, and LayerNorm has no statistics of batches that
//! would drift when the network is fine-tuned.
//!
//! **DINOv2** (Oquab et al. 2023) learned from 142 million images without labels: a student agrees with a slow average of itself
//! about two views of one image, and about patches hidden from it. Its features need no fine-tuning to tell most things apart. With
//! registers (Darcet et al. 2023): four more tokens, on which the network puts what it would otherwise write over patches of
//! sky or wall.
//!
//! Stages are groups of blocks. Between them pass tokens, `[N, 1 + registers + H W, width]`. A head that reads an earlier stage
//! reads the mean over its patches; only the last blocks gather in the class token what all the others know.
//!
//! `patches.rs` makes tokens of an image, `block.rs` has the block, `positions.rs` interpolates the embeddings of positions for
//! images of another size. Names, shapes and initial values are TorchVision's (`torchvision/models/vision_transformer.py`), or
//! DINOv2's (`dinov2/models/vision_transformer.py`); `names.rs` has both. The tiny and the small network are DeiT's and AugReg's,
//! under TorchVision's names for the larger ones.

mod block;
mod hugging_face;
mod names;
mod patches;
mod positions;
mod shape;
mod timm;

use backbone::layers::{LayerNorm, LinearInit};
use backbone::{Family, Head, Mode, Module, Network, Options, Parts, Path, Pool, Sequence, Stage};
use checkpoint::Dialect;
use graph::{Graph, Value};
use pretrained::{InputSpec, Interpolation};
use regularize::stochastic_depth::linear_rate;
use tch::Tensor;

use block::{Block, EPS, Rates};
use names::Names;
use patches::Patches;
use shape::Shape;

/// ViT from tiny to huge, and DINOv2 with and without registers.
pub const FAMILY: Family = Family {
    name: "vit",
    solved: "attention over patches: every part of an image sees every other at once, and training on many images pays off",
    networks: &[
        network("vit_t_16", DEIT, |path, options| vit(path, options, Shape::TINY)),
        network("vit_s_16", DEIT, |path, options| vit(path, options, Shape::SMALL)),
        network("vit_s_32", AUGREG, |path, options| vit(path, options, Shape::SMALL.patch(32))),
        network("vit_b_16", VIT, |path, options| vit(path, options, Shape::BASE)),
        network("vit_b_32", VIT, |path, options| vit(path, options, Shape::BASE.patch(32))),
        network("vit_l_16", VIT, |path, options| vit(path, options, Shape::LARGE)),
        network("vit_l_32", VIT, |path, options| vit(path, options, Shape::LARGE.patch(32))),
        network("vit_h_14", VIT, |path, options| vit(path, options, Shape::HUGE.patch(14))),
        dinov2("dinov2_vits14", DINOV2, |path, options| dino(path, options, Shape::SMALL)),
        dinov2("dinov2_vitb14", DINOV2, |path, options| dino(path, options, Shape::BASE)),
        dinov2("dinov2_vitl14", DINOV2, |path, options| dino(path, options, Shape::LARGE)),
        dinov2("dinov2_vits14_reg", REGISTERS, |path, options| dino(path, options, Shape::SMALL.registers())),
        dinov2("dinov2_vitb14_reg", REGISTERS, |path, options| dino(path, options, Shape::BASE.registers())),
        dinov2("dinov2_vitl14_reg", REGISTERS, |path, options| dino(path, options, Shape::LARGE.registers())),
    ],
};

/// A paper and its year.
struct Paper {
    year: u16,
    title: &'static str,
}

const VIT: Paper = Paper {
    year: 2020,
    title: "Dosovitskiy et al., An Image is Worth 16x16 Words: Transformers for Image Recognition at Scale, 2020",
};
const DEIT: Paper = Paper {
    year: 2020,
    title: "Touvron et al., Training Data-Efficient Image Transformers & Distillation through Attention, 2020",
};
const AUGREG: Paper = Paper {
    year: 2021,
    title: "Steiner et al., How to Train Your ViT? Data, Augmentation, and Regularization in Vision Transformers, 2021",
};
const DINOV2: Paper = Paper {
    year: 2023,
    title: "Oquab et al., DINOv2: Learning Robust Visual Features without Supervision, 2023",
};
const REGISTERS: Paper =
    Paper { year: 2023, title: "Darcet et al., Vision Transformers Need Registers, 2023" };

const fn network(name: &'static str, paper: Paper, constructor: fn(&Path, &Options) -> Parts) -> Network {
    Network {
        name,
        year: paper.year,
        paper: paper.title,
        head: Names::TorchVision.head(),
        smallest_input: 32,
        input: InputSpec::imagenet,
        stochastic_depth: STOCHASTIC_DEPTH,
        constructor,
        dialects: &[EARLIER, TIMM, HUGGING_FACE],
        arguments: &[],
    }
}

const fn dinov2(name: &'static str, paper: Paper, constructor: fn(&Path, &Options) -> Parts) -> Network {
    Network {
        head: Names::Dino.head(),
        smallest_input: 28,
        input: dino_input,
        dialects: &[TIMM_REGISTERS, HUGGING_FACE_DINO],
        ..network(name, paper, constructor)
    }
}

const EARLIER: Dialect =
    Dialect { name: "TorchVision before 0.14", rename: timm::rename_earlier, differs: None };
const TIMM: Dialect = Dialect { name: "timm", rename: timm::rename, differs: None };
const TIMM_REGISTERS: Dialect = Dialect { name: "timm", rename: timm::rename_registers, differs: None };
const HUGGING_FACE: Dialect = Dialect { name: "transformers", rename: hugging_face::rename, differs: None };
const HUGGING_FACE_DINO: Dialect =
    Dialect { name: "transformers", rename: hugging_face::rename_dino, differs: None };

/// No branch is skipped unless the options ask for it.
const STOCHASTIC_DEPTH: f64 = 0.0;

/// TorchVision's: [`transformer`] with a head of zeros.
fn vit(path: &Path, options: &Options, shape: Shape) -> Parts {
    transformer(path, options, shape, Names::TorchVision)
}

/// DINOv2's: patches of 14x14 pixels, and a factor for each channel of a branch.
fn dino(path: &Path, options: &Options, shape: Shape) -> Parts {
    transformer(path, options, shape.patch(14), Names::Dino)
}

/// Patches, four groups of blocks, LayerNorm of the class token, a linear layer: `[N, channels, 224, 224]` -> `[N, classes]`.
fn transformer(path: &Path, options: &Options, shape: Shape, names: Names) -> Parts {
    let dropout = options.dropout.unwrap_or(0.0);
    let special = shape.special();
    // Comments give ViT-B/16's shapes.
    let patches = Patches::new(path, names, shape, [options.channels, options.size], dropout);
    let roots = Patches::roots(names, shape);
    let mut stages = vec![Stage::new("patches", &roots, patches).pooled(Pool::Patches { special })]; // [N, 197, 768]
    let last_rate = options.stochastic_depth.unwrap_or(STOCHASTIC_DEPTH);
    for (group, name) in GROUPS.into_iter().enumerate() {
        let numbers = group * shape.depth / GROUPS.len()..(group + 1) * shape.depth / GROUPS.len();
        let roots: Vec<String> = numbers.clone().map(|number| names.block_name(number)).collect();
        let roots: Vec<&str> = roots.iter().map(String::as_str).collect();
        let blocks = numbers.fold(Sequence::new(), |blocks, number| {
            let stochastic_depth = linear_rate(last_rate, number, shape.depth);
            blocks.then(Block::new(path, names, number, shape, Rates { dropout, stochastic_depth }))
        });
        let last = group + 1 == GROUPS.len();
        let pool = if last { Pool::ClassToken { special } } else { Pool::Patches { special } };
        stages.push(Stage::new(name, &roots, blocks).pooled(pool).layered(&roots)); // [N, 197, 768]
    }
    let norm =
        Sequence::new().then(ClassToken).then(LayerNorm::new(&path.descend(names.norm()), shape.width, EPS));
    stages.push(Stage::new("norm", &[names.norm()], norm)); // [N, 768]

    let init = match names {
        Names::TorchVision => LinearInit::Zero,
        Names::Dino => LinearInit::TruncatedNormalZeroBias(0.02),
    };
    let head = Head::new(path, names.head(), shape.width, options.classes, 0.0, init);
    Parts::new(stages, head)
}

/// A quarter of the blocks each.
const GROUPS: [&str; 4] = ["blocks1", "blocks2", "blocks3", "blocks4"];

/// The first token: `[N, tokens, width]` -> `[N, width]`. LayerNorm works on each token by itself, so that it can come after this.
#[derive(Debug)]
struct ClassToken;

impl Module for ClassToken {
    fn forward(&self, x: &Tensor, _: Mode) -> Tensor {
        x.select(1, 0)
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        Pool::ClassToken { special: 1 }.describe(graph, x)
    }
}

/// As DINOv2 was evaluated: 256, then 224, bicubic.
fn dino_input() -> InputSpec {
    InputSpec { interpolation: Interpolation::Bicubic, ..InputSpec::imagenet() }
}
