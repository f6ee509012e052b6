//! Swin: parity with TorchVision, the contract, initial values, smallest input.

use conformance::{Cheapest, Subject};

const SUBJECT: Subject = Subject {
    family: &swin::FAMILY,
    cheapest: &[Cheapest { network: "swin_t", size: 64 }, Cheapest { network: "swin_v2_t", size: 64 }],
    every_tensor: Some("swin_v2_t"),
};

conformance::tests!(SUBJECT);

#[test]
fn reads_files_of_torchvision_and_its_own() {
    conformance::files::check(&SUBJECT, &["swin_v2_t"], str::to_owned, None);
}

#[test]
fn reads_files_of_timm_and_transformers() {
    conformance::other_libraries::check(&SUBJECT);
}
