//! Residual networks (He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", 2015).
//!
//! VGG and Inception had shown that depth helps, and then it stopped helping: a plain network of 56 layers had a higher
//! error than one of 20, *on the training data*, so this was not overfitting. The deeper one could have copied the
//! shallower one and passed the rest through, but identity is hard to learn for a stack of convolutions. ResNet gives it
//! for nothing: each block adds a correction to its own input, `relu(f(x) + x)`. The shortcut carries the gradient past
//! the block undiminished, and 152 layers train as easily as 18.
//!
//! [`blocks`] has the two kinds of block; here stands how they are stacked. Parameter names, shapes and initialisation
//! are TorchVision's (`torchvision/models/resnet.py`).

pub mod blocks;
pub mod children;

use backbone::layers::{Activation, AdaptiveAvgPool, Conv, ConvInit, LinearInit, MaxPool};
use backbone::{Backbone, Family, Head, Network, Options, Path, Sequence, Stage};
use pretrained::{Dialect, InputSpec};

use blocks::{Kind, Plan};

/// ResNet-18 to ResNet-152, and the two ways to widen them.
pub const FAMILY: Family = Family {
    name: "resnet",
    solved: "identity shortcuts: each block learns a correction to its input, so that more depth stops hurting",
    paper: "He et al., Deep Residual Learning for Image Recognition, 2015",
    networks: &[
        network("resnet18", 2015, resnet18),
        network("resnet34", 2015, resnet34),
        network("resnet50", 2015, resnet50),
        network("resnet101", 2015, resnet101),
        network("resnet152", 2015, resnet152),
        network("wide_resnet50_2", 2016, wide_resnet50_2),
        network("wide_resnet101_2", 2016, wide_resnet101_2),
        network("resnext50_32x4d", 2016, resnext50_32x4d),
        network("resnext101_32x8d", 2016, resnext101_32x8d),
        network("resnext101_64x4d", 2016, resnext101_64x4d),
    ],
};

const fn network(name: &'static str, year: u16, build: fn(&Path, &Options) -> Backbone) -> Network {
    Network {
        name,
        year,
        head: "fc",
        smallest_input: 32,
        input: InputSpec::imagenet,
        build,
        dialects: &[Dialect { name: "nn.Sequential(*model.children())", rename: children::rename }],
        arguments: &[],
    }
}

/// 18 layers of two-convolution blocks.
#[must_use]
pub fn resnet18(path: &Path, options: &Options) -> Backbone {
    resnet("resnet18", path, options, Kind::Basic, [2, 2, 2, 2])
}

/// 34 layers of two-convolution blocks.
#[must_use]
pub fn resnet34(path: &Path, options: &Options) -> Backbone {
    resnet("resnet34", path, options, Kind::Basic, [3, 4, 6, 3])
}

/// 50 layers of bottleneck blocks.
#[must_use]
pub fn resnet50(path: &Path, options: &Options) -> Backbone {
    resnet("resnet50", path, options, Kind::BOTTLENECK, [3, 4, 6, 3])
}

/// 101 layers of bottleneck blocks.
#[must_use]
pub fn resnet101(path: &Path, options: &Options) -> Backbone {
    resnet("resnet101", path, options, Kind::BOTTLENECK, [3, 4, 23, 3])
}

/// 152 layers of bottleneck blocks.
#[must_use]
pub fn resnet152(path: &Path, options: &Options) -> Backbone {
    resnet("resnet152", path, options, Kind::BOTTLENECK, [3, 8, 36, 3])
}

/// ResNet-50 with inner convolutions twice as wide: breadth in place of depth (Zagoruyko and Komodakis, "Wide Residual
/// Networks", 2016).
#[must_use]
pub fn wide_resnet50_2(path: &Path, options: &Options) -> Backbone {
    resnet("wide_resnet50_2", path, options, Kind::WIDE_BOTTLENECK, [3, 4, 6, 3])
}

/// ResNet-101 with inner convolutions twice as wide.
#[must_use]
pub fn wide_resnet101_2(path: &Path, options: &Options) -> Backbone {
    resnet("wide_resnet101_2", path, options, Kind::WIDE_BOTTLENECK, [3, 4, 23, 3])
}

/// ResNet-50 whose 3x3 convolutions are 32 groups of 4 channels: Inception's parallel branches, all alike (Xie et al.,
/// "Aggregated Residual Transformations for Deep Neural Networks", 2016).
#[must_use]
pub fn resnext50_32x4d(path: &Path, options: &Options) -> Backbone {
    let kind = Kind::Bottleneck { groups: 32, width_per_group: 4 };
    resnet("resnext50_32x4d", path, options, kind, [3, 4, 6, 3])
}

/// ResNet-101 with 32 groups of 8 channels.
#[must_use]
pub fn resnext101_32x8d(path: &Path, options: &Options) -> Backbone {
    let kind = Kind::Bottleneck { groups: 32, width_per_group: 8 };
    resnet("resnext101_32x8d", path, options, kind, [3, 4, 23, 3])
}

/// ResNet-101 with 64 groups of 4 channels.
#[must_use]
pub fn resnext101_64x4d(path: &Path, options: &Options) -> Backbone {
    let kind = Kind::Bottleneck { groups: 64, width_per_group: 4 };
    resnet("resnext101_64x4d", path, options, kind, [3, 4, 23, 3])
}

fn resnet(name: &'static str, path: &Path, options: &Options, kind: Kind, depths: [usize; 4]) -> Backbone {
    let mut plan = Plan::new(kind, depths.iter().sum(), options.stochastic_depth.unwrap_or(0.0));
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
        Stage::new("stem", &["conv1", "bn1"], 64, Some(4), stem), // [N, 64, 56, 56]
        plan.layer("layer1", path, layer1, 64, 1, 4),             // [N, 64 (256), 56, 56]
        plan.layer("layer2", path, layer2, 128, 2, 8),            // [N, 128 (512), 28, 28]
        plan.layer("layer3", path, layer3, 256, 2, 16),           // [N, 256 (1024), 14, 14]
        plan.layer("layer4", path, layer4, 512, 2, 32),           // [N, 512 (2048), 7, 7]
        Stage::new("pool", &[], out(512), None, AdaptiveAvgPool(1)), // [N, 512 (2048), 1, 1]
    ];
    let dropout = options.dropout.unwrap_or(0.0);
    let head = Head::new(path, "fc", out(512), options.classes, dropout, LinearInit::TorchDefault);
    Backbone::new(name, path, stages, head)
}
