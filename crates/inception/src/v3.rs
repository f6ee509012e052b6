//! Inception v3: the blocks A to E of "Rethinking the Inception Architecture", named as TorchVision names them.

use backbone::layers::{AdaptiveAvgPool, AvgPool, Conv, ConvNorm, LinearInit, MaxPool};
use backbone::{Aux, Auxiliary, Head, Options, Parts, Path, Sequence, Stage};

use crate::layers::{Branches, basic};

/// Deviation of initial weights, but for the auxiliary head's.
const DEVIATION: f64 = 0.1;
/// Share of the auxiliary head in the training loss.
const AUX_WEIGHT: f64 = 0.4;
/// The smallest input whose 17x17 grid is large enough for the auxiliary head's filters.
const AUX_SMALLEST_INPUT: i64 = 299;

/// 48 layers with parameters: `[N, channels, 299, 299]` -> `[N, classes]`. Below 299 pixels the auxiliary head does not fit and is not built.
pub(crate) fn inception_v3(path: &Path, options: &Options) -> Parts {
    let stem = |name: &str, conv: Conv| basic(&(path / name), conv, DEVIATION);
    let stem1 = Sequence::new()
        .then(stem("Conv2d_1a_3x3", Conv::new(options.channels, 32, 3).stride(2))) // [N, 32, 149, 149]
        .then(stem("Conv2d_2a_3x3", Conv::new(32, 32, 3))) // [N, 32, 147, 147]
        .then(stem("Conv2d_2b_3x3", Conv::new(32, 64, 3).same())) // [N, 64, 147, 147]
        .then(MaxPool::new(3, 2));
    let stem2 = Sequence::new()
        .then(stem("Conv2d_3b_1x1", Conv::new(64, 80, 1))) // [N, 80, 73, 73]
        .then(stem("Conv2d_4a_3x3", Conv::new(80, 192, 3))) // [N, 192, 71, 71]
        .then(MaxPool::new(3, 2));
    let mixed5b = block_a(&(path / "Mixed_5b"), 192, 32);
    let mixed5c = block_a(&(path / "Mixed_5c"), 256, 64);
    let mixed5d = block_a(&(path / "Mixed_5d"), 288, 64);
    let mixed6a = block_b(&(path / "Mixed_6a"), 288);
    let mixed6b = block_c(&(path / "Mixed_6b"), 128);
    let mixed6c = block_c(&(path / "Mixed_6c"), 160);
    let mixed6d = block_c(&(path / "Mixed_6d"), 160);
    let mixed6e = block_c(&(path / "Mixed_6e"), 192);
    let aux = (aux_built(options)).then(|| aux(path, options));
    let mixed7a = block_d(&(path / "Mixed_7a"), 768);
    let mixed7b = block_e(&(path / "Mixed_7b"), 1280);
    let mixed7c = block_e(&(path / "Mixed_7c"), 2048);

    let stem1_roots = ["Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3"];
    let stages = vec![
        Stage::new("stem1", &stem1_roots, stem1), // [N, 64, 73, 73]
        Stage::new("stem2", &["Conv2d_3b_1x1", "Conv2d_4a_3x3"], stem2), // [N, 192, 35, 35]
        Stage::new("mixed5b", &["Mixed_5b"], mixed5b), // [N, 256, 35, 35]
        Stage::new("mixed5c", &["Mixed_5c"], mixed5c), // [N, 288, 35, 35]
        Stage::new("mixed5d", &["Mixed_5d"], mixed5d), // [N, 288, 35, 35]
        Stage::new("mixed6a", &["Mixed_6a"], mixed6a), // [N, 768, 17, 17]
        Stage::new("mixed6b", &["Mixed_6b"], mixed6b), // [N, 768, 17, 17]
        Stage::new("mixed6c", &["Mixed_6c"], mixed6c), // [N, 768, 17, 17]
        Stage::new("mixed6d", &["Mixed_6d"], mixed6d), // [N, 768, 17, 17]
        Stage::new("mixed6e", &["Mixed_6e"], mixed6e).with_aux(aux), // [N, 768, 17, 17]
        Stage::new("mixed7a", &["Mixed_7a"], mixed7a), // [N, 1280, 8, 8]
        Stage::new("mixed7b", &["Mixed_7b"], mixed7b), // [N, 2048, 8, 8]
        Stage::new("mixed7c", &["Mixed_7c"], mixed7c), // [N, 2048, 8, 8]
        Stage::new("pool", &[], AdaptiveAvgPool(1)), // [N, 2048, 1, 1]
    ];
    let init = LinearInit::TruncatedNormal(DEVIATION);
    let head = Head::new(path, "fc", 2048, options.classes, options.dropout.unwrap_or(0.5), init);
    let left_out = if aux_built(options) { Vec::new() } else { vec!["AuxLogits"] };
    Parts::new(stages, head).leaving_out(left_out)
}

