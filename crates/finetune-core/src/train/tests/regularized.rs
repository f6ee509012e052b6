//! Three steps under each technique, as `make_regularized.py` takes them in Python, whose numbers are in
//! `regularized.json`.

use std::rc::Rc;

use backbone::{Backbone, Mode, Options, StageId, Variable, Variables};
use regularize::{Blend, CoTuning, CrossEntropy, Decay, Delta, Draw, L2Sp, Patch, SpectralShrinkage};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

use super::{assert_close, numbers, values};
use crate::batches::Batch;
use crate::config::{BatchNormPolicy, OptimizerKind, RegularizeConfig, ScheduleKind, TrainConfig};
use crate::freeze::{Depth, FreezePlan};
use crate::recipe::StepName;
use crate::train::Phase;
use crate::train::average::Averaging;
use crate::train::epoch::one_step;
use crate::train::objective::Objective;
use crate::train::penalties::{Attended, OriginalHead, Penalties, SourceWeightsKept};

const CPU: (Kind, Device) = (Kind::Double, Device::Cpu);

fn waves(shape: &[i64], scale: f64) -> Tensor {
    (Tensor::arange(shape.iter().product::<i64>(), CPU) * 1.7).sin().view(shape) * scale
}

fn set(variable: &Variable, value: &Tensor) {
    tch::no_grad(|| variable.tensor.shallow_clone().copy_(value));
}

fn lenet(classes: i64, factor: f64) -> Backbone {
    let options = Options { classes, channels: 1, size: 28, ..Options::default() };
    let mut backbone: Backbone = lenet::lenet5_relu(&Variables::new().root(), &options);
    backbone.to(Device::Cpu, Kind::Double);
    for (variable, number) in backbone.variables().all().into_iter().zip(1..) {
        let wide = if variable.name == "fc1.weight" { 0.3 } else { 1.0 };
        let scale = factor * (0.1 + 0.01 * f64::from(number)) * wide;
        set(&variable, &waves(&variable.tensor.size(), scale));
    }
    backbone
}

/// A network with the source's weights.
fn source() -> Rc<Backbone> {
    let mut source = lenet(2, 1.1);
    source.freeze_before(source.head_id());
    Rc::new(source)
}

fn source_weights() -> Rc<SourceWeightsKept> {
    Rc::new(SourceWeightsKept::of(&lenet(2, 1.1), &[]))
}

fn delta() -> Penalties {
    let network = source();
    let attention = network.ids().take(4).map(|id| {
        let channels = network.stages()[id.index()].channels;
        (id, Tensor::arange(channels, CPU).cos().softmax(0, Kind::Double))
    });
    let attention = attention.collect();
    let attended = Attended { network, sourced: source_weights(), attention };
    Penalties { delta: Some((Delta { alpha: 0.02, beta: 0.2 }, attended)), ..Penalties::default() }
}

fn co_tuning() -> Penalties {
    let network = lenet(3, 1.0);
    let head = network.stage_variables(network.head_id());
    head.iter().zip([(&[3, 84][..], 0.2), (&[3], 0.1)]).for_each(|(variable, (shape, scale))| {
        set(variable, &waves(shape, scale));
    });
    let table = Tensor::from_slice(&[0.2, 0.5, 0.3, 0.6, 0.1, 0.3]).view([2, 3]);
    let original = Rc::new(OriginalHead::copy_of(&network).relate(&table));
    Penalties { co_tuning: Some((CoTuning { lambda: 1.7, scale: None }, original)), ..Penalties::default() }
}

/// Two sums of each parameter after three steps; those of the original head at the end.
fn trained(
    cross_entropy: CrossEntropy,
    penalties: Penalties,
    max_norm: Option<f64>,
    blend: Option<Blend>,
) -> Vec<f64> {
    let backbone = lenet(2, 1.0);
    let plan = FreezePlan::new(&backbone, &Depth::Scratch, 1.0).unwrap();
    let train = TrainConfig {
        optimizer: OptimizerKind::Sgd,
        schedule: ScheduleKind::Constant,
        learning_rate: 0.05,
        ..TrainConfig::default()
    };
    let regularize = RegularizeConfig { weight_decay: Some(0.0), max_norm, ..RegularizeConfig::default() };
    let phase = Phase {
        kind: Kind::Float,
        step: StepName::FineTune,
        plan: &plan,
        epochs: 3,
        images: 10,
        objective: Objective { mode: Mode::Train, cross_entropy, penalties },
        train: &train,
        regularize: &regularize,
        batch_norm: BatchNormPolicy::Train,
        averaging: Averaging::None,
        seed: 0,
        steps_before: 0,
        read_every: 1,
    };
    let labels = Tensor::from_slice(&[0i64, 0, 0, 0, 0, 0, 0, 1, 1, 0]);
    let pixels = waves(&[10, 1, 28, 28], 1.0);
    let mut moving = phase.begin();
    moving.optimizer.follow(phase.trainables(&backbone, 1));
    for step in 0..3 {
        let (pixels, labels) = (pixels.shallow_clone(), labels.shallow_clone());
        let batch = match blend {
            None => Batch::plain(pixels, labels),
            Some(blend) => {
                let partners = vec![3, 7, 8, 0, 1, 2, 9, 5, 4, 6];
                let (x, targets) = Draw { partners, blend }.apply(&pixels, &labels);
                Batch { targets, ..Batch::plain(x, labels) }
            }
        };
        let setting = moving.schedule.at(step);
        one_step(&phase, (&backbone, StageId::INPUT), &[batch], &mut moving, setting).unwrap();
    }
    let sums = |value: &Tensor| {
        let value = value.detach().flatten(0, -1);
        let places = Tensor::arange(value.size()[0], CPU).cos();
        [&value, &(&value * places)].map(|x| x.sum(Kind::Double).double_value(&[]))
    };
    moving.optimizer.parameters().iter().flat_map(|parameter| sums(&parameter.value)).collect()
}

