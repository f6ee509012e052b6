//! MobileNet: parity with TorchVision, the contract, initial values, smallest input.

use conformance::{Cheapest, Subject};

const SUBJECT: Subject = Subject {
    family: &mobilenet::FAMILY,
    cheapest: &[
        Cheapest { network: "mobilenet_v2", size: 64 },
        Cheapest { network: "mobilenet_v3_small", size: 64 },
    ],
    every_tensor: Some("mobilenet_v3_small"),
};

conformance::tests!(SUBJECT);

#[test]
fn reads_files_of_torchvision_and_its_own() {
    conformance::files::check(&SUBJECT, &["mobilenet_v2", "mobilenet_v3_small"], str::to_owned, None);
}

#[test]
fn reads_files_of_timm() {
    conformance::other_libraries::check(&SUBJECT);
}
