use std::collections::BTreeMap;

use backbone::{Backbone, Mode, Options, StageId, Values};
use tch::{Device, Kind, Tensor};

use crate::gradient_flow::GradientFlow;

fn lenet() -> Backbone {
    let options = Options { classes: 2, channels: 1, size: 28, ..Options::default() };
    let mut backbone: Backbone = zoo::network("lenet5_relu").unwrap().build(Values::default(), &options);
    backbone.to(Device::Cpu, Kind::Double);
    backbone
}

/// Adds the gradients of a loss that is `scale` times as steep.
fn backward(backbone: &Backbone, scale: f64) {
    let x = (Tensor::arange(2 * 28 * 28, (Kind::Double, Device::Cpu)) * 1.7).sin().view([2, 1, 28, 28]);
    let logits = backbone.classify(&x, StageId::INPUT, Mode::Train).logits;
    (logits.pow_tensor_scalar(2).sum(Kind::Double) * scale).backward();
}

/// All gradients of a stage as one list, and its length.
fn norm(backbone: &Backbone, stage: &str) -> f64 {
    let parameters = backbone.parameters(backbone.stage(stage).unwrap());
    let squares = parameters.iter().flat_map(|variable| {
        Vec::<f64>::try_from(variable.tensor.grad().flatten(0, -1)).unwrap().into_iter().map(|g| g * g)
    });
    squares.sum::<f64>().sqrt()
}

#[test]
fn the_norm_is_that_of_all_parameters_of_a_live_stage() {
    let mut backbone = lenet();
    backbone.freeze_before(backbone.stage("fc1").unwrap());
    let mut flow = GradientFlow::over(3);
    flow.observe(&backbone);
    assert!(flow.records(0).unwrap().is_empty(), "there are no gradients yet");
    backward(&backbone, 1.0);
    flow.observe(&backbone);
    let expected: BTreeMap<String, f64> =
        ["fc1", "fc2", "head"].map(|stage| (stage.to_owned(), norm(&backbone, stage))).into();
    backward(&backbone, 1.0); // the second is added to the first
    flow.observe(&backbone);
    let seen = flow.records(10).unwrap();
    assert_eq!(seen.iter().map(|moment| moment.step).collect::<Vec<_>>(), [12, 13]);
    for (stage, norm) in &expected {
        assert!(*norm > 0.0 && (seen[0].norms[stage] - norm).abs() < 1e-9 * norm, "{stage}");
        assert!((seen[1].norms[stage] - 2.0 * norm).abs() < 1e-9 * norm, "{stage}");
    }
    assert!(seen.iter().all(|moment| moment.norms.keys().eq(expected.keys())));
    flow.forget();
    assert!(flow.records(10).unwrap().is_empty());
}

#[test]
fn a_long_phase_is_looked_at_now_and_then() {
    let backbone = lenet();
    backward(&backbone, 1.0);
    let mut flow = GradientFlow::over(1000);
    (0..1000).for_each(|_| flow.observe(&backbone));
    let steps: Vec<u64> = flow.records(0).unwrap().iter().map(|moment| moment.step).collect();
    assert!(steps.len() <= 64 && steps.len() > 50, "{}", steps.len());
    assert_eq!(steps[..3], [1, 17, 33]);
}

#[test]
fn what_is_not_finite_is_recorded_as_it_is() {
    let backbone = lenet();
    backward(&backbone, f64::INFINITY);
    let mut flow = GradientFlow::over(1);
    flow.observe(&backbone);
    assert!(!flow.records(0).unwrap()[0].norms["head"].is_finite());
}
