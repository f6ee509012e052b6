//! What goes across families. Each family has its own tests in `tests/family.rs` of its crate, over `conformance`.

mod archs;
mod fitting;
mod source_weights;
mod transformers;
mod values;

use backbone::digest::{stage, stages};
use backbone::{Options, Values, Variable};
use conformance::{initial_values, parity};
use sha2::{Digest, Sha256};
use zoo::{FamilyId, network, networks};

#[test]
fn names_are_unique_and_a_near_miss_is_answered() {
    let mut names: Vec<_> = networks().map(|network| network.name).collect();
    let count = names.len();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), count);
    let message = network("resnet81").unwrap_err().to_string();
    assert!(message.contains("did you mean \"resnet1"), "{message}");
    assert!(!network("zzz").unwrap_err().to_string().contains("did you mean"));
}

#[test]
fn each_stage_has_the_digest_of_its_names_shapes_types_and_values() {
    let options = Options { channels: 1, size: 28, ..Options::default() };
    let network = network("lenet5_relu").unwrap();
    let backbone = network.build(Values::default(), &options);
    let all = stages(&backbone, backbone.ids()).unwrap();
    assert_eq!(all.len(), backbone.ids().count());
    for (id, digest) in backbone.ids().zip(&all) {
        let mut expected = Sha256::new();
        for Variable { name, tensor, .. } in backbone.stage_variables(id) {
            expected.update(format!("{name} {:?} Float\n", tensor.size()));
            let values = Vec::<f32>::try_from(tensor.flatten(0, -1)).unwrap();
            values.iter().for_each(|value| expected.update(value.to_le_bytes()));
        }
        assert_eq!(*digest, hex::encode(expected.finalize()), "{}", backbone.name(id));
        assert_eq!(stage(&backbone, id).unwrap(), *digest);
    }
}

/// TorchVision has no LeNet, and every other network is compared with it or, Lite0, with its authors' package.
#[test]
fn every_network_but_lenet_has_a_golden_and_each_golden_a_network() {
    let others = FamilyId::ALL.into_iter().filter(|&id| id != FamilyId::LeNet);
    let mut names: Vec<&str> =
        others.flat_map(|id| id.family().networks).map(|network| network.name).collect();
    names.sort_unstable();
    assert_eq!(parity::goldens(), names);
    assert!(initial_values::networks().iter().all(|name| network(name).is_ok()));
}

#[test]
fn the_generator_has_the_same_bits_as_its_twin() {
    parity::the_generator_has_the_bits_of_its_twin();
}
