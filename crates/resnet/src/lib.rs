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

use backbone::layers::{Activation, AdaptiveAvgPool, Conv, ConvInit, LinearInit, MaxPool};
use backbone::{Backbone, Family, Head, Network, Options, Path, Sequence, Stage};
use pretrained::InputSpec;

use blocks::{Kind, Plan};

/// ResNet-18 to ResNet-152.
pub const FAMILY: Family = Family {
    name: "resnet",
    solved: "identity shortcuts: each block learns a correction to its input, so that more depth stops hurting",
    paper: "He et al., Deep Residual Learning for Image Recognition, 2015",
    networks: &[
        network("resnet18", resnet18),
        network("resnet34", resnet34),
        network("resnet50", resnet50),
        network("resnet101", resnet101),
        network("resnet152", resnet152),
    ],
};

const fn network(name: &'static str, build: fn(&Path, &Options) -> Backbone) -> Network {
    Network { name, year: 2015, head: "fc", smallest_input: 32, input: InputSpec::imagenet, build }
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

fn resnet(name: &'static str, path: &Path, options: &Options, kind: Kind, depths: [usize; 4]) -> Backbone {
    let mut plan = Plan::new(kind, depths.iter().sum(), options.stochastic_depth);
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
