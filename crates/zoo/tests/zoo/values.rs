//! What a network holds before, while and after weights are loaded.

use backbone::layers::LinearInit;
use backbone::{Backbone, Options, Role, Values, Variable};
use checkpoint::{Array, Checkpoint, Dtype};
use tch::{Kind, Tensor};

use crate::source_weights::with_digest;

const SEED: u64 = 5;

fn built(arch: &str, values: Values) -> Backbone {
    let options = Options { classes: 4, size: 64, ..Options::default() };
    zoo::network(arch).unwrap().build(values, &options)
}

fn tensors(backbone: &Backbone) -> Vec<(String, Tensor)> {
    let variables = backbone.variables().all().into_iter();
    variables.map(|Variable { name, tensor, .. }| (name, tensor.detach().copy())).collect()
}

fn equal(one: &[(String, Tensor)], other: &[(String, Tensor)]) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|(one, other)| one.0 == other.0 && one.1.equal(&other.1))
}

/// Every value of a network of this kind is `value`, in a file that has what `keep` chooses.
fn file(arch: &str, value: f32, keep: impl Fn(&str) -> bool) -> Checkpoint {
    let mut checkpoint = with_digest("ffff");
    for Variable { name, tensor, .. } in built(arch, Values::Outline).variables().all() {
        if keep(&name) && !name.ends_with("num_batches_tracked") {
            let shape: Vec<usize> = tensor.size().iter().map(|&side| side as usize).collect();
            let data = value.to_le_bytes().repeat(shape.iter().product());
            checkpoint.tensors.insert(name, Array { shape, dtype: Dtype::F32, data });
        }
    }
    checkpoint
}

/// Until weights are loaded every random parameter is NaN; then what the file has is the file's, and the rest, auxiliary
/// heads and classifiers, is what a network without weights has: nothing stays NaN.
#[test]
fn what_a_file_lacks_is_drawn_when_it_is_loaded() {
    type Keep = fn(&str) -> bool;
    let cases: [(&str, Keep); 5] = [
        ("googlenet", |_| true),
        ("googlenet", |name| !name.starts_with("fc.")),
        ("googlenet", |name| !name.starts_with("aux")),
        ("alexnet", |name| name.starts_with("features.")),
        ("alexnet", |name| !name.starts_with("classifier.6.")),
    ];
    for (arch, keep) in cases {
        let mut backbone = built(arch, Values::Awaited { seed: SEED });
        for Variable { name, tensor, role } in backbone.variables().all() {
            let normed = name.contains(".bn.");
            assert_eq!(
                tensor.isnan().all().int64_value(&[]) == 1,
                role == Role::Parameter && !normed,
                "{name}"
            );
        }
        backbone.load(&file(arch, 0.25, keep)).unwrap();
        let drawn = tensors(&built(arch, Values::Drawn { seed: SEED }));
        for ((name, ours), (_, drawn)) in tensors(&backbone).iter().zip(&drawn) {
            let expected = match name.ends_with("num_batches_tracked") {
                false if keep(name) => ours.full_like(0.25),
                _ => drawn.shallow_clone(),
            };
            assert!(ours.equal(&expected), "{arch}: {name}");
        }
    }
}

/// A head for another number of classes than the file's is drawn.
#[test]
fn a_head_of_another_shape_is_drawn() {
    let mut checkpoint = file("googlenet", 0.25, |_| true);
    for (name, shape) in [("fc.weight", vec![7, 1024]), ("fc.bias", vec![7])] {
        let data = 0.25f32.to_le_bytes().repeat(shape.iter().product());
        checkpoint.tensors.insert(name.to_owned(), Array { shape, dtype: Dtype::F32, data });
    }
    let mut backbone = built("googlenet", Values::Awaited { seed: SEED });
    assert_eq!(backbone.load(&checkpoint).unwrap().wrong_shape.len(), 2);
    let finite = |tensor: &Tensor| tensor.to_kind(Kind::Double).isfinite().all().int64_value(&[]) == 1;
    assert!(tensors(&backbone).iter().all(|(_, tensor)| finite(tensor)));
}

/// A file that is refused leaves the network waiting for another one.
#[test]
fn a_refused_file_leaves_nothing_behind() {
    let mut backbone = built("googlenet", Values::Awaited { seed: SEED });
    assert!(backbone.load(&file("googlenet", 0.25, |name| name != "conv1.conv.weight")).is_err());
    assert!(backbone.load_whole(&file("googlenet", 0.25, |name| name != "fc.bias")).is_err());
    assert!(backbone.load_whole(&file("googlenet", f32::INFINITY, |_| true)).is_err());
    let nan = |variable: &Variable| variable.tensor.isnan().any().int64_value(&[]) == 1;
    assert!(backbone.variables().all().iter().filter(|variable| nan(variable)).count() > 50);
    backbone.load_whole(&file("googlenet", 0.25, |_| true)).unwrap();
    assert!(!backbone.variables().all().iter().any(nan));
}

/// The head belongs to the seed: it is the same on a body that was drawn and on one that was loaded, and so is the body
/// with whatever head.
#[test]
fn head_and_body_do_not_depend_on_each_other() {
    let head = |mut backbone: Backbone| {
        backbone.replace_head(3, LinearInit::TorchDefault);
        let roots = ["fc", "aux1.fc2", "aux2.fc2"].map(str::to_owned);
        let variables = backbone.variables().below(&roots).into_iter();
        variables.map(|variable| (variable.name, variable.tensor.detach().copy())).collect::<Vec<_>>()
    };
    let drawn = built("googlenet", Values::Drawn { seed: SEED });
    let mut loaded = built("googlenet", Values::Awaited { seed: SEED });
    loaded.load(&file("googlenet", 0.25, |_| true)).unwrap();
    let heads = [head(drawn), head(loaded), head(built("googlenet", Values::Drawn { seed: SEED + 1 }))];
    assert_eq!(heads[0].len(), 6);
    assert!(equal(&heads[0], &heads[1]) && !equal(&heads[0], &heads[2]));

    let options = |classes| Options { classes, size: 64, ..Options::default() };
    let body = |classes| {
        let network = zoo::network("googlenet").unwrap();
        let mut tensors = tensors(&network.build(Values::Drawn { seed: SEED }, &options(classes)));
        tensors.retain(|(name, _)| !name.starts_with("fc.") && !name.contains(".fc2."));
        tensors
    };
    assert!(equal(&body(2), &body(1000)));
}

/// Neither the order in which variables are drawn nor the generator of the process decides them.
#[test]
fn random_values_follow_from_seed_and_name() {
    tch::manual_seed(1);
    let first = tensors(&built("googlenet", Values::Drawn { seed: SEED }));
    tch::manual_seed(2);
    let mut awaited = built("googlenet", Values::Awaited { seed: SEED });
    awaited.draw_awaited();
    assert!(equal(&first, &tensors(&awaited)));
    let other = tensors(&built("googlenet", Values::Drawn { seed: SEED + 1 }));
    let random = |(name, tensor): &&(String, Tensor)| name.ends_with(".weight") && tensor.dim() > 1;
    let same = first.iter().filter(random).zip(other.iter().filter(random)).filter(|(a, b)| a.1.equal(&b.1));
    assert_eq!(same.count(), 0);
    // Two layers of one shape hold different numbers.
    let weight = |name: &str| first.iter().find(|(other, _)| other == name).map(|(_, tensor)| tensor);
    let twins = ["inception4b", "inception4c"]
        .map(|block| weight(&format!("{block}.branch4.1.conv.weight")).unwrap());
    assert!(twins[0].size() == twins[1].size() && !twins[0].equal(twins[1]));
}
