//! ResNet: parity with TorchVision, the contract, initial values, smallest input.

use conformance::{Cheapest, Subject};

const SUBJECT: Subject = Subject {
    family: &resnet::FAMILY,
    cheapest: &[Cheapest { network: "resnet18", size: 64 }],
    every_tensor: Some("resnet18"),
};

conformance::tests!(SUBJECT);

#[test]
fn reads_files_of_timm_and_transformers() {
    conformance::other_libraries::check(&SUBJECT);
}
