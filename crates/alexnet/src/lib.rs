//! AlexNet (Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", 2012).
//!
//! LeNet's recipe was fourteen years old and had stayed with digits: on photographs of a thousand kinds of things,
//! deeper networks took months to train and learned the training set by heart. AlexNet removed both obstacles at once.
//! ReLU in place of tanh does not saturate, so that gradients survive the depth; two GPUs did the arithmetic; dropout and
//! augmented images kept 60 million parameters from memorising. It won ImageNet by ten percentage points, and features
//! were no longer designed by hand.
//!
//! As in TorchVision (`torchvision/models/alexnet.py`), this is the one-column form of Krizhevsky's "One weird trick for
//! parallelizing convolutional neural networks" (2014), without the local response normalisation of 2012.

use backbone::layers::{
    Activation, AdaptiveAvgPool, Conv, ConvNorm, Dropout, Flatten, Linear, LinearInit, MaxPool,
};
use backbone::{Family, Head, Network, Options, Parts, Path, Sequence, Stage};
use pretrained::InputSpec;

/// AlexNet.
pub const FAMILY: Family = Family {
    name: "alexnet",
    solved: "depth on real photographs: ReLU, dropout, augmentation and GPUs make a large network trainable",
    networks: &[Network {
        name: "alexnet",
        year: 2012,
        paper: "Krizhevsky et al., ImageNet Classification with Deep Convolutional Neural Networks, 2012",
        head: "classifier.6",
        smallest_input: 63,
        input: InputSpec::imagenet,
        stochastic_depth: 0.0,
        constructor: alexnet,
        dialects: &[],
        arguments: &[],
    }],
};

/// Five convolutions and three fully connected layers: `[N, channels, 224, 224]` -> `[N, classes]`.
fn alexnet(path: &Path, options: &Options) -> Parts {
    let conv = |index: usize, conv: Conv| -> ConvNorm { conv.biased(&(path / "features" / index)) };
    let full = |index: usize, inputs, outputs| {
        Linear::new(&(path / "classifier" / index), inputs, outputs, LinearInit::TorchDefault)
    };
    let rate = options.dropout.unwrap_or(0.5);

    let block1 = Sequence::new()
        .then(conv(0, Conv::new(options.channels, 64, 11).stride(4).padding(2))) // [N, 64, 55, 55]
        .then(MaxPool::new(3, 2));
    let block2 = Sequence::new()
        .then(conv(3, Conv::new(64, 192, 5).same())) // [N, 192, 27, 27]
        .then(MaxPool::new(3, 2));
    let block3 = Sequence::new()
        .then(conv(6, Conv::new(192, 384, 3).same())) // [N, 384, 13, 13]
        .then(conv(8, Conv::new(384, 256, 3).same())) // [N, 256, 13, 13]
        .then(conv(10, Conv::new(256, 256, 3).same()))
        .then(MaxPool::new(3, 2));
    let classifier = Sequence::new()
        .then(Flatten)
        .then(Dropout(rate))
        .then(full(1, 256 * 6 * 6, 4096))
        .then(Activation::Relu)
        .then(Dropout(rate))
        .then(full(4, 4096, 4096))
        .then(Activation::Relu);

    let stages = vec![
        Stage::new("block1", &["features.0"], block1), // [N, 64, 27, 27]
        Stage::new("block2", &["features.3"], block2), // [N, 192, 13, 13]
        Stage::new("block3", &["features.6", "features.8", "features.10"], block3), // [N, 256, 6, 6]
        Stage::new("pool", &[], AdaptiveAvgPool(6)),   // [N, 256, 6, 6]
        Stage::new("classifier", &["classifier.1", "classifier.4"], classifier), // [N, 4096]
    ];
    // Dropout stands before the two hidden layers, not before the last.
    let head = Head::new(path, "classifier.6", 4096, options.classes, 0.0, LinearInit::TorchDefault);
    Parts::new(stages, head)
}
