//! EfficientNet: parity with TorchVision, the contract, initial values, smallest input.

use conformance::{Cheapest, Subject};

const SUBJECT: Subject = Subject {
    family: &efficientnet::FAMILY,
    cheapest: &[Cheapest { network: "efficientnet_lite0", size: 64 }],
    every_tensor: Some("efficientnet_b0"),
};

conformance::tests!(SUBJECT);

#[test]
fn reads_files_of_timm() {
    conformance::other_libraries::check(&SUBJECT);
}