#[test]
fn three_steps_under_each_technique_are_pythons() {
    let goldens: Value = serde_json::from_str(include_str!("regularized.json")).unwrap();
    let plain = CrossEntropy::default;
    let uneven = || CrossEntropy { smoothing: 0.1, class_weights: Some(Tensor::from_slice(&[0.5, 3.0])) };
    let none = Penalties::default;
    let mixup = Some(Blend::Mixup { share: 0.3 });
    let cutmix = Some(Blend::Cutmix(Patch { top: 4, bottom: 20, left: 10, right: 28 }));
    let l1 = Penalties { l1: Some((0.01, Decay::Weights)), ..none() };
    let l2_sp = Penalties { l2_sp: Some((L2Sp { alpha: 0.3, beta: 0.2 }, source_weights())), ..none() };
    let shrinkage = Penalties { shrinkage: Some(SpectralShrinkage { eta: 0.5, k: 9 }), ..none() };
    let cases = [
        ("plain", trained(plain(), none(), None, None)),
        ("smoothing and class weights", trained(uneven(), none(), None, None)),
        ("mixup", trained(plain(), none(), None, mixup)),
        ("cutmix with smoothing and class weights", trained(uneven(), none(), None, cutmix)),
        ("l1", trained(plain(), l1, None, None)),
        ("max_norm", trained(plain(), none(), Some(0.6), None)),
        ("l2_sp", trained(plain(), l2_sp, None, None)),
        ("delta", trained(plain(), delta(), None, None)),
        ("spectral_shrinkage", trained(plain(), shrinkage, None, None)),
        ("co_tuning", trained(plain(), co_tuning(), None, None)),
        ("co_tuning with mixup", trained(plain(), co_tuning(), None, mixup)),
    ];
    assert_eq!(cases.len(), goldens.as_object().unwrap().len());
    for (place, (name, found)) in cases.iter().enumerate() {
        assert_close(found, &numbers(&goldens[name]), name);
        let others = cases[..place].iter().filter(|(_, other)| other[..20] == found[..20]);
        assert_eq!(others.count(), 0, "{name} changes nothing");
    }
}

/// Without features that can move, the penalties on features rest, and the others do not.
#[test]
fn a_head_alone_is_not_held_by_its_features() {
    let backbone = lenet(2, 1.0);
    let batch = Batch::plain(waves(&[4, 84], 1.0), Tensor::from_slice(&[0i64, 1, 0, 1]));
    let terms = |penalties: Penalties| {
        let head = backbone.head_id();
        let collected = backbone.classify_collect(&batch.x, head, &penalties.taps(head), Mode::Train);
        let terms = penalties.of(&backbone, &batch, head, &collected, Mode::Train);
        terms.iter().flat_map(|(_, term)| values(term)).collect::<Vec<f64>>()
    };
    assert!(terms(co_tuning()).is_empty());
    let shrinkage = SpectralShrinkage::default();
    assert!(terms(Penalties { shrinkage: Some(shrinkage), ..Penalties::default() }).is_empty());
    let head = backbone.stage_variables(backbone.head_id());
    let squares: f64 = head.iter().flat_map(|variable| values(&variable.tensor)).map(|x| x * x).sum();
    assert_close(&terms(delta()), &[0.1 * squares], "the new head's pull to zero");
    let l2_sp = (L2Sp { alpha: 0.3, beta: 0.2 }, source_weights());
    let l2_sp = Penalties { l2_sp: Some(l2_sp), ..Penalties::default() };
    assert_close(&terms(l2_sp), &[0.1 * squares], "the new head's pull to zero");
}
