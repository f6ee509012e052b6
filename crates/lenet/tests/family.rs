//! LeNet-5: the contract and the smallest input (TorchVision has no LeNet).

use conformance::{Cheapest, Subject};

const SUBJECT: Subject = Subject {
    family: &lenet::FAMILY,
    cheapest: &[Cheapest { network: "lenet5", size: 32 }, Cheapest { network: "lenet5_relu", size: 32 }],
    every_tensor: None,
};

conformance::tests!(SUBJECT);
