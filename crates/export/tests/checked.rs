//! A written file is read back and run, and a wrong one is caught.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use backbone::{Options, Values, digest};
use checkpoint::{Dtype, safetensors_file};
use export::check::check;
use export::runtime::Runtime;
use export::{ExportError, Numbers, Request, export};
use onnx::Pixels;
use tch::{Device, Kind};
use trained_model::model::{Model, ModelSource};

/// A network with random weights.
fn model(name: &str, folder: &Path) -> Model {
    tch::manual_seed(4);
    let network = zoo::network(name).unwrap();
    let input = zoo::source_weights::default_input(network);
    let options = Options {
        classes: 5,
        channels: input.channels.into(),
        size: input.crop.into(),
        ..Options::default()
    };
    let backbone = network.build(Values::default(), &options);
    let variables: Vec<_> = backbone
        .variables()
        .all()
        .into_iter()
        .filter(|variable| variable.tensor.kind() == Kind::Float)
        .collect();
    let tensors: Vec<(Vec<usize>, Vec<u8>)> = variables
        .iter()
        .map(|variable| {
            let shape =
                variable.tensor.size().iter().map(|&extent| usize::try_from(extent).unwrap()).collect();
            (shape, digest::bytes(&variable.tensor).unwrap())
        })
        .collect();
    let views = variables.iter().zip(&tensors).map(|(variable, (shape, data))| {
        (variable.name.as_str(), safetensors_file::ArrayView { shape, dtype: Dtype::F32, data })
    });
    let path = folder.join(format!("{name}.safetensors"));
    let metadata = BTreeMap::from([
        ("arch".to_owned(), name.to_owned()),
        ("temperature".to_owned(), "1.7".to_owned()),
        ("input".to_owned(), serde_json::to_string(&input).unwrap()),
    ]);
    safetensors_file::write(&path, views, &metadata).unwrap();
    let weights = path.to_str().unwrap().to_owned();
    Model::open(&ModelSource::Weights { arch: name.to_owned(), weights }, Device::Cpu).unwrap()
}

fn request<'a>(model: &'a Model, folder: &'a Path, pixels: Pixels) -> Request<'a> {
    Request {
        model,
        folder,
        pixels,
        numbers: Numbers::Float32,
        images: &[],
        labelled: None,
        checked: true,
        max_drop: 1.0,
        workers: 1,
    }
}

#[test]
fn a_file_gives_the_answers_of_its_model_in_each_form() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["lenet5_relu", "resnet18"] {
        let model = model(name, folder.path());
        for pixels in [Pixels::Crop, Pixels::Image, Pixels::Prepared] {
            let out = folder.path().join(format!("{name}-{}", pixels.name()));
            let record = export(&request(&model, &out, pixels)).unwrap();
            let check = record.check.unwrap();
            assert!((check.images, check.same, check.made_up) == (32, 32, true), "{check:?}");
            assert!(check.apart < if pixels == Pixels::Image { 1e-2 } else { 1e-5 }, "{name}: {check:?}");
        }
    }
}

#[test]
fn a_file_with_one_wrong_weight_is_caught() {
    let folder = tempfile::tempdir().unwrap();
    let model = model("lenet5_relu", folder.path());
    let out = folder.path().join("out");
    export(&request(&model, &out, Pixels::Crop)).unwrap();
    let path = out.join("model.onnx");
    let whole = fs::read(&path).unwrap();
    let checked = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        let runtime = Runtime::open(&path)?;
        check(&runtime, &model, Pixels::Crop, Numbers::Float32, None)
    };
    checked(&whole).unwrap();
    let file = onnx::read(&whole).unwrap();
    // The sign of one number of a constant; what is found first in the file is the constant itself.
    let flipped = |name: &str, place: usize| {
        let bytes = &file.constants[name].bytes;
        let at = whole.windows(bytes.len()).position(|window| window == bytes).unwrap();
        let mut other = whole.clone();
        other[at + 4 * place + 3] ^= 0x80;
        other
    };
    let largest = |name: &str| {
        let (numbers, _) = file.constants[name].bytes.as_chunks::<4>();
        let size = |place: &usize| f32::from_le_bytes(numbers[*place]).abs();
        (0..numbers.len()).max_by(|a, b| size(a).total_cmp(&size(b))).unwrap()
    };
    for name in ["conv1.weight", "fc2.weight", "fc3.bias", "temperature", "mean"] {
        let found = checked(&flipped(name, largest(name)));
        assert!(matches!(found, Err(ExportError::Other { .. })), "{name}: {found:?}");
    }
    // Cut off, or with a name that nothing has.
    assert!(matches!(checked(&whole[..whole.len() / 2]), Err(ExportError::Onnx(onnx::Error::Damaged(_)))));
    let replaced = |from: &[u8], to: &[u8]| {
        let at = whole.windows(from.len()).position(|window| window == from).unwrap();
        let mut other = whole.clone();
        other[at..at + to.len()].copy_from_slice(to);
        other
    };
    let found = checked(&replaced(b"Transpose", b"Transpoze"));
    assert!(matches!(found, Err(ExportError::Operator { .. })), "{found:?}");
    let found = checked(&replaced(b"class 0", b"class 9"));
    assert!(matches!(found, Err(ExportError::Classes)), "{found:?}");
    checked(&whole).unwrap();
}
