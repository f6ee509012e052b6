//! Forces [`FORMAT`] up when the numbers that features are made of change.
//!
//! Pixels and files are compared by digest: they are the same on every machine. Features are compared within a tolerance,
//! because processors sum in different orders. After a change that is meant, raise `FORMAT` in `src/feature_key.rs` and run
//! `cargo test -p features --test features -- --ignored remake`.

use std::collections::BTreeMap;
use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use backbone::{Backbone, Role, StageId};
use features::dataset::ImageSubset;
use features::feature_cache::{Cached, FeatureCache, Form, Key, List};
use features::feature_key::FORMAT;
use features::loader::{FeatureLoader, Preparation, Variation};
use images::{Batches, Keep, Sample, Store, Transform};
use pretrained::{Fit, InputSpec, Interpolation};
use records::Interrupt;
use run_config::AugmentConfig;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tch::{Device, Kind, Tensor};

use crate::families::for_each_family;

/// What [`FORMAT`] stands for.
#[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
struct Golden {
    format: u32,
    /// SHA-256 of float32 values by preparation.
    pixels: BTreeMap<String, String>,
    /// Name of a file in the cache, and SHA-256 of its bytes, as for its description.
    file: [String; 3],
    /// Some values by network and first live stage, evenly spaced in stored order, with the L2 norm of all in front.
    features: BTreeMap<String, Vec<f32>>,
}

/// Of the largest value.
const TOLERANCE: f32 = 1e-5;

#[test]
fn features_are_those_of_the_format_number() {
    let golden: Golden = serde_json::from_str(include_str!("format.json")).unwrap();
    let changed = golden.changed(&Golden::computed());
    assert!(
        changed.is_empty() && golden.format == FORMAT,
        "{changed:?} differ from format {}, while FORMAT is {FORMAT}: if the change is meant, raise FORMAT in \
         crates/features/src/feature_key.rs and run `cargo test -p features --test features -- --ignored remake`",
        golden.format,
    );
}

/// Writes the golden values of a raised number; refuses those of one that stands for others.
#[test]
#[ignore = "writes tests/features/format.json"]
fn remake() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/features/format.json");
    let computed = Golden::computed();
    if let Ok(Ok(golden)) = fs::read_to_string(&path).map(|text| serde_json::from_str::<Golden>(&text)) {
        let changed = golden.changed(&computed);
        assert!(golden.format < FORMAT || changed.is_empty(), "raise FORMAT first: {changed:?} differ");
    }
    fs::write(path, serde_json::to_string_pretty(&computed).unwrap() + "\n").unwrap();
}

impl Golden {
    fn computed() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let paths = image_files(folder.path());
        let mut features = BTreeMap::new();
        for_each_family(|backbone, side| {
            for (name, values) in features_of(backbone, side, &paths) {
                features.insert(name, values);
            }
        });
        Self { format: FORMAT, pixels: pixels(&paths), file: file(), features }
    }

    /// Names of the values that differ.
    fn changed(&self, other: &Self) -> Vec<String> {
        let names = self.pixels.keys().chain(other.pixels.keys());
        let mut changed: Vec<String> = names
            .filter(|name| self.pixels.get(*name) != other.pixels.get(*name))
            .map(|name| format!("pixels of {name}"))
            .collect();
        if self.file != other.file {
            changed.push("files of the cache".to_owned());
        }
        let names = self.features.keys().chain(other.features.keys());
        changed.extend(
            names
                .filter(|name| !alike(self.features.get(*name), other.features.get(*name)))
                .map(|name| format!("features of {name}")),
        );
        changed.sort();
        changed.dedup();
        changed
    }
}

fn alike(ours: Option<&Vec<f32>>, theirs: Option<&Vec<f32>>) -> bool {
    let (Some(ours), Some(theirs)) = (ours, theirs) else { return false };
    let [our_norm, ours @ ..] = &ours[..] else { return false };
    let [their_norm, theirs @ ..] = &theirs[..] else { return false };
    let largest = ours.iter().fold(0.0f32, |largest, value| largest.max(value.abs()));
    ours.len() == theirs.len()
        && (our_norm - their_norm).abs() <= TOLERANCE * our_norm.abs()
        && ours.iter().zip(theirs).all(|(one, other)| (one - other).abs() <= TOLERANCE * largest)
}

