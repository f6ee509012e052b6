//! Residual networks (He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2015).
//!
//! VGG and Inception had shown that depth helps, and then it stopped helping: a plain network of 56 layers had a higher
//! error than one of 20, *on the training data*, so this was not overfitting. The deeper one could have copied the
//! shallower one and passed the rest through, but identity is hard to learn for a stack of convolutions. ResNet gives it
//! for nothing: each block adds a correction to its own input, `relu(f(x) + x)`. The shortcut carries the gradient past
//! the block undiminished, and 152 layers train as easily as 18.
//!
//! `blocks.rs` has the two kinds of block; here stands how they are stacked. Parameter names, shapes and initialisation
//! are TorchVision's (`torchvision/models/resnet.py`).

mod blocks;
mod children;
mod hugging_face;

use backbone::layers::{Activation, AdaptiveAvgPool, Conv, ConvInit, LinearInit, MaxPool};
use backbone::{Family, Head, Network, Options, Parts, Path, Sequence, Stage};
use checkpoint::Dialect;
use pretrained::InputSpec;

use blocks::{Kind, Plan};

/// ResNet-18 to ResNet-152, and the two ways to widen them.
pub const FAMILY: Family = Family {
    name: "resnet",
    solved: "identity shortcuts: each block learns a correction to its input, so that more depth stops hurting",
    networks: &[
        network("resnet18", RESNET, |path, options| resnet(path, options, Kind::Basic, [2, 2, 2, 2])),
        network("resnet34", RESNET, |path, options| resnet(path, options, Kind::Basic, [3, 4, 6, 3])),
        network("resnet50", RESNET, |path, options| resnet(path, options, Kind::BOTTLENECK, [3, 4, 6, 3])),
        network("resnet101", RESNET, |path, options| resnet(path, options, Kind::BOTTLENECK, [3, 4, 23, 3])),
        network("resnet152", RESNET, |path, options| resnet(path, options, Kind::BOTTLENECK, [3, 8, 36, 3])),
        // Inner convolutions twice as wide: breadth in place of depth.
        network("wide_resnet50_2", WIDE, |path, options| resnet(path, options, Kind::WIDE, [3, 4, 6, 3])),
        network("wide_resnet101_2", WIDE, |path, options| resnet(path, options, Kind::WIDE, [3, 4, 23, 3])),
        // 3x3 convolutions in groups (32 groups of 4 channels at width 64): Inception's parallel branches, all alike.
        network("resnext50_32x4d", NEXT, |path, options| {
            resnet(path, options, Kind::grouped(32, 4), [3, 4, 6, 3])
        }),
        network("resnext101_32x8d", NEXT, |path, options| {
            resnet(path, options, Kind::grouped(32, 8), [3, 4, 23, 3])
        }),
        network("resnext101_64x4d", NEXT, |path, options| {
            resnet(path, options, Kind::grouped(64, 4), [3, 4, 23, 3])
        }),
    ],
};

/// A paper and its year.
struct Paper {
    year: u16,
    title: &'static str,
}

const RESNET: Paper =
    Paper { year: 2015, title: "He et al., Deep Residual Learning for Image Recognition, 2015" };
const WIDE: Paper = Paper { year: 2016, title: "Zagoruyko and Komodakis, Wide Residual Networks, 2016" };
const NEXT: Paper = Paper {
    year: 2016,
    title: "Xie et al., Aggregated Residual Transformations for Deep Neural Networks, 2016",
};

const fn network(name: &'static str, paper: Paper, constructor: fn(&Path, &Options) -> Parts) -> Network {
    Network {
        name,
        year: paper.year,
        paper: paper.title,
        head: "fc",
        smallest_input: 32,
        input: InputSpec::imagenet,
        stochastic_depth: STOCHASTIC_DEPTH,
        constructor,
        dialects: &[
            Dialect { name: "nn.Sequential(*model.children())", rename: children::rename, differs: None },
            Dialect { name: "transformers", rename: hugging_face::rename, differs: None },
        ],
        arguments: &[],
    }
}

/// No block is skipped unless the options ask for it.
const STOCHASTIC_DEPTH: f64 = 0.0;

/// A stem, four stages of `depths` blocks each, the mean over all positions, a linear layer:
/// `[N, channels, 224, 224]` -> `[N, classes]`.
fn resnet(path: &Path, options: &Options, kind: Kind, depths: [usize; 4]) -> Parts {
    let mut plan = Plan::new(kind, depths.iter().sum(), options.stochastic_depth.unwrap_or(STOCHASTIC_DEPTH));
    let [layer1, layer2, layer3, layer4] = depths;
    let out = |width: i64| width * kind.expansion();

    let conv1 = Conv::new(options.channels, 64, 7)
        .stride(2)
        .padding(3)
        .init(ConvInit::KaimingFanOut)
        .activation(Activation::Relu)
        .normed(&(path / "conv1"), &(path / "bn1"));
    let stem = Sequence::new().then(conv1).then(MaxPool::new(3, 2).padding(1));

    let stages = vec![
        Stage::new("stem", &["conv1", "bn1"], stem), // [N, 64, 56, 56]
        plan.layer("layer1", path, layer1, 64, 1),   // [N, 64 (256), 56, 56]
        plan.layer("layer2", path, layer2, 128, 2),  // [N, 128 (512), 28, 28]
        plan.layer("layer3", path, layer3, 256, 2),  // [N, 256 (1024), 14, 14]
        plan.layer("layer4", path, layer4, 512, 2),  // [N, 512 (2048), 7, 7]
        Stage::new("pool", &[], AdaptiveAvgPool(1)), // [N, 512 (2048), 1, 1]
    ];
    let dropout = options.dropout.unwrap_or(0.0);
    let head = Head::new(path, "fc", out(512), options.classes, dropout, LinearInit::TorchDefault);
    Parts::new(stages, head)
}
