//! VGG: parity with TorchVision, the contract, initial values, smallest input.

use conformance::{Cheapest, Subject};

const SUBJECT: Subject = Subject {
    family: &vgg::FAMILY,
    cheapest: &[Cheapest { network: "vgg11_bn", size: 64 }],
    every_tensor: Some("vgg11"),
};

conformance::tests!(SUBJECT);
