//! GoogLeNet (Szegedy et al., "Going Deeper with Convolutions", 2014) and Inception v3 (Szegedy et al., "Rethinking the
//! Inception Architecture for Computer Vision", 2015).
//!
//! VGG bought its accuracy with brute force, and at every layer somebody had to choose one filter size, though things in
//! a photograph come in all sizes. An inception block does not choose: it looks through several filters at once and
//! lays the answers side by side, and a 1x1 convolution in front of each costly filter first reduces the channels, so
//! that 22 layers have a twentieth of VGG's parameters. Gradients still faded on the way through 22 layers; auxiliary
//! classifiers on inner stages feed them in half-way, in training only. Inception v3 factors the filters further (5x5
//! into two 3x3, 7x7 into 1x7 and 7x1) and puts batch-norm everywhere.
//!
//! The two networks are in `googlenet.rs` and `v3.rs`, under TorchVision's names (`torchvision/models/googlenet.py`,
//! `inception.py`); what they share is in `layers.rs`.
//!
//! TorchVision's pretrained files were trained on pixels scaled to `-1..=1`, which it repairs inside the network
//! (`transform_input`). Here the preparation belongs to the weights: mean and deviation 0.5.

mod googlenet;
mod layers;
mod v3;

use backbone::{Family, Network};
use pretrained::InputSpec;

/// GoogLeNet and Inception v3.
pub const FAMILY: Family = Family {
    name: "inception",
    solved: "many filter sizes in one block at low cost, and auxiliary losses against vanishing gradients",
    networks: &[
        Network {
            name: "googlenet",
            year: 2014,
            paper: "Szegedy et al., Going Deeper with Convolutions, 2014",
            head: "fc",
            smallest_input: 15,
            input: || input(256, 224),
            stochastic_depth: 0.0,
            constructor: googlenet::googlenet,
            dialects: &[],
            arguments: ARGUMENTS,
        },
        Network {
            name: "inception_v3",
            year: 2015,
            paper: "Szegedy et al., Rethinking the Inception Architecture for Computer Vision, 2015",
            head: "fc",
            smallest_input: 75,
            input: || input(342, 299),
            stochastic_depth: 0.0,
            constructor: v3::inception_v3,
            dialects: &[],
            arguments: ARGUMENTS,
        },
    ],
};

const ARGUMENTS: &[(&str, bool)] =
    &[("aux_logits", false), ("init_weights", false), ("transform_input", false)];

fn input(resize: u32, crop: u32) -> InputSpec {
    InputSpec { resize, crop, mean: vec![0.5; 3], std: vec![0.5; 3], ..InputSpec::imagenet() }
}
