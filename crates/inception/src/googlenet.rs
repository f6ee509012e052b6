//! GoogLeNet, or Inception v1, in TorchVision's form: with batch-norm, which the paper did not have yet.

use backbone::layers::{Activation, AdaptiveAvgPool, Conv, ConvNorm, Flatten, Linear, LinearInit, MaxPool};
use backbone::{Aux, Auxiliary, Head, Options, Parts, Path, Sequence, Stage};

use crate::layers::{Branches, basic};

/// Deviation of all initial weights.
const DEVIATION: f64 = 0.01;
const INIT: LinearInit = LinearInit::TruncatedNormal(DEVIATION);
/// Share of each auxiliary head in the training loss, as the paper has it.
const AUX_WEIGHT: f64 = 0.3;

/// 22 layers with parameters: three convolutions, nine inception blocks, a linear layer;
/// `[N, channels, 224, 224]` -> `[N, classes]`.
pub(crate) fn googlenet(path: &Path, options: &Options) -> Parts {
    let stem = |name: &str, conv: Conv| basic(&(path / name), conv, DEVIATION);
    let halve = || MaxPool::new(3, 2).ceil();
    let block = |name: &'static str, input: i64, widths: Widths| {
        Sequence::new().then(inception(&(path / name), input, widths))
    };

    let stem1 = Sequence::new()
        .then(stem("conv1", Conv::new(options.channels, 64, 7).stride(2).padding(3))) // [N, 64, 112, 112]
        .then(halve());
    let stem2 = Sequence::new()
        .then(stem("conv2", Conv::new(64, 64, 1)))
        .then(stem("conv3", Conv::new(64, 192, 3).same())) // [N, 192, 56, 56]
        .then(halve());
    // Input channels, then the row of the paper's table 1.
    let inception3a = block("inception3a", 192, [64, 96, 128, 16, 32, 32]);
    let inception3b = block("inception3b", 256, [128, 128, 192, 32, 96, 64]).then(halve());
    let inception4a = block("inception4a", 480, [192, 96, 208, 16, 48, 64]);
    let inception4b = block("inception4b", 512, [160, 112, 224, 24, 64, 64]);
    let inception4c = block("inception4c", 512, [128, 128, 256, 24, 64, 64]);
    let inception4d = block("inception4d", 512, [112, 144, 288, 32, 64, 64]);
    let inception4e =
        block("inception4e", 528, [256, 160, 320, 32, 128, 128]).then(MaxPool::new(2, 2).ceil());
    let inception5a = block("inception5a", 832, [256, 160, 320, 32, 128, 128]);
    let inception5b = block("inception5b", 832, [384, 192, 384, 48, 128, 128]);
    let aux1 = aux(path, "aux1", "aux1.fc2", 512, options);
    let aux2 = aux(path, "aux2", "aux2.fc2", 528, options);

    let stages = vec![
        Stage::new("stem1", &["conv1"], stem1),          // [N, 64, 56, 56]
        Stage::new("stem2", &["conv2", "conv3"], stem2), // [N, 192, 28, 28]
        Stage::new("inception3a", &["inception3a"], inception3a), // [N, 256, 28, 28]
        Stage::new("inception3b", &["inception3b"], inception3b), // [N, 480, 14, 14]
        Stage::new("inception4a", &["inception4a"], inception4a).with_aux(aux1), // [N, 512, 14, 14]
        Stage::new("inception4b", &["inception4b"], inception4b), // [N, 512, 14, 14]
        Stage::new("inception4c", &["inception4c"], inception4c), // [N, 512, 14, 14]
        Stage::new("inception4d", &["inception4d"], inception4d).with_aux(aux2), // [N, 528, 14, 14]
        Stage::new("inception4e", &["inception4e"], inception4e), // [N, 832, 7, 7]
        Stage::new("inception5a", &["inception5a"], inception5a), // [N, 832, 7, 7]
        Stage::new("inception5b", &["inception5b"], inception5b), // [N, 1024, 7, 7]
        Stage::new("pool", &[], AdaptiveAvgPool(1)),     // [N, 1024, 1, 1]
    ];
    let head = Head::new(path, "fc", 1024, options.classes, options.dropout.unwrap_or(0.2), INIT);
    let left_out = if aux_built(options) { Vec::new() } else { vec!["aux1", "aux2"] };
    Parts::new(stages, head).leaving_out(left_out)
}

/// Output channels of a block's convolutions, as the paper's table 1 has them: 1x1; 3x3 reduce, 3x3; 5x5 reduce, 5x5;
/// after the pool.
type Widths = [i64; 6];

/// Four views of the same input, their outputs joined as channels: `[N, input, H, W]` -> `[N, sum, H, W]`.
fn inception(path: &Path, input: i64, widths: Widths) -> Branches {
    let [one, reduce3, three, reduce5, five, pooled] = widths;
    let conv = |branch: &str, conv: Conv| -> ConvNorm { basic(&path.descend(branch), conv, DEVIATION) };
    Branches::new()
        .with(conv("branch1", Conv::new(input, one, 1)))
        .with(
            Sequence::new()
                .then(conv("branch2.0", Conv::new(input, reduce3, 1)))
                .then(conv("branch2.1", Conv::new(reduce3, three, 3).same())),
        )
        .with(
            // The paper's 5x5 is a 3x3 in TorchVision, by an oversight that the pretrained weights share.
            Sequence::new()
                .then(conv("branch3.0", Conv::new(input, reduce5, 1)))
                .then(conv("branch3.1", Conv::new(reduce5, five, 3).same())),
        )
        .with(
            Sequence::new()
                .then(MaxPool::new(3, 1).padding(1).ceil())
                .then(conv("branch4.1", Conv::new(input, pooled, 1))),
        )
}

/// An auxiliary classifier, unless they are left out: `[N, channels, H, W]` -> `[N, classes]`.
fn aux(path: &Path, root: &'static str, last: &'static str, channels: i64, options: &Options) -> Option<Aux> {
    if !aux_built(options) {
        return None;
    }
    let below = path / root;
    let body = Sequence::new()
        .then(AdaptiveAvgPool(4)) // [N, channels, 4, 4]
        .then(basic(&(&below / "conv"), Conv::new(channels, 128, 1), DEVIATION)) // [N, 128, 4, 4]
        .then(Flatten)
        .then(Linear::new(&(&below / "fc1"), 128 * 4 * 4, 1024, INIT)) // [N, 1024]
        .then(Activation::Relu);
    let head = Head::new(path, last, 1024, options.classes, options.dropout.unwrap_or(0.7), INIT);
    Some(Aux { weight: AUX_WEIGHT, root, body: Box::new(body), head })
}

fn aux_built(options: &Options) -> bool {
    options.auxiliary == Auxiliary::Built
}
