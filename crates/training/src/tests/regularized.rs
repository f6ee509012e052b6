//! Three steps under each technique, switched on by its key, as `make_regularized.py` takes them in Python, whose numbers
//! are in `regularized.json`.

use std::rc::Rc;

use backbone::{Backbone, Mode, Options, StageId, Values, Variable};
use features::loader::Batch;
use ranged::{Fraction, NotNegative, Positive};
use records::{Depth, StepName};
use regularize::{Blend, CrossEntropy, Draw, Patch};
use run_config::{BatchNormPolicy, LearningRateSchedule, Optimizer, RegularizeConfig, Sgd, TrainConfig};
use serde_json::Value;
use tch::{Device, Kind, Tensor};

use super::drawing::alone;
use super::{assert_close, numbers, values};
use crate::average::Averaging;
use crate::freeze::FreezePlan;
use crate::objective::{Objective, mode_of};
use crate::penalties::{Attention, OriginalHead, Penalties, SourceWeights};
use crate::step::{LiveStages, one_step};
use crate::{Phase, SourceReference, TrainingState};

const CPU: (Kind, Device) = (Kind::Double, Device::Cpu);

fn waves(shape: &[i64], scale: f64) -> Tensor {
    (Tensor::arange(shape.iter().product::<i64>(), CPU) * 1.7).sin().view(shape) * scale
}

fn set(variable: &Variable, value: &Tensor) {
    tch::no_grad(|| variable.tensor.shallow_clone().copy_(value));
}