/// Figure 5 of the paper: 1x1, 5x5, two 3x3 in place of a 5x5, pooling;
/// `[N, input, 35, 35]` -> `[N, 224 + pooled, 35, 35]`.
fn block_a(path: &Path, input: i64, pooled: i64) -> Branches {
    let conv = |name: &str, conv: Conv| branch(path, name, conv);
    Branches::new()
        .with(conv("branch1x1", Conv::new(input, 64, 1)))
        .with(
            Sequence::new()
                .then(conv("branch5x5_1", Conv::new(input, 48, 1)))
                .then(conv("branch5x5_2", Conv::new(48, 64, 5).same())),
        )
        .with(
            Sequence::new()
                .then(conv("branch3x3dbl_1", Conv::new(input, 64, 1)))
                .then(conv("branch3x3dbl_2", Conv::new(64, 96, 3).same()))
                .then(conv("branch3x3dbl_3", Conv::new(96, 96, 3).same())),
        )
        .with(Sequence::new().then(AVERAGE).then(conv("branch_pool", Conv::new(input, pooled, 1))))
}

/// Figure 10: half the size, by strided convolutions and a pool side by side;
/// `[N, input, 35, 35]` -> `[N, input + 480, 17, 17]`.
fn block_b(path: &Path, input: i64) -> Branches {
    let conv = |name: &str, conv: Conv| branch(path, name, conv);
    Branches::new()
        .with(conv("branch3x3", Conv::new(input, 384, 3).stride(2)))
        .with(
            Sequence::new()
                .then(conv("branch3x3dbl_1", Conv::new(input, 64, 1)))
                .then(conv("branch3x3dbl_2", Conv::new(64, 96, 3).same()))
                .then(conv("branch3x3dbl_3", Conv::new(96, 96, 3).stride(2))),
        )
        .with(MaxPool::new(3, 2))
}

/// Figure 6: 7x7 factored into 1x7 and 7x1, once and twice; `[N, 768, 17, 17]` -> the same.
fn block_c(path: &Path, inner: i64) -> Branches {
    let conv = |name: &str, conv: Conv| branch(path, name, conv);
    let wide = |output| Conv::rectangular(inner, output, [1, 7]).same();
    let high = |output| Conv::rectangular(inner, output, [7, 1]).same();
    Branches::new()
        .with(conv("branch1x1", Conv::new(768, 192, 1)))
        .with(
            Sequence::new()
                .then(conv("branch7x7_1", Conv::new(768, inner, 1)))
                .then(conv("branch7x7_2", wide(inner)))
                .then(conv("branch7x7_3", high(192))),
        )
        .with(
            Sequence::new()
                .then(conv("branch7x7dbl_1", Conv::new(768, inner, 1)))
                .then(conv("branch7x7dbl_2", high(inner)))
                .then(conv("branch7x7dbl_3", wide(inner)))
                .then(conv("branch7x7dbl_4", high(inner)))
                .then(conv("branch7x7dbl_5", wide(192))),
        )
        .with(Sequence::new().then(AVERAGE).then(conv("branch_pool", Conv::new(768, 192, 1))))
}