/// Images wider than high, higher than wide, smaller than they are shown, and of 16 bits.
fn image_files(folder: &Path) -> Vec<PathBuf> {
    let pixel = |x: u32, y: u32| [x * 3 + y, y * 5 + x * x / 7, (x ^ y) * 9].map(|value| (value % 256) as u8);
    let mut paths = Vec::new();
    for (width, height) in [(150, 97), (61, 120), (20, 20)] {
        let path = folder.join(format!("{width}.png"));
        image::RgbImage::from_fn(width, height, |x, y| image::Rgb(pixel(x, y))).save(&path).unwrap();
        paths.push(path);
    }
    let deep = image::ImageBuffer::from_fn(90, 70, |x, y| image::Luma([(x * 517 + y * 211) as u16 % 4096]));
    let path = folder.join("deep.png");
    deep.save(&path).unwrap();
    paths.push(path);
    // Reduced while it is decoded where little of it is shown, and turned by its orientation.
    paths.push(Path::new(env!("CARGO_MANIFEST_DIR")).join("../image-file/tests/fixtures/orientation-6.jpg"));
    paths
}

fn store(paths: &[PathBuf], keep: Keep) -> ImageSubset {
    let samples =
        paths.iter().zip(0..).map(|(path, id)| Sample { path: path.clone(), label: 0, id, group: None });
    let store =
        Store::decode(samples.collect(), keep, 1 << 30, 1, &|_, _| ControlFlow::Continue(())).unwrap();
    assert_eq!(store.samples().len(), paths.len(), "{:?}", store.unreadable());
    ImageSubset { store, indices: (0..u32::try_from(paths.len()).unwrap()).collect() }
}

/// Every fit, interpolation, number of channels, range and augmentation.
fn pixels(paths: &[PathBuf]) -> BTreeMap<String, String> {
    let mut digests = BTreeMap::new();
    let base = InputSpec { resize: 40, crop: 32, ..InputSpec::imagenet() };
    let mut inputs = Vec::new();
    for fit in [Fit::Crop, Fit::Pad, Fit::Squash] {
        for interpolation in [Interpolation::Bilinear, Interpolation::Bicubic] {
            inputs.push((
                format!("{fit:?}, {interpolation:?}"),
                InputSpec { fit, interpolation, ..base.clone() },
            ));
        }
    }
    let gray = InputSpec { channels: 1, mean: vec![0.5], std: vec![0.25], ..base.clone() };
    inputs.push(("one channel".to_owned(), gray));
    let range = serde_json::from_value(4095.into()).unwrap();
    inputs.push(("12 bits".to_owned(), InputSpec { range: Some(range), ..base.clone() }));
    for (name, input) in &inputs {
        let transform = Transform::evaluation(input).unwrap();
        let whole = store(paths, Keep::WholeFor(Box::new(transform.clone())));
        digests.insert(name.clone(), digest(&whole, &transform, 0));
        let reducing = transform.reducing();
        let square = store(paths, Keep::Square(Box::new(reducing.clone())));
        digests.insert(format!("{name}, reduced"), digest(&square, &reducing, 0));
    }
    let whole = store(paths, Keep::WholeFor(Box::new(Transform::evaluation(&base).unwrap())));
    for augmentation in [
        "resized_crop = {}",
        "horizontal_flip = 0.5",
        "vertical_flip = 0.5",
        "quarter_turns = true",
        "rotation = 30.0",
        "rotation = 30.0\nsampling = \"bilinear\"",
        "policy = \"randaugment\"",
        "policy = \"trivialaugment\"",
        "color_jitter = { brightness = 0.4, contrast = 0.4, saturation = 0.4, hue = 0.1 }",
        "gray = 0.5",
        "blur = { probability = 0.5 }",
        "erasing = { probability = 0.5 }",
        "erasing = { probability = 0.5, fill = \"noise\" }",
    ] {
        let config: AugmentConfig = toml::from_str(augmentation).unwrap();
        let transform = Transform::training(&base, &config.changes(3)).unwrap();
        for epoch in [1, 2] {
            digests.insert(format!("{augmentation}, view {epoch}"), digest(&whole, &transform, epoch));
        }
    }
    digests
}

fn digest(part: &ImageSubset, transform: &Transform, epoch: u32) -> String {
    let mut hash = Sha256::new();
    for batch in Batches::new(&part.store, transform.clone(), part.indices.clone(), epoch, 2, 0) {
        batch.unwrap().pixels.iter().for_each(|value| hash.update(value.to_le_bytes()));
    }
    hex::encode(hash.finalize())
}