fn lenet(classes: i64, factor: f64) -> Backbone {
    let options = Options { classes, channels: 1, size: 28, ..Options::default() };
    let mut backbone: Backbone = zoo::network("lenet5_relu").unwrap().build(Values::default(), &options);
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

fn source_weights() -> Rc<SourceWeights> {
    Rc::new(SourceWeights::of(&lenet(2, 1.1), &[]))
}

/// The networks that some techniques compare with, and the attention of DELTA.
fn reference() -> (SourceReference, Vec<Attention>) {
    let network = source();
    let attention = network.ids().take(4).map(|id| {
        let channels = network.stages()[id.index()].channels;
        Attention { stage: id, weights: Tensor::arange(channels, CPU).cos().softmax(0, Kind::Double) }
    });
    let attention = attention.collect();
    let (weights, original_head) = (source_weights(), Some(original()));
    (SourceReference { weights, network: Some(network), original_head }, attention)
}

fn original() -> Rc<OriginalHead> {
    let network = lenet(3, 1.0);
    let head = network.stage_variables(network.head_id());
    head.iter().zip([(&[3, 84][..], 0.2), (&[3], 0.1)]).for_each(|(variable, (shape, scale))| {
        set(variable, &waves(shape, scale));
    });
    let table = Tensor::from_slice(&[0.2, 0.5, 0.3, 0.6, 0.1, 0.3]).view([2, 3]);
    Rc::new(OriginalHead::copy_of(&network).relate(&table))
}

/// The section `[regularize]` of a configuration; there is no weight decay unless it says so.
fn regularize(section: &str) -> RegularizeConfig {
    let read: RegularizeConfig = toml::from_str(section).unwrap();
    RegularizeConfig { weight_decay: read.weight_decay.or(Some(NotNegative::ZERO)), ..read }
}

/// What the section adds to the loss.
fn penalties(section: &str) -> Penalties {
    let (reference, attention) = reference();
    reference.penalties(&regularize(section), attention)
}

/// Two sums of each parameter after three steps on these pixels, those of the original head at the end.
fn trained(
    backbone: &Backbone,
    section: &str,
    batch_norm: BatchNormPolicy,
    class_weights: Option<Tensor>,
    batch: impl Fn() -> Batch,
) -> Vec<f64> {
    let plan = FreezePlan::new(backbone, &Depth::Scratch, 1.0).unwrap();
    let train = TrainConfig {
        optimizer: Optimizer::Sgd(Sgd::default()),
        schedule: LearningRateSchedule::Constant,
        learning_rate: Positive::of(0.05),
        ..TrainConfig::default()
    };
    let regularize = regularize(section);
    let cross_entropy = CrossEntropy { smoothing: regularize.label_smoothing.get(), class_weights };
    let phase = Phase {
        kind: Kind::Float,
        step: StepName::FineTune,
        plan: &plan,
        epochs: 3,
        images: 10,
        objective: Objective { mode: mode_of(batch_norm), cross_entropy, penalties: penalties(section) },
        train: &train,
        regularize: &regularize,
        batch_norm,
        averaging: Averaging::None,
        begins_trained: false,
        wise_ft: None,
        seed: 0,
        sync_interval: 1,
    };
    let mut state = TrainingState::new(&phase);
    state.optimizer.follow(phase.trainables(backbone, 1));
    let (schedule, live) = (phase.schedule(), LiveStages { backbone, first: StageId::INPUT });
    for number in 0..3 {
        let rates = state.rates(&schedule);
        one_step(&phase, live, &[Batch { number, ..batch() }], &mut state, rates).unwrap();
    }
    let sums = |value: &Tensor| {
        let value = value.detach().flatten(0, -1);
        let places = Tensor::arange(value.size()[0], CPU).cos();
        [&value, &(&value * places)].map(|x| x.sum(Kind::Double).double_value(&[]))
    };
    state.optimizer.parameters().iter().flat_map(|parameter| sums(&parameter.value)).collect()
}

/// Ten waves for LeNet, mixed if asked for.
fn batch(blend: Option<&Blend>) -> Batch {
    let labels = Tensor::from_slice(&[0i64, 0, 0, 0, 0, 0, 0, 1, 1, 0]);
    let pixels = waves(&[10, 1, 28, 28], 1.0);
    let Some(&blend) = blend else { return Batch::plain(pixels, labels) };
    let partners = vec![3, 7, 8, 0, 1, 2, 9, 5, 4, 6];
    let (x, targets) = Draw { partners, blend }.apply(&pixels, &labels);
    Batch { targets, ..Batch::plain(x, labels) }
}

#[test]
fn three_steps_under_each_technique_are_pythons() {
    let goldens: Value = serde_json::from_str(include_str!("regularized.json")).unwrap();
    let lenet_after = |section: &str, class_weights: Option<[f64; 2]>, blend: Option<&Blend>| {
        let class_weights = class_weights.map(|weights| Tensor::from_slice(&weights));
        trained(&lenet(2, 1.0), section, BatchNormPolicy::Train, class_weights, || batch(blend))
    };
    let uneven = Some([0.5, 3.0]);
    let mixup = Some(&Blend::Mixup { share: 0.3 });
    let cutmix = Some(&Blend::Cutmix(Patch { top: 4, bottom: 20, left: 10, right: 28 }));
    let co_tuning = "co_tuning = { lambda = 1.7 }";
    let cases = [
        ("plain", lenet_after("", None, None)),
        ("weight_decay", lenet_after("weight_decay = 0.2", None, None)),
        ("weight_decay of all", lenet_after("weight_decay = 0.2\ndecay = 'all'", None, None)),
        ("label_smoothing", lenet_after("label_smoothing = 0.1", None, None)),
        ("smoothing and class weights", lenet_after("label_smoothing = 0.1", uneven, None)),
        ("mixup", lenet_after("", None, mixup)),
        ("cutmix", lenet_after("", None, cutmix)),
        ("cutmix with smoothing and class weights", lenet_after("label_smoothing = 0.1", uneven, cutmix)),
        ("l1", lenet_after("l1 = 0.01", None, None)),
        ("l1 of all", lenet_after("l1 = 0.01\ndecay = 'all'", None, None)),
        ("max_norm", lenet_after("max_norm = 0.6", None, None)),
        ("l2_sp", lenet_after("l2_sp = { alpha = 0.3, beta = 0.2 }", None, None)),
        ("delta", lenet_after("delta = { alpha = 0.02, beta = 0.2 }", None, None)),
        ("spectral_shrinkage", lenet_after("spectral_shrinkage = { eta = 0.5, k = 9 }", None, None)),
        ("co_tuning", lenet_after(co_tuning, None, None)),
        ("co_tuning with mixup", lenet_after(co_tuning, None, mixup)),
    ];
    let drawn = 4; // below
    assert_eq!(cases.len() + drawn, goldens.as_object().unwrap().len());
    for (place, (name, found)) in cases.iter().enumerate() {
        assert_close(found, &numbers(&goldens[name]), name);
        let others = cases[..place].iter().filter(|(_, other)| other[..20] == found[..20]);
        assert_eq!(others.count(), 0, "{name} changes nothing");
    }
}

#[test]
fn three_steps_of_what_draws_are_pythons() {
    alone(concat!(module_path!(), "::alone_three_steps_of_what_draws_are_pythons"));
}

#[test]
#[ignore = "run by three_steps_of_what_draws_are_pythons, alone in its process"]
fn alone_three_steps_of_what_draws_are_pythons() {
    let goldens: Value = serde_json::from_str(include_str!("regularized.json")).unwrap();
    let train = BatchNormPolicy::Train;
    let neither = "dropout = 0.0\nstochastic_depth = 0.0";
    let cases = [
        ("neither", drawn_after(neither, train)),
        ("dropout", drawn_after("dropout = 0.4\nstochastic_depth = 0.0", train)),
        ("stochastic_depth", drawn_after("dropout = 0.0\nstochastic_depth = 0.5", train)),
        ("batch_norm frozen", drawn_after(neither, BatchNormPolicy::Frozen)),
    ];
    for (place, (name, found)) in cases.iter().enumerate() {
        assert_near(found, &numbers(&goldens[name]), name);
        let others = cases[..place].iter().filter(|(_, other)| other[..20] == found[..20]);
        assert_eq!(others.count(), 0, "{name} changes nothing");
    }
}

/// Batch-norm over four images magnifies what the order of summation changes: by 5e-7 from one processor to another.
/// Other techniques are further apart than 1.
#[track_caller]
fn assert_near(found: &[f64], golden: &[f64], what: &str) {
    assert_eq!(found.len(), golden.len(), "{what}");
    let off = found.iter().zip(golden).map(|(a, b)| (a - b).abs() / b.abs().max(1.0)).fold(0.0, f64::max);
    assert!(off < 5e-6, "{what} is off by {off}");
}

/// EfficientNet-B0, which has both dropout and stochastic depth, on four small images. What it draws is what Python
/// draws, because the generator is libtorch's in both.
fn drawn_after(section: &str, batch_norm: BatchNormPolicy) -> Vec<f64> {
    let RegularizeConfig { dropout, stochastic_depth, .. } = regularize(section);
    let [dropout, stochastic_depth] = [dropout, stochastic_depth].map(|rate| rate.map(Fraction::get));
    let options = Options { classes: 2, dropout, stochastic_depth, ..Options::default() };
    let mut backbone = zoo::network("efficientnet_b0").unwrap().build(Values::default(), &options);
    backbone.to(Device::Cpu, Kind::Double);
    for variable in backbone.ids().flat_map(|id| backbone.parameters(id)) {
        let shape = variable.tensor.size();
        let inputs: i64 = shape.iter().skip(1).product();
        let waves = waves(&shape, if shape.len() > 1 { (2.0 / inputs as f64).sqrt() } else { 0.1 });
        let is_scale = shape.len() == 1 && variable.name.ends_with("weight");
        set(&variable, &if is_scale { waves + 1.0 } else { waves });
    }
    let statistics = || backbone.variables().all().into_iter().filter(|v| v.name.contains("running_"));
    for statistic in statistics() {
        let waves = waves(&statistic.tensor.size(), 0.1);
        set(&statistic, &if statistic.name.ends_with("var") { waves + 1.0 } else { waves });
    }
    let before: Vec<Tensor> = statistics().map(|statistic| statistic.tensor.copy()).collect();
    let labels = Tensor::from_slice(&[0i64, 1, 1, 0]);
    let batch = || Batch::plain(waves(&[4, 3, 32, 32], 1.0), labels.shallow_clone());
    let sums = trained(&backbone, section, batch_norm, None, batch);
    let stayed = statistics().zip(&before).all(|(now, before)| now.tensor == *before);
    assert_eq!(stayed, batch_norm == BatchNormPolicy::Frozen);
    sums
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
    assert!(terms(penalties("co_tuning = {}")).is_empty());
    assert!(terms(penalties("spectral_shrinkage = {}")).is_empty());
    let head = backbone.stage_variables(backbone.head_id());
    let squares: f64 = head.iter().flat_map(|variable| values(&variable.tensor)).map(|x| x * x).sum();
    for technique in ["delta = { alpha = 0.02, beta = 0.2 }", "l2_sp = { alpha = 0.3, beta = 0.2 }"] {
        assert_close(&terms(penalties(technique)), &[0.1 * squares], technique);
    }
}
