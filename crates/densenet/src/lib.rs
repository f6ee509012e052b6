//! DenseNet (Huang, Liu, van der Maaten and Weinberger, "Densely Connected Convolutional Networks", 2017).
//!
//! ResNet adds what a block computes to what came before: the two become one sum, and what an early layer saw can only be
//! read through all that was added since. DenseNet adds nothing, it keeps everything: each layer reads the outputs of all
//! layers before it in its block, side by side, and gives a few channels more (the growth rate, 32). Features are used
//! again in place of being computed again, so that few channels a layer suffice, and the loss reaches every layer over one
//! step. 8 million weights reach what ResNet-34 needs 22 million for. The price is memory: what is kept has to lie somewhere.
//!
//! Each layer is normalised *before* its convolution, because every reader wants another mixture of the same channels.
//! Between blocks a 1x1 convolution halves the channels and a pool halves the size.
//!
//! `block.rs` has the layer and the block, `old.rs` the names that the published weights still have. Parameter names, shapes
//! and initialisation are TorchVision's (`torchvision/models/densenet.py`).

mod block;
mod old;

use backbone::layers::{
    Activation, AdaptiveAvgPool, AvgPool, BatchNorm, Conv, ConvInit, LinearInit, MaxPool, NormSpec,
};
use backbone::{Family, Head, Network, Options, Parts, Path, Sequence, Stage};
use checkpoint::Dialect;
use pretrained::InputSpec;

use block::DenseBlock;

/// DenseNet-121 to 201; the number counts layers with weights. The paper's "BC" form: bottlenecks, and halved channels.
pub const FAMILY: Family = Family {
    name: "densenet",
    solved: "every layer reads all layers before it: features are kept and used again, so that few channels suffice",
    networks: &[
        network("densenet121", |path, options| densenet(path, options, 64, 32, [6, 12, 24, 16])),
        network("densenet169", |path, options| densenet(path, options, 64, 32, [6, 12, 32, 32])),
        network("densenet201", |path, options| densenet(path, options, 64, 32, [6, 12, 48, 32])),
        // Wider: more channels a layer in place of more layers.
        network("densenet161", |path, options| densenet(path, options, 96, 48, [6, 12, 36, 24])),
    ],
};

const fn network(name: &'static str, constructor: fn(&Path, &Options) -> Parts) -> Network {
    Network {
        name,
        year: 2016,
        paper: "Huang et al., Densely Connected Convolutional Networks, 2017",
        head: "classifier",
        smallest_input: 29,
        input: InputSpec::imagenet,
        stochastic_depth: 0.0,
        constructor,
        dialects: &[Dialect { name: "TorchVision before 0.3", rename: old::rename, differs: None }],
        arguments: &[],
    }
}

/// Names of the stages of blocks, and of TorchVision's modules in them: the layers, then what halves channels and size, or
/// the last normalisation.
const STAGES: [(&str, &[&str]); 4] = [
    ("block1", &["features.denseblock1", "features.transition1"]),
    ("block2", &["features.denseblock2", "features.transition2"]),
    ("block3", &["features.denseblock3", "features.transition3"]),
    ("block4", &["features.denseblock4", "features.norm5"]),
];

/// A stem, four blocks of `depths` layers, the mean over all positions, a linear layer: `[N, channels, 224, 224]` ->
/// `[N, classes]`. Comments give the shapes of 121.
fn densenet(path: &Path, options: &Options, first: i64, growth: i64, depths: [usize; 4]) -> Parts {
    let features = path / "features";
    let conv0 = Conv::new(options.channels, first, 7)
        .stride(2)
        .padding(3)
        .init(ConvInit::KaimingFanIn)
        .normed(&(&features / "conv0"), &(&features / "norm0"));
    let stem = Sequence::new().then(conv0).then(MaxPool::new(3, 2).padding(1));
    let mut stages = vec![Stage::new("stem", &["features.conv0", "features.norm0"], stem)]; // [N, 64, 56, 56]
    let mut channels = first;
    for (number, ((name, roots), depth)) in (1..).zip(STAGES.into_iter().zip(depths)) {
        let block = DenseBlock::new(&(&features / format!("denseblock{number}")), channels, growth, depth);
        channels = block.output();
        let mut stage = Sequence::new().then(block);
        if number < STAGES.len() {
            let path = &features / format!("transition{number}");
            stage = stage
                .then(BatchNorm::new(&(&path / "norm"), channels, NormSpec::TORCH))
                .then(Activation::Relu)
                .then(block::convolution(channels, channels / 2, 1).alone(&(&path / "conv")))
                .then(AvgPool { kernel: 2, stride: 2, padding: 0 });
            channels /= 2;
        } else {
            let norm = BatchNorm::new(&(&features / "norm5"), channels, NormSpec::TORCH);
            stage = stage.then(norm).then(Activation::Relu);
        }
        // [N, 128, 28, 28], [N, 256, 14, 14], [N, 512, 7, 7], [N, 1024, 7, 7]
        stages.push(Stage::new(name, roots, stage));
    }
    stages.push(Stage::new("pool", &[], AdaptiveAvgPool(1))); // [N, 1024, 1, 1]
    let dropout = options.dropout.unwrap_or(0.0);
    let init = LinearInit::TorchDefaultZeroBias;
    let head = Head::new(path, "classifier", channels, options.classes, dropout, init);
    Parts::new(stages, head)
}
