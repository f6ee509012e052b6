//! The networks as facts.

use std::collections::BTreeMap;

use backbone::{Backbone, Options, Values};
use pretrained::Catalog;
use serde::Deserialize;
use zoo::archs;

/// What a stage gives and costs at the network's usual input, written down when shapes and costs were still counted by each
/// layer.
#[derive(Deserialize)]
struct Stage {
    stage: String,
    output: Vec<i64>,
    multiply_adds: u64,
}

#[test]
fn stages_have_the_shapes_and_costs_that_were_written_down() {
    let mut written: BTreeMap<String, Vec<Stage>> = serde_json::from_str(include_str!("costs.json")).unwrap();
    for arch in archs::all() {
        // Networks that came later are held by TorchVision's counts and by the contract's tests alone.
        let Some(written) = written.remove(arch.name) else { continue };
        assert_eq!(arch.stages.len(), written.len(), "{}", arch.name);
        for (ours, written) in arch.stages.iter().zip(written) {
            let (name, output, cost) = (ours.name, &ours.output, ours.multiply_adds);
            let expected = (&*written.stage, &written.output, written.multiply_adds);
            assert_eq!((name, output, cost), expected, "{}", arch.name);
        }
    }
    assert!(written.is_empty());
}

fn outline(name: &str, size: i64) -> Backbone {
    zoo::network(name).unwrap().build(Values::Outline, &Options { size, ..Options::default() })
}

fn parameters(backbone: &Backbone) -> u64 {
    backbone.ids().map(|id| backbone.parameter_count(id)).sum()
}

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
            let counts = match weights.name.as_str() {
                // Embeddings of positions for 518 pixels, a token that stands for hidden patches, no head.
                "DINOV2" => {
                    let backbone = outline(arch.name, 518);
                    let head = backbone.parameter_count(backbone.head_id());
                    let width = u64::try_from(backbone.head().features).unwrap();
                    vec![parameters(&backbone) - head + width]
                }
                // As many embeddings of positions as its images have patches.
                name if name.contains("SWAG") => {
                    vec![parameters(&outline(arch.name, weights.input.crop.into()))]
                }
                _ => vec![arch.parameters, whole],
            };
            assert!(counts.contains(&weights.parameters), "{} {}: {counts:?}", arch.name, weights.name);
        }
        if let Some(theirs) = counts.remove(arch.name) {
            let ours = arch.multiply_adds as f64 / 1e9;
            // TorchVision rounds to three decimals.
            assert!((ours - theirs).abs() <= 0.00051, "{}: {ours} and TorchVision's {theirs}", arch.name);
        }
    }
    assert!(counts.is_empty(), "{counts:?}");
}
