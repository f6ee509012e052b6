//! ViT: parity with TorchVision and with DINOv2, the contract, initial values, smallest input.

use conformance::{Cheapest, Subject};

const SUBJECT: Subject = Subject {
    family: &vit::FAMILY,
    cheapest: &[
        Cheapest { network: "vit_t_16", size: 64 },
        Cheapest { network: "dinov2_vits14_reg", size: 56 },
    ],
    every_tensor: Some("vit_t_16"),
};

conformance::tests!(SUBJECT);

#[test]
fn reads_files_of_torchvision_and_its_own() {
    conformance::files::check(&SUBJECT, &["vit_t_16", "dinov2_vits14_reg"], str::to_owned, None);
}

#[test]
fn reads_files_of_timm_and_transformers() {
    conformance::other_libraries::check(&SUBJECT);
}
