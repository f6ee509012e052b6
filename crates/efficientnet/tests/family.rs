//! EfficientNet: parity with TorchVision, the contract, initial values, smallest input.

use conformance::{Cheapest, Subject};

const SUBJECT: Subject = Subject {
    family: &efficientnet::FAMILY,
    cheapest: &[Cheapest { network: "efficientnet_lite0", size: 64 }],
    every_tensor: Some("efficientnet_b0"),
};

conformance::tests!(SUBJECT);

#[test]
fn reads_files_of_torchvision_of_lites_authors_and_its_own() {
    conformance::files::check(&SUBJECT, &["efficientnet_v2_s"], str::to_owned, None);
    conformance::files::check(
        &SUBJECT,
        &["efficientnet_lite0"],
        str::to_owned,
        Some("efficientnet-lite-pytorch"),
    );
}

#[test]
fn reads_files_of_timm() {
    conformance::other_libraries::check(&SUBJECT);
}
