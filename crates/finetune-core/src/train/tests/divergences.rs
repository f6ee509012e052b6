use backbone::{Backbone, Mode, Options, StageId, Variables};
use tch::{Device, Kind, Tensor};

use crate::batches::Batch;
use crate::train::divergence::{Origin, find, in_gradients, in_weights};

fn spoil(backbone: &Backbone, name: &str, value: f64) {
    let variable = backbone.variables().all().into_iter().find(|variable| variable.name == name).unwrap();
    let _ = tch::no_grad(|| variable.tensor.shallow_clone().fill_(value));
}

fn batch(pixel: f64) -> Batch {
    let cpu = (Kind::Float, Device::Cpu);
    Batch::plain(Tensor::rand([2, 3, 32, 32], cpu) + pixel, Tensor::zeros([2], (Kind::Int64, Device::Cpu)))
}

fn resnet() -> Backbone {
    resnet::resnet18(&Variables::new().root(), &Options { classes: 2, ..Options::default() })
}

#[test]
fn the_first_stage_that_went_wrong_is_named() {
    let found = |spoilt: &[(&str, f64)], pixel| {
        let backbone = resnet();
        spoilt.iter().for_each(|&(name, value)| spoil(&backbone, name, value));
        find(&backbone, &batch(pixel), StageId::INPUT, Mode::Train)
    };
    assert_eq!(found(&[], 0.0), Origin::Loss);
    assert_eq!(found(&[], f64::INFINITY), Origin::Input);
    assert_eq!(found(&[("layer3.0.conv1.weight", f64::NAN)], 0.0), Origin::Weights("layer3"));
    assert_eq!(
        found(&[("layer3.0.conv1.weight", f64::NAN), ("layer2.0.bn1.running_var", f64::INFINITY)], 0.0),
        Origin::Weights("layer2")
    );
    // Sound weights and input, too large a product.
    assert_eq!(
        found(&[("layer1.0.bn2.weight", 3e38), ("layer1.1.bn2.weight", 3e38)], 0.0),
        Origin::Output("layer1")
    );
    assert_eq!(found(&[("fc.weight", 3e38)], 0.0), Origin::Output("head"));
}

#[test]
fn gradients_are_followed_from_the_loss_backwards() {
    let backbone = resnet();
    let logits = backbone.classify(&batch(0.0).x, StageId::INPUT, Mode::Train).logits;
    logits.sum(Kind::Float).backward();
    assert_eq!(in_gradients(&backbone, StageId::INPUT), None);
    for name in ["layer1.0.conv1.weight", "layer2.0.conv1.weight"] {
        let variable = backbone.variables().all().into_iter().find(|variable| variable.name == name).unwrap();
        let _ = variable.tensor.grad().fill_(f64::NAN);
    }
    assert_eq!(in_gradients(&backbone, StageId::INPUT), Some(Origin::Gradient("layer2")));
    assert_eq!(in_weights(&backbone, StageId::INPUT), None);
    spoil(&backbone, "layer4.1.bn2.running_mean", f64::NAN);
    assert_eq!(in_weights(&backbone, StageId::INPUT), Some(Origin::Weights("layer4")));
    assert_eq!(in_weights(&backbone, backbone.head_id()), None);
}
