//! ConvNeXt: parity with TorchVision, the contract, initial values, smallest input.

use conformance::{Cheapest, Subject};

const SUBJECT: Subject = Subject {
    family: &convnext::FAMILY,
    cheapest: &[Cheapest { network: "convnext_tiny", size: 64 }],
    every_tensor: Some("convnext_tiny"),
};

conformance::tests!(SUBJECT);

#[test]
fn reads_files_of_torchvision_and_its_own() {
    conformance::files::check(&SUBJECT, &["convnext_tiny"], str::to_owned, None);
}

#[test]
fn reads_files_of_timm_and_transformers() {
    conformance::other_libraries::check(&SUBJECT);
}
