//! RegNet: parity with TorchVision, the contract, initial values, smallest input.

use conformance::{Cheapest, Subject};

const SUBJECT: Subject = Subject {
    family: &regnet::FAMILY,
    cheapest: &[
        Cheapest { network: "regnet_y_400mf", size: 64 },
        Cheapest { network: "regnet_x_400mf", size: 64 },
    ],
    every_tensor: Some("regnet_y_400mf"),
};

conformance::tests!(SUBJECT);

#[test]
fn reads_files_of_torchvision_and_its_own() {
    conformance::files::check(&SUBJECT, &["regnet_y_400mf", "regnet_x_400mf"], str::to_owned, None);
}

#[test]
fn reads_files_of_timm_and_transformers() {
    conformance::other_libraries::check(&SUBJECT);
}
