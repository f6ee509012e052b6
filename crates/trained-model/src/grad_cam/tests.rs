use backbone::{Options, Values};
use serde::Deserialize;
use tch::Device;

use super::*;

/// Made by `make_reference.py`.
const REFERENCE: &str = include_str!("reference.json");

#[derive(Deserialize)]
struct Reference {
    classes: Vec<i64>,
    maps: Vec<Vec<Vec<f64>>>,
}

/// As in the script.
fn waves(shape: &[i64], scale: f64) -> Tensor {
    let at = Tensor::arange(shape.iter().product::<i64>(), (Kind::Double, Device::Cpu));
    ((&at * &at).fmod(1009.0) * 1.7).sin().view(shape) * scale
}

fn lenet() -> Backbone {
    let options = Options { classes: 3, channels: 1, size: 28, ..Options::default() };
    let mut backbone = zoo::network("lenet5_relu").unwrap().build(Values::default(), &options);
    backbone.to(Device::Cpu, Kind::Double);
    for (mut variable, number) in backbone.variables().all().into_iter().zip(1..) {
        let wide = if variable.name == "fc1.weight" { 0.3 } else { 1.0 };
        let value = waves(&variable.tensor.size(), (0.1 + 0.01 * f64::from(number)) * wide);
        tch::no_grad(|| variable.tensor.copy_(&value));
    }
    backbone
}

#[test]
fn maps_are_those_of_python() {
    let reference: Reference = serde_json::from_str(REFERENCE).unwrap();
    let mut backbone = lenet();
    let found = heat_maps(&mut backbone, &waves(&[4, 1, 28, 28], 1.0), &reference.classes).unwrap().unwrap();
    assert_eq!(backbone.name(found.stage), "conv2");
    let expected: Vec<f64> = reference.maps.into_iter().flatten().flatten().collect();
    let found = Vec::<f64>::try_from(found.maps.flatten(0, -1).to_kind(Kind::Double)).unwrap();
    assert_eq!(found.len(), expected.len());
    // The sum over channels is taken in float32.
    for (a, b) in found.iter().zip(&expected) {
        assert!((a - b).abs() < 1e-5, "{a}, Python has {b}");
    }
    assert!(expected.contains(&1.0) && expected[50..75].iter().all(|&value| value == 0.0));
}

#[test]
fn the_last_stage_with_positions_is_asked_even_when_later_ones_shrink_to_one() {
    // Of 32 pixels a ResNet leaves 2 x 2 after layer3 and a single position after layer4.
    let options = Options { classes: 2, channels: 3, size: 32, ..Options::default() };
    let mut backbone = zoo::network("resnet18").unwrap().build(Values::default(), &options);
    let pixels = Tensor::randn([2, 3, 32, 32], (Kind::Float, Device::Cpu));
    let found = heat_maps(&mut backbone, &pixels, &[0, 1]).unwrap().unwrap();
    assert_eq!((backbone.name(found.stage), found.maps.size()), ("layer3", vec![2, 2, 2]));
    // And of a single pixel nothing is left to point at.
    let pixel = Tensor::randn([1, 3, 1, 1], (Kind::Float, Device::Cpu));
    assert!(heat_maps(&mut backbone, &pixel, &[0]).unwrap().is_none());
}