/// A file of known values.
fn file() -> [String; 3] {
    let folder = tempfile::tempdir().unwrap();
    let cache = FeatureCache::new(folder.path().to_owned(), 1 << 20);
    let list = List::new(Key::of(&["network", "weights"]).and(&[1]), vec![[1; 32], [2; 32]]);
    let form = Form { shape: vec![2, 3, 2], kind: Kind::Float };
    let values = Tensor::arange(12, (Kind::Float, Device::Cpu)).view([2, 3, 2]) / 8.0;
    drop(cache.begin(&list, &form).unwrap().append(&values).unwrap().finish().unwrap());
    let file = folder.path().join(list.name());
    let digest = |extension| hex::encode(Sha256::digest(fs::read(file.with_extension(extension)).unwrap()));
    [list.name(), digest("features"), digest("json")]
}

/// Features of a network with weights of a formula: before the head and in the middle, as they lie on disk.
fn features_of(backbone: &mut Backbone, side: u32, paths: &[PathBuf]) -> Vec<(String, Vec<f32>)> {
    let input = (zoo::network(backbone.arch()).unwrap().input)();
    let input = InputSpec { resize: side, crop: side, ..input };
    let transform = Transform::evaluation(&input).unwrap();
    let part = store(paths, Keep::Whole);
    let ids: Vec<StageId> = backbone.ids().collect();
    set_weights(backbone, &ids);
    backbone.use_channels_last();
    let mut features = Vec::new();
    for cut in [backbone.head_id(), ids[ids.len() / 2]] {
        backbone.freeze_before(cut);
        backbone.prepare_inference(StageId::INPUT..cut, Kind::Float);
        let folder = tempfile::tempdir().unwrap();
        let cache = FeatureCache::new(folder.path().to_owned(), 1 << 30);
        let interrupt = Interrupt::default();
        let how = Preparation {
            variation: Variation::Fixed,
            cache: Some(Cached { cache, key: Key::of(&["network"]) }),
            ..Preparation::once(transform.clone(), 4, 0, &interrupt)
        };
        let loader = FeatureLoader::new(backbone, cut, &part, how, &mut |_| {}).unwrap();
        assert!(loader.feature_bytes().is_some());
        let files = fs::read_dir(folder.path()).unwrap().map(|file| file.unwrap().path());
        let file =
            files.into_iter().find(|path| path.extension().is_some_and(|end| end == "features")).unwrap();
        let bytes = fs::read(file).unwrap();
        let values: Vec<f32> =
            bytes.chunks_exact(4).map(|bytes| f32::from_le_bytes(bytes.try_into().unwrap())).collect();
        let norm = values.iter().map(|&value| f64::from(value).powi(2)).sum::<f64>().sqrt() as f32;
        let some = (0..12).map(|number| values[number * (values.len() - 1) / 11]);
        let name = format!("{} before {}", backbone.arch(), backbone.name(cut));
        features.push((name, [norm].into_iter().chain(some).collect()));
    }
    features
}

/// Weights that a formula gives from their number and position, of about He's deviation; statistics near those of layers
/// that change nothing.
fn set_weights(backbone: &Backbone, ids: &[StageId]) {
    let _no_gradient = tch::no_grad_guard();
    let variables = ids.iter().flat_map(|&id| backbone.stage_variables(id));
    for (number, mut variable) in (1i64..).zip(variables) {
        let size = variable.tensor.size();
        if variable.tensor.kind() != Kind::Float {
            continue;
        }
        let count: i64 = size.iter().product();
        let steps = Tensor::arange(count, (Kind::Int64, Device::Cpu));
        let hashed = ((steps + number * 7919) * 40503).remainder(65_536);
        // Exact in float32, from -1/2 up to 1/2.
        let uniform = hashed.to_kind(Kind::Float) / 65_536.0 - 0.5;
        let name = variable.name.as_str();
        let values = match &size[..] {
            [_, fans @ ..] if !fans.is_empty() => {
                uniform * (24.0 / fans.iter().product::<i64>() as f64).sqrt()
            }
            _ if variable.role == Role::Parameter && name.ends_with("weight")
                || name.ends_with("running_var") =>
            {
                uniform * 0.25 + 1.0
            }
            _ => uniform * 0.125,
        };
        variable.tensor.copy_(&values.view(size.as_slice()));
    }
}
