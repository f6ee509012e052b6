//! DenseNet: parity with TorchVision, the contract, initial values, smallest input, names of old files.

use conformance::{Cheapest, Subject};

const SUBJECT: Subject = Subject {
    family: &densenet::FAMILY,
    cheapest: &[Cheapest { network: "densenet121", size: 64 }],
    every_tensor: Some("densenet121"),
};

conformance::tests!(SUBJECT);

/// TorchVision's own rule (`_load_state_dict` in torchvision/models/densenet.py) backwards: every tensor is found under its old name.
#[test]
fn published_files_have_old_names_for_what_lies_in_layers() {
    for network in densenet::FAMILY.networks {
        let rename = network.dialects[0].rename;
        let mut old_names = 0;
        for name in network.layout().tensors.keys() {
            let old = old_name(name);
            old_names += usize::from(old != *name);
            assert_eq!(rename(&old).as_ref(), Some(name));
            assert_eq!(rename(name).as_ref(), (old == *name).then_some(name), "a new name is no old one");
        }
        assert!(old_names > 400, "{}: {old_names}", network.name);
    }
    for other in ["denselayer1.norm.1.weight", "fc.weight", "features.denseblock1.denselayer1.relu.1.weight"]
    {
        assert_eq!((densenet::FAMILY.networks[0].dialects[0].rename)(other), None, "{other}");
    }
}

/// The name that a tensor has in the files that TorchVision publishes.
fn old_name(name: &str) -> String {
    let layers =
        [(".norm1.", ".norm.1."), (".norm2.", ".norm.2."), (".conv1.", ".conv.1."), (".conv2.", ".conv.2.")];
    layers.iter().fold(name.to_owned(), |name, (new, dotted)| name.replace(new, dotted))
}

#[test]
fn reads_files_of_torchvision_whatever_their_age_and_its_own() {
    conformance::files::check(&SUBJECT, &["densenet121"], str::to_owned, None);
    conformance::files::check(&SUBJECT, &["densenet121"], old_name, Some("TorchVision before 0.3"));
}

#[test]
fn reads_files_of_timm() {
    conformance::other_libraries::check(&SUBJECT);
}
