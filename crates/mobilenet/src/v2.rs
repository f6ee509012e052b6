//! MobileNetV2.

use backbone::layers::{Activation, LinearInit, NormSpec};
use backbone::{Head, Options, Parts, Path};

use crate::block::{Form, Shape};
use crate::body::{Body, DEVIATION, DROPOUT};

/// The paper's table 2: expansion, channels out, blocks, stride of the first.
const TABLE: [[i64; 4]; 7] = [
    [1, 16, 1, 1],  // [N, 16, 112, 112]
    [6, 24, 2, 2],  // [N, 24, 56, 56]
    [6, 32, 3, 2],  // [N, 32, 28, 28]
    [6, 64, 4, 2],  // [N, 64, 14, 14]
    [6, 96, 3, 1],  // [N, 96, 14, 14]
    [6, 160, 3, 2], // [N, 160, 7, 7]
    [6, 320, 1, 1], // [N, 320, 7, 7]
];

/// Channels after the first and the last convolution.
const FIRST: i64 = 32;
const LAST: i64 = 1280;

/// `[N, channels, 224, 224]` -> `[N, classes]`.
pub(crate) fn mobilenet(path: &Path, options: &Options) -> Parts {
    let activation = Activation::Relu6;
    let mut blocks = Vec::new();
    let mut input = FIRST;
    for [expansion, output, repeats, first_stride] in TABLE {
        for number in 0..repeats {
            let stride = if number == 0 { first_stride } else { 1 };
            let expanded = input * expansion;
            blocks.push(Shape { kernel: 3, expanded, output, excitation: false, activation, stride });
            input = output;
        }
    }
    let body = Body { form: Form::V2, activation, norm: NormSpec::TORCH, first: FIRST, blocks, last: LAST };
    let dropout = options.dropout.unwrap_or(DROPOUT);
    let stages = body.stages(path, options);
    let init = LinearInit::Normal(DEVIATION);
    Parts::new(stages, Head::new(path, "classifier.1", LAST, options.classes, dropout, init))
}
