//! What a network starts from.

use std::path::PathBuf;

use checkpoint::Checkpoint;
use zoo::source_weights::{SourceWeights, head_scale, input, licence, metadata, of_use};

#[test]
fn names_paths_and_none_are_distinguished() {
    assert!(SourceWeights::find("resnet18", "none").unwrap().is_none());
    let named = SourceWeights::find("resnet18", "IMAGENET1K_V1").unwrap().unwrap();
    assert_eq!(named.entry().map(|entry| entry.arch.as_str()), Some("resnet18"));
    let file = SourceWeights::find("resnet18", "some/where.pth").unwrap().unwrap();
    assert_eq!(file.entry(), None);
    let unknown = SourceWeights::find("resnet18", "IMAGENET1K_V9").unwrap_err().to_string();
    assert!(unknown.contains("IMAGENET1K_V1"), "{unknown}");
}

#[test]
fn a_classifier_is_scaled_as_its_weights_say() {
    let network = zoo::network("resnet50").unwrap();
    let scale = |digest: &str, temperature: Option<&str>| {
        let metadata = temperature.map(|value| (metadata::TEMPERATURE.to_owned(), value.to_owned()));
        let checkpoint = Checkpoint { metadata: metadata.into_iter().collect(), ..with_digest(digest) };
        head_scale(network, None, &checkpoint)
    };
    assert_eq!(scale(RESNET50_V2, None), regularize::IMAGENET_SCALE);
    assert_eq!(scale(RESNET50_V2, Some("2")), 0.5);
    assert_eq!(scale("ffff", Some("0")), 1.0);
    assert_eq!(scale("ffff", None), 1.0);
}

#[test]
fn a_licence_is_the_catalogs_else_the_files_own() {
    let network = zoo::network("resnet50").unwrap();
    let mut file = with_digest(RESNET50_V2);
    file.metadata.insert(metadata::LICENCE.to_owned(), "MIT".to_owned());
    assert_eq!(licence(network, None, Some(&file)).as_deref(), Some("BSD-3-Clause"));
    file.sha256 = "f".repeat(64);
    assert_eq!(licence(network, None, Some(&file)).as_deref(), Some("MIT"));
    assert_eq!(licence(network, None, Some(&with_digest("ffff"))), None);
    let swag = zoo::network("regnet_y_16gf").unwrap();
    let named = SourceWeights::find(swag.name, "IMAGENET1K_SWAG_LINEAR_V1").unwrap();
    assert_eq!(licence(swag, named.as_ref(), None).as_deref(), Some("CC-BY-NC-4.0"));
}

const RESNET50_V1: &str = "0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a";
const RESNET50_V2: &str = "11ad3fa62ca79e40addfd354a8ec4b7c75143b3038b8d2a807fbc68deab379ca";

pub(crate) fn with_digest(digest: &str) -> Checkpoint {
    Checkpoint {
        path: PathBuf::from("my.pth"),
        format: checkpoint::Format::TorchZip,
        tensors: std::collections::BTreeMap::new(),
        metadata: std::collections::BTreeMap::new(),
        classes: None,
        classes_wrong: None,
        unwrapped: Default::default(),
        skipped: Vec::new(),
        unread: Vec::new(),
        sha256: format!("{digest:0<64}"),
    }
}

/// The features of vgg16 as zeros, and a classifier of numbers that are none, in a file of this digest: what of the
/// network would be new and whether all its numbers are numbers, or why it is refused.
fn features_of_vgg16(digest: &str) -> Result<(String, bool), String> {
    use backbone::{Options, Values};
    let network = zoo::network("vgg16").unwrap();
    let outline = network.build(Values::Outline, &Options::default());
    let mut checkpoint = with_digest(digest);
    for variable in outline.variables().all() {
        let shape: Vec<usize> = variable.tensor.size().iter().map(|&side| side as usize).collect();
        let value = if variable.name.starts_with("features.") { 0f32 } else { f32::NAN };
        let data = value.to_le_bytes().repeat(shape.iter().product());
        let array = checkpoint::Array { shape, dtype: checkpoint::Dtype::F32, data };
        checkpoint.tensors.insert(variable.name, array);
    }
    let mut backbone = network.build(Values::Awaited { seed: 0 }, &Options::default());
    backbone.load(&of_use(network, None, checkpoint)).map_err(|error| error.to_string())?;
    let sums = backbone.variables().all().into_iter().map(|variable| variable.tensor.sum(tch::Kind::Double));
    let sound = sums.map(|sum| sum.double_value(&[])).all(f64::is_finite);
    Ok((backbone.name(backbone.first_new()).to_owned(), sound))
}

#[test]
fn a_classifier_that_means_nothing_is_left_in_its_file_and_is_drawn() {
    assert_eq!(features_of_vgg16("88682ab5"), Ok(("classifier".to_owned(), true)));
    let refused = features_of_vgg16("ffff").unwrap_err();
    assert!(refused.contains("classifier.0.weight holds 102760448 NaN"), "{refused}");
}

#[test]
fn a_file_of_the_catalog_is_known_by_its_digest_and_another_has_the_default_preparation() {
    let network = zoo::network("resnet50").unwrap();
    // V1 resizes to 256 and V2, the default, to 232.
    for (digest, resize, from) in
        [(RESNET50_V1, 256, "the catalog"), (RESNET50_V2, 232, "the catalog"), ("ffff", 232, "default")]
    {
        let (input, whose) = input(network, None, Some(&with_digest(digest))).unwrap();
        assert_eq!(input.resize, resize);
        assert!(whose.contains(from), "{whose}");
    }
}
