use std::rc::Rc;

use backbone::{Backbone, Mode, Options, StageId, Values};
use features::loader::Batch;
use ranged::NotNegative;
use records::{Depth, StepName};
use regularize::{CoTuning, CrossEntropy, Decay, L2Sp};
use run_config::{BatchNormPolicy, RegularizeConfig, TrainConfig};
use tch::{Device, Kind, Tensor};

use crate::average::Averaging;
use crate::divergence::{Origin, find, in_gradients, in_weights};
use crate::freeze::FreezePlan;
use crate::objective::Objective;
use crate::optimizer::Optimizer;
use crate::penalties::{CO_TUNING, OriginalHead, Penalties, SourceWeights};
use crate::schedule::StepRates;
use crate::step::{LiveStages, one_step};
use crate::{Phase, TrainingState};

fn spoil(backbone: &Backbone, name: &str, value: f64) {
    let variable = backbone.variables().all().into_iter().find(|variable| variable.name == name).unwrap();
    let _ = tch::no_grad(|| variable.tensor.shallow_clone().fill_(value));
}

fn scale(backbone: &Backbone, name: &str, factor: f64) {
    let variable = backbone.variables().all().into_iter().find(|variable| variable.name == name).unwrap();
    let _ = tch::no_grad(|| variable.tensor.shallow_clone().g_mul_scalar_(factor));
}

fn batch(pixel: f64) -> Batch {
    let cpu = (Kind::Float, Device::Cpu);
    Batch::plain(Tensor::rand([2, 3, 32, 32], cpu) + pixel, Tensor::zeros([2], (Kind::Int64, Device::Cpu)))
}

fn resnet() -> Backbone {
    zoo::network("resnet18").unwrap().build(Values::default(), &Options { classes: 2, ..Options::default() })
}

#[test]
fn the_first_stage_that_went_wrong_is_named() {
    let found = |spoilt: &[(&str, f64)], pixel| {
        let backbone = resnet();
        spoilt.iter().for_each(|&(name, value)| spoil(&backbone, name, value));
        let (cross_entropy, penalties) = (CrossEntropy::default(), Penalties::default());
        let objective = Objective { mode: Mode::Train, cross_entropy, penalties };
        find(&objective, &backbone, &batch(pixel), StageId::INPUT)
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

/// One step with all of a LeNet, some of whose parameters are scaled: where it went wrong, and whether a parameter
/// moved.
fn step(scaled: &[(&str, f64)], penalties: impl Fn(&Backbone) -> Penalties) -> (Option<Origin>, bool) {
    let options = Options { classes: 2, channels: 1, size: 28, ..Options::default() };
    let backbone: Backbone = zoo::network("lenet5_relu").unwrap().build(Values::default(), &options);
    scaled.iter().for_each(|&(name, factor)| scale(&backbone, name, factor));
    let penalties = penalties(&backbone);
    let plan = FreezePlan::new(&backbone, &Depth::Scratch, 1.0).unwrap();
    let (train, regularize) = (TrainConfig::default(), RegularizeConfig::default());
    let cross_entropy = CrossEntropy { smoothing: 0.1, class_weights: None };
    let phase = Phase {
        kind: Kind::Float,
        step: StepName::FineTune,
        plan: &plan,
        epochs: 1,
        images: 2,
        objective: Objective { mode: Mode::Train, cross_entropy, penalties },
        train: &train,
        regularize: &regularize,
        batch_norm: BatchNormPolicy::Train,
        averaging: Averaging::None,
        begins_trained: false,
        wise_ft: None,
        seed: 0,
        sync_interval: 1,
    };
    let mut state = TrainingState::new(&phase);
    state.optimizer.follow(phase.trainables(&backbone, 1));
    let cpu = (Kind::Float, Device::Cpu);
    let labels = Tensor::from_slice(&[0i64, 1]);
    let batch = Batch::plain(Tensor::rand([2, 1, 28, 28], cpu) + 0.5, labels);
    let before: Vec<Tensor> = trained_values(&state.optimizer).iter().map(Tensor::copy).collect();
    let rates = StepRates { learning_rate: 0.1, momentum: None };
    let live = LiveStages { backbone: &backbone, first: StageId::INPUT };
    let stepped = one_step(&phase, live, &[batch], &mut state, rates);
    let now = trained_values(&state.optimizer);
    let moved = before.iter().zip(&now).any(|(before, now)| !before.allclose(now, 0.0, 0.0, true));
    (stepped.err().map(|stopped| stopped.fault().origin), moved)
}

fn trained_values(optimizer: &Optimizer) -> Vec<Tensor> {
    optimizer.parameters().iter().map(|parameter| parameter.value.detach()).collect()
}

#[test]
fn a_gradient_out_of_bounds_is_found_before_it_is_applied() {
    // The logits are sound, and what fc1's weights do to them is beyond float32.
    let steep = [("fc1.weight", 1e-30), ("fc1.bias", 1e-30), ("fc2.weight", 1e30), ("fc3.weight", 1e16)];
    assert_eq!(step(&steep, |_| Penalties::default()), (Some(Origin::Gradient("fc1")), false));
    assert_eq!(step(&[], |_| Penalties::default()), (None, true));
}

#[test]
fn a_penalty_out_of_bounds_is_named() {
    let l1 = |_: &Backbone| Penalties { l1: Some((f64::INFINITY, Decay::Weights)), ..Penalties::default() };
    assert_eq!(step(&[], l1), (Some(Origin::Penalty("regularize.l1")), false));
    let source = |value: f64| {
        move |backbone: &Backbone| {
            let weights = SourceWeights::of(backbone, &[]);
            let _ = weights.0["conv1.weight"].shallow_clone().fill_(value);
            let l2_sp =
                Some((L2Sp { alpha: NotNegative::of(0.1), beta: NotNegative::of(0.1) }, Rc::new(weights)));
            Penalties { l2_sp, ..Penalties::default() }
        }
    };
    assert_eq!(step(&[], source(f64::NAN)), (Some(Origin::Penalty("regularize.l2_sp")), false));
    assert_eq!(step(&[], source(0.0)), (None, true));
    // The original head: its logits, or no more than the gradient of its weights, by way of large features.
    let original = |value: f64, lambda: f64| {
        move |backbone: &Backbone| {
            let table = Tensor::from_slice(&[0.2f32, 0.8, 0.6, 0.4]).view([2, 2]);
            let original = Rc::new(OriginalHead::copy_of(backbone).relate(&table));
            let co_tuning = Some((CoTuning { lambda: NotNegative::of(lambda), scale: None }, original));
            let penalties = Penalties { co_tuning, ..Penalties::default() };
            for mut trainable in penalties.trainables(1.0, |_| 0.0) {
                let _ = tch::no_grad(|| trainable.value.fill_(value));
            }
            penalties
        }
    };
    assert_eq!(step(&[], original(f64::NAN, 1.0)), (Some(Origin::Penalty(CO_TUNING)), false));
    let large = [("fc2.weight", 1e24), ("fc3.weight", 1e-24)];
    assert_eq!(step(&large, original(1e-24, 1e20)), (Some(Origin::Penalty(CO_TUNING)), false));
    assert_eq!(step(&large, original(1e-24, 1.0)), (None, true));
}
