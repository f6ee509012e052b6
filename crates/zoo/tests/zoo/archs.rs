//! The networks as facts.

use std::collections::BTreeMap;

use pretrained::Catalog;
use serde::Deserialize;
use zoo::archs;

#[derive(Deserialize)]
struct Golden {
    giga_multiply_adds: BTreeMap<String, f64>,
}

#[test]
fn parameters_and_operations_are_those_that_torchvision_publishes() {
    let text = include_str!("../../../../tests/torchvision/prediction.json");
    let mut counts = serde_json::from_str::<Golden>(text).unwrap().giga_multiply_adds;
    for arch in archs::all() {
        let whole = arch.parameters + arch.auxiliary_parameters;
        for weights in Catalog::builtin().of_arch(arch.name).unwrap_or_default() {
            assert!([arch.parameters, whole].contains(&weights.parameters), "{}", arch.name);
        }
        if let Some(theirs) = counts.remove(arch.name) {
            let ours = arch.multiply_adds as f64 / 1e9;
            // TorchVision rounds to three decimals.
            assert!((ours - theirs).abs() <= 0.00051, "{}: {ours} and TorchVision's {theirs}", arch.name);
        }
    }
    assert!(counts.is_empty(), "{counts:?}");
}
