//! Files of other libraries, with their names, loaded as a user's file is, against what these libraries compute with them.
//!
//! `tests/torchvision/make_other_libraries.py` made the numbers.

use backbone::{Mode, Options, StageId, Values};
use checkpoint::Checkpoint;
use serde::Deserialize;
use tch::Tensor;

use crate::files::write_safetensors;
use crate::golden::{folder, input, relative};
use crate::subject::{Subject, one_at_a_time};
use crate::{generator, pth};

/// Largest relative error.
const ERROR: f64 = 1e-4;

#[derive(Deserialize)]
struct Case {
    library: String,
    network: String,
    gain: f64,
    shape: Vec<i64>,
    /// Whether the values are what a head would read, and not logits.
    features: bool,
    classes: i64,
    values: Vec<f64>,
    tensors: Vec<(String, Vec<i64>)>,
}

/// Loads a `.safetensors` file of each case of the family's networks, of the first a `.pth` file, too, and compares what comes out.
pub fn check(subject: &Subject) {
    let _one_at_a_time = one_at_a_time();
    let text = std::fs::read_to_string(folder().join("other_libraries.json")).unwrap();
    let cases: Vec<Case> = serde_json::from_str(&text).unwrap();
    let known = |case: &&Case| subject.family.networks.iter().any(|network| network.name == case.network);
    let mut compared = 0;
    for case in cases.iter().filter(known) {
        let network = subject.network(&case.network);
        let extensions = if compared == 0 { &["safetensors", "pth"][..] } else { &["safetensors"] };
        for &extension in extensions {
            let checkpoint = loaded(case, extension, &network.layout());
            let what = format!("{} of {} in a .{extension} file", case.network, case.library);
            assert_eq!(checkpoint.unwrapped.dialect.unwrap_or("timm"), case.library, "{what}");
            let options = Options { size: case.shape[2], classes: case.classes, ..Options::default() };
            let mut backbone = network.build(Values::Awaited { seed: 0 }, &options);
            let report = backbone.load(&checkpoint).unwrap();
            assert!(report.unused.is_empty() && report.wrong_shape.is_empty(), "{what}: {report:?}");
            let x = input(&case.shape);
            let ours = tch::no_grad(|| match case.features {
                true => backbone.forward(&x, StageId::INPUT..backbone.head_id(), Mode::Evaluate),
                false => backbone.classify(&x, StageId::INPUT, Mode::Evaluate).logits,
            });
            let theirs = Tensor::from_slice(&case.values).view(ours.size().as_slice());
            let error = relative(&ours, &theirs);
            eprintln!("{what}: {error:.1e}");
            assert!(error < ERROR, "{what}: {error:.1e}");
            compared += 1;
        }
    }
    assert!(compared > 0, "{} has no case", subject.family.name);
}

/// A file with the library's names, under the network's.
fn loaded(case: &Case, extension: &str, layout: &checkpoint::Layout) -> Checkpoint {
    let values = |name: &str, shape: &[i64]| generator::values(name, shape, case.gain).unwrap();
    let named = case.tensors.iter();
    let named =
        named.map(|(name, shape)| (name.clone(), shape.clone(), pth::Values::Float(values(name, shape))));
    let named: Vec<pth::Named> = named.collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(format!("weights.{extension}"));
    match extension {
        "pth" => pth::write_zip(&path, &named),
        _ => write_safetensors(&path, &named),
    }
    checkpoint::open(&path).unwrap().load(Some(layout)).unwrap()
}
