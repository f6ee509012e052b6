//! AlexNet: parity with TorchVision, the contract, initial values, smallest input.

use conformance::{Cheapest, Subject};

const SUBJECT: Subject = Subject {
    family: &alexnet::FAMILY,
    cheapest: &[Cheapest { network: "alexnet", size: 64 }],
    every_tensor: Some("alexnet"),
};

conformance::tests!(SUBJECT);