/// Half the size again, with the factored 7x7 in one branch; `[N, input, 17, 17]` -> `[N, input + 512, 8, 8]`.
fn block_d(path: &Path, input: i64) -> Branches {
    let conv = |name: &str, conv: Conv| branch(path, name, conv);
    Branches::new()
        .with(
            Sequence::new()
                .then(conv("branch3x3_1", Conv::new(input, 192, 1)))
                .then(conv("branch3x3_2", Conv::new(192, 320, 3).stride(2))),
        )
        .with(
            Sequence::new()
                .then(conv("branch7x7x3_1", Conv::new(input, 192, 1)))
                .then(conv("branch7x7x3_2", Conv::rectangular(192, 192, [1, 7]).same()))
                .then(conv("branch7x7x3_3", Conv::rectangular(192, 192, [7, 1]).same()))
                .then(conv("branch7x7x3_4", Conv::new(192, 192, 3).stride(2))),
        )
        .with(MaxPool::new(3, 2))
}

/// Figure 7: on the coarsest grid 1x3 and 3x1 stand side by side, for breadth;
/// `[N, input, 8, 8]` -> `[N, 2048, 8, 8]`.
fn block_e(path: &Path, input: i64) -> Branches {
    let conv = |name: &str, conv: Conv| branch(path, name, conv);
    let both = |wide: &str, high: &str| {
        Branches::new()
            .with(conv(wide, Conv::rectangular(384, 384, [1, 3]).same()))
            .with(conv(high, Conv::rectangular(384, 384, [3, 1]).same()))
    };
    Branches::new()
        .with(conv("branch1x1", Conv::new(input, 320, 1)))
        .with(
            Sequence::new()
                .then(conv("branch3x3_1", Conv::new(input, 384, 1)))
                .then(both("branch3x3_2a", "branch3x3_2b")),
        )
        .with(
            Sequence::new()
                .then(conv("branch3x3dbl_1", Conv::new(input, 448, 1)))
                .then(conv("branch3x3dbl_2", Conv::new(448, 384, 3).same()))
                .then(both("branch3x3dbl_3a", "branch3x3dbl_3b")),
        )
        .with(Sequence::new().then(AVERAGE).then(conv("branch_pool", Conv::new(input, 192, 1))))
}

/// The mean of each 3x3 neighbourhood, at the same size.
const AVERAGE: AvgPool = AvgPool { kernel: 3, stride: 1, padding: 1 };

fn branch(path: &Path, name: &str, conv: Conv) -> ConvNorm {
    basic(&(path / name), conv, DEVIATION)
}

/// `[N, 768, 17, 17]` -> `[N, classes]`.
fn aux(path: &Path, options: &Options) -> Aux {
    let below = path / "AuxLogits";
    let body = Sequence::new()
        .then(AvgPool { kernel: 5, stride: 3, padding: 0 }) // [N, 768, 5, 5]
        .then(basic(&(&below / "conv0"), Conv::new(768, 128, 1), DEVIATION)) // [N, 128, 5, 5]
        .then(basic(&(&below / "conv1"), Conv::new(128, 768, 5), DEVIATION)) // [N, 768, 1, 1]
        .then(AdaptiveAvgPool(1));
    // TorchVision asks for deviation 0.01 in conv1 too, but on the wrapper, where its initialisation does not look.
    let init = LinearInit::TruncatedNormal(0.001);
    let head = Head::new(path, "AuxLogits.fc", 768, options.classes, 0.0, init);
    Aux { weight: AUX_WEIGHT, root: "AuxLogits", body: Box::new(body), head }
}

fn aux_built(options: &Options) -> bool {
    options.auxiliary == Auxiliary::Built && options.size >= AUX_SMALLEST_INPUT
}
