//! MobileNetV3.

use backbone::layers::{Activation, Linear, LinearInit, NormSpec};
use backbone::{Head, Options, Parts, Path, Sequence, Stage};

use crate::block::{Form, Shape};
use crate::body::{Body, DEVIATION, DROPOUT};

/// The paper's names of the two functions.
const RE: Activation = Activation::Relu;
const HS: Activation = Activation::HardSwish;

/// The paper's table 2.
pub(crate) const SMALL: [Shape; 11] = [
    row(3, 16, 16, true, RE, 2),  // [N, 16, 56, 56]
    row(3, 72, 24, false, RE, 2), // [N, 24, 28, 28]
    row(3, 88, 24, false, RE, 1), //
    row(5, 96, 40, true, HS, 2),  // [N, 40, 14, 14]
    row(5, 240, 40, true, HS, 1),
    row(5, 240, 40, true, HS, 1),
    row(5, 120, 48, true, HS, 1), // [N, 48, 14, 14]
    row(5, 144, 48, true, HS, 1),
    row(5, 288, 96, true, HS, 2), // [N, 96, 7, 7]
    row(5, 576, 96, true, HS, 1),
    row(5, 576, 96, true, HS, 1),
];

/// The paper's table 1.
pub(crate) const LARGE: [Shape; 15] = [
    row(3, 16, 16, false, RE, 1), // [N, 16, 112, 112]
    row(3, 64, 24, false, RE, 2), // [N, 24, 56, 56]
    row(3, 72, 24, false, RE, 1),
    row(5, 72, 40, true, RE, 2), // [N, 40, 28, 28]
    row(5, 120, 40, true, RE, 1),
    row(5, 120, 40, true, RE, 1),
    row(3, 240, 80, false, HS, 2), // [N, 80, 14, 14]
    row(3, 200, 80, false, HS, 1),
    row(3, 184, 80, false, HS, 1),
    row(3, 184, 80, false, HS, 1),
    row(3, 480, 112, true, HS, 1), // [N, 112, 14, 14]
    row(3, 672, 112, true, HS, 1),
    row(5, 672, 160, true, HS, 2), // [N, 160, 7, 7]
    row(5, 960, 160, true, HS, 1),
    row(5, 960, 160, true, HS, 1),
];

const fn row(
    kernel: i64,
    expanded: i64,
    output: i64,
    excitation: bool,
    activation: Activation,
    stride: i64,
) -> Shape {
    Shape { kernel, expanded, output, excitation, activation, stride }
}

/// Batch-norm of all convolutions.
const NORM: NormSpec = NormSpec { eps: 0.001, momentum: 0.01 };

/// Channels after the first convolution.
const FIRST: i64 = 16;

/// `[N, channels, 224, 224]` -> `[N, classes]`; the last convolution gives six times the channels of the last block, and the
/// classifier has `hidden` features before the head.
pub(crate) fn mobilenet(path: &Path, options: &Options, blocks: &[Shape], hidden: i64) -> Parts {
    let last = 6 * blocks.last().map_or(FIRST, |block| block.output);
    let (norm, blocks) = (NORM, blocks.to_vec());
    let body = Body { form: Form::V3, activation: HS, norm, first: FIRST, blocks, last };
    let mut stages = body.stages(path, options);
    let init = LinearInit::Normal(DEVIATION);
    let full = Linear::new(&(path / "classifier" / 0), last, hidden, init);
    let classifier = Sequence::new().then(backbone::layers::Flatten).then(full).then(HS);
    stages.push(Stage::new("classifier", &["classifier.0"], classifier)); // [N, hidden]
    let dropout = options.dropout.unwrap_or(DROPOUT);
    Parts::new(stages, Head::new(path, "classifier.3", hidden, options.classes, dropout, init))
}
