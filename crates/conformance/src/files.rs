//! Files of a network's tensors, loaded as a user's file is, against the numbers of those who publish such files; saved and loaded
//! once more.

use std::collections::BTreeMap;
use std::path::Path;

use backbone::{Backbone, Mode, Network, Options, StageId, Values, Variable};
use checkpoint::Dtype;
use checkpoint::safetensors_file::{self, ArrayView};
use tch::Tensor;

use crate::golden::{Golden, Pass};
use crate::pth;
use crate::subject::{Subject, one_at_a_time};

/// Largest relative error of logits.
const LOGITS: f64 = 1e-4;

/// Loads a `.pth` and a `.safetensors` file of some networks, their tensors called as `published` says, and compares the logits; what is
/// saved of it and loaded again gives the same bits. `dialect` is the scheme of names that the file is known to have.
pub fn check(
    subject: &Subject,
    networks: &[&str],
    published: impl Fn(&str) -> String,
    dialect: Option<&str>,
) {
    let _one_at_a_time = one_at_a_time();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    for name in networks {
        let network = subject.network(name);
        let golden = Golden::of(network).and_then(|golden| golden.eval);
        let golden = golden.unwrap_or_else(|| panic!("{name} has no logits to compare"));
        let tensors: Vec<pth::Named> = pth::filled(name)
            .into_iter()
            .map(|(tensor, shape, values)| (published(&tensor), shape, values))
            .collect();
        pth::write_zip(&path("theirs.pth"), &tensors);
        write_safetensors(&path("theirs.safetensors"), &tensors);
        for file in ["theirs.pth", "theirs.safetensors"] {
            let (backbone, found) = loaded(network, &golden, &path(file));
            assert_eq!(found, dialect, "{name}, {file}");
            let logits = classify(&backbone, &golden);
            let error = golden.error("logits", &logits);
            eprintln!("{name}, {file}: {error:.1e}");
            assert!(error < LOGITS, "{name}, {file}: {error:.1e}");
            write_safetensors(&path("ours.safetensors"), &named(&backbone));
            let (again, found) = loaded(network, &golden, &path("ours.safetensors"));
            assert_eq!(found, None, "{name}: our own names");
            assert!(classify(&again, &golden).equal(&logits), "{name}: saved and loaded again");
        }
    }
}

/// Writes tensors as a `.safetensors` file.
pub(crate) fn write_safetensors(path: &Path, tensors: &[pth::Named]) {
    let arrays = tensors.iter().map(|(name, shape, values)| {
        let (dtype, data) = match values {
            pth::Values::Float(values) => {
                (Dtype::F32, values.iter().flat_map(|value| value.to_le_bytes()).collect::<Vec<u8>>())
            }
            pth::Values::Count(count) => (Dtype::I64, count.to_le_bytes().to_vec()),
        };
        let shape: Vec<usize> = shape.iter().map(|&extent| extent as usize).collect();
        (name.as_str(), shape, dtype, data)
    });
    let arrays: Vec<_> = arrays.collect();
    let views = arrays
        .iter()
        .map(|(name, shape, dtype, data)| (*name, ArrayView { shape, dtype: *dtype, data: data.as_slice() }));
    safetensors_file::write(path, views, &BTreeMap::new()).unwrap();
}

/// The network with a file's values, and the scheme of the file's names.
fn loaded(network: &Network, golden: &Pass, path: &Path) -> (Backbone, Option<&'static str>) {
    let checkpoint = checkpoint::open(path).unwrap().load(Some(&network.layout())).unwrap();
    let options = Options { size: golden.shape[2], ..Options::default() };
    let mut backbone = network.build(Values::Awaited { seed: 0 }, &options);
    backbone.load_whole(&checkpoint).unwrap();
    (backbone, checkpoint.unwrapped.dialect)
}

fn classify(backbone: &Backbone, golden: &Pass) -> Tensor {
    tch::no_grad(|| backbone.classify(&golden.input(), StageId::INPUT, Mode::Evaluate).logits)
}

/// All tensors but constants.
fn named(backbone: &Backbone) -> Vec<pth::Named> {
    let all = backbone.variables().all().into_iter();
    let saved = all.filter(|variable| !crate::parity::is_constant(&variable.name));
    saved
        .map(|Variable { name, tensor, .. }| {
            let values = match tensor.is_floating_point() {
                true => pth::Values::Float(Vec::try_from(tensor.detach().flatten(0, -1)).unwrap()),
                false => pth::Values::Count(tensor.int64_value(&[])),
            };
            (name, tensor.size(), values)
        })
        .collect()
}
