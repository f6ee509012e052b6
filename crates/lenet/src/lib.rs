//! LeNet-5 (LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document Recognition", 1998).
//!
//! Before it, an image was a long vector: a fully connected network had to learn the same stroke again at every place,
//! and needed more examples than anybody had. LeNet's answer is the convolution: a small filter, *shared* by all places,
//! followed by subsampling, so that what is learned once is recognised anywhere. Every network of this workspace still
//! has that shape.
//!
//! The stages, with the paper's layer names, for a 32x32 input:
//!
//! | stage   | paper  | what                                   | output     |
//! |---------|--------|----------------------------------------|------------|
//! | `conv1` | C1, S2 | 5x5 convolution, 2x2 subsampling       | 6 x 14x14  |
//! | `conv2` | C3, S4 | 5x5 convolution, 2x2 subsampling       | 16 x 5x5   |
//! | `fc1`   | C5     | fully connected (a 5x5 filter on 5x5)  | 120        |
//! | `fc2`   | F6     | fully connected                        | 84         |
//! | head    | OUTPUT | fully connected                        | classes    |
//!
//! A 28x28 input is padded by two on each side. Departures from the paper, as everybody makes them since: C3 sees all
//! six maps of S2 (the paper's table of connections broke symmetry and saved time), subsampling has no trainable
//! coefficient, and the output is a softmax instead of distances to drawn prototypes.

use backbone::layers::{Activation, AvgPool, Conv, Flatten, Linear, LinearInit, MaxPool};
use backbone::{Family, Head, Module, Network, Options, Parts, Path, Sequence, Stage};
use pretrained::{InputSpec, Interpolation};

/// LeNet-5 as published and in its modern form.
pub const FAMILY: Family = Family {
    name: "lenet",
    solved: "shared filters and subsampling: what is learned at one place is recognised at every place",
    networks: &[
        // As published in 1998: tanh and average pooling.
        network("lenet5", |path, options| {
            lenet(path, options, Activation::Tanh, || AvgPool { kernel: 2, stride: 2, padding: 0 })
        }),
        // The modern form: ReLU, which does not saturate (Krizhevsky et al. 2012), and max pooling.
        network("lenet5_relu", |path, options| lenet(path, options, Activation::Relu, || MaxPool::new(2, 2))),
    ],
};

const fn network(name: &'static str, constructor: fn(&Path, &Options) -> Parts) -> Network {
    Network {
        name,
        year: 1998,
        paper: "LeCun et al., Gradient-Based Learning Applied to Document Recognition, 1998",
        head: "fc3",
        // The smallest field of which the two convolutions and subsamplings leave a pixel.
        smallest_input: 16,
        input,
        stochastic_depth: 0.0,
        constructor,
        dialects: &[],
        arguments: &[],
    }
}

/// Side of MNIST's digits, in pixels: the middle of the 32x32 field that the paper describes.
const MNIST: u32 = 28;

/// `[N, channels, size, size]` -> `[N, classes]`, for the one size of the options.
fn lenet<Pool: Module + 'static>(
    path: &Path,
    options: &Options,
    activation: Activation,
    pool: impl Fn() -> Pool,
) -> Parts {
    let padding = if options.size == i64::from(MNIST) { 2 } else { 0 };
    let side = ((options.size + 2 * padding - 4) / 2 - 4) / 2; // 5 for 28x28 and 32x32
    let c1 =
        Conv::new(options.channels, 6, 5).padding(padding).activation(activation).biased(&(path / "conv1"));
    let c3 = Conv::new(6, 16, 5).activation(activation).biased(&(path / "conv2"));
    let full =
        |name: &str, inputs, outputs| Linear::new(&(path / name), inputs, outputs, LinearInit::TorchDefault);
    let c5 = full("fc1", 16 * side * side, 120);
    let f6 = full("fc2", 120, 84);

    let stages = vec![
        Stage::new("conv1", &["conv1"], Sequence::new().then(c1).then(pool())), // [N, 6, 14, 14]
        Stage::new("conv2", &["conv2"], Sequence::new().then(c3).then(pool())), // [N, 16, 5, 5]
        Stage::new("fc1", &["fc1"], Sequence::new().then(Flatten).then(c5).then(activation)), // [N, 120]
        Stage::new("fc2", &["fc2"], Sequence::new().then(f6).then(activation)), // [N, 84]
    ];
    let dropout = options.dropout.unwrap_or(0.0);
    let head = Head::new(path, "fc3", 84, options.classes, dropout, LinearInit::TorchDefault);
    Parts::new(stages, head)
}

/// 28x28 grayscale, scaled to -1..=1.
fn input() -> InputSpec {
    InputSpec {
        resize: MNIST,
        crop: MNIST,
        interpolation: Interpolation::Bilinear,
        channels: 1,
        mean: vec![0.5],
        std: vec![0.5],
        ..InputSpec::imagenet()
    }
}
