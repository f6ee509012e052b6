//! MobileNet (Sandler, Howard, Zhu, Zhmoginov and Chen, "MobileNetV2: Inverted Residuals and Linear Bottlenecks", 2018; Howard et
//! al., "Searching for MobileNetV3", 2019).
//!
//! The networks of 2016 took billions of multiplications for an image, and a telephone has neither the time nor the
//! battery. Most of them go into 3x3 convolutions from many channels to many. MobileNet takes those apart: a depthwise
//! convolution looks at positions, each channel alone, and a 1x1 convolution mixes channels; together a ninth of the cost.
//!
//! V2 turns ResNet's block inside out. There the shortcut connects wide layers and the block narrows between them; here
//! the shortcut connects *narrow* ones, and the block widens in between, where the cheap depthwise convolution works ("inverted
//! residual"). What is narrow must not lose anything more, so the last convolution of a block has no activation
//! ("linear bottleneck"). V3 was found by search for the time that a telephone takes: squeeze-and-excitation in some blocks, hard
//! swish in place of swish, and first and last layers made cheaper, because after all that they were what cost most.
//!
//! `block.rs` has the block, `body.rs` how blocks become stages, `v2.rs` and `v3.rs` the numbers of each, `timm.rs` timm's names. Parameter names, shapes and initialisation are
//! TorchVision's (`torchvision/models/mobilenetv2.py`, `mobilenetv3.py`).

mod block;
mod body;
mod timm;
mod v2;
mod v3;

use backbone::{Family, Network, Options, Parts, Path};
use checkpoint::Dialect;
use pretrained::InputSpec;

use body::STOCHASTIC_DEPTH;

/// MobileNet v2 and v3.
pub const FAMILY: Family = Family {
    name: "mobilenet",
    solved: "inverted residuals: narrow shortcuts around wide depthwise convolutions, for devices",
    networks: &[
        network("mobilenet_v3_small", V3, &[SMALL], "classifier.3", |path, options| {
            v3::mobilenet(path, options, &v3::SMALL, 1024)
        }),
        network("mobilenet_v2", V2, &[SECOND], "classifier.1", v2::mobilenet),
        network("mobilenet_v3_large", V3, &[LARGE], "classifier.3", |path, options| {
            v3::mobilenet(path, options, &v3::LARGE, 1280)
        }),
    ],
};

/// A paper and its year.
struct Paper {
    year: u16,
    title: &'static str,
}

const V2: Paper = Paper {
    year: 2018,
    title: "Sandler et al., MobileNetV2: Inverted Residuals and Linear Bottlenecks, 2018",
};
const V3: Paper = Paper { year: 2019, title: "Howard et al., Searching for MobileNetV3, 2019" };

const SECOND: Dialect = Dialect { name: "timm", rename: timm::rename_v2, differs: None };
const SMALL: Dialect = third(timm::rename_small);
const LARGE: Dialect = third(timm::rename_large);

const fn third(rename: fn(&str) -> Option<String>) -> Dialect {
    Dialect {
        name: "timm",
        rename,
        differs: Some(
            "timm's mobilenetv3 networks have another epsilon in batch-norm than this one, and its tf_ ones pad otherwise",
        ),
    }
}

const fn network(
    name: &'static str,
    paper: Paper,
    dialects: &'static [Dialect],
    head: &'static str,
    constructor: fn(&Path, &Options) -> Parts,
) -> Network {
    Network {
        name,
        year: paper.year,
        paper: paper.title,
        head,
        smallest_input: 32,
        input: InputSpec::imagenet,
        stochastic_depth: STOCHASTIC_DEPTH,
        constructor,
        dialects,
        arguments: &[],
    }
}
