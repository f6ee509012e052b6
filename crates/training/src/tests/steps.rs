use backbone::{Backbone, Mode, Options, Output, StageId, Values};
use features::loader::Batch;
use records::{Depth, StepName};
use regularize::{CrossEntropy, Targets};
use run_config::{BatchNormPolicy, Config, RegularizeConfig, TrainConfig};
use tch::{Device, Kind, Tensor};

use super::{assert_close, goldens, numbers, tensor, values};
use crate::average::Averaging;
use crate::freeze::FreezePlan;
use crate::objective::Objective;
use crate::penalties::Penalties;
use crate::step::{LiveStages, one_step};
use crate::{Phase, TrainingState, optimizer};

fn objective(class_weights: Option<Tensor>, smoothing: f64) -> Objective {
    let cross_entropy = CrossEntropy { smoothing, class_weights };
    Objective { mode: Mode::Train, cross_entropy, penalties: Penalties::default() }
}

#[test]
fn weighted_cross_entropy_is_pytorchs() {
    let golden = &goldens()["loss"];
    let logits = tensor(&golden["logits"], &[6, 3]).set_requires_grad(true);
    let labels = tensor(&golden["labels"], &[6]).to_kind(Kind::Int64);
    let objective = objective(Some(tensor(&golden["weights"], &[3])), 0.1);
    let output = Output { logits: logits.shallow_clone(), aux: Vec::new() };
    let loss = objective.data_loss(&output, &Targets::Labels(labels));
    loss.backward();
    assert_close(&values(&loss), &numbers(&golden["value"]), "loss");
    assert_close(&values(&logits.grad()), &numbers(&golden["gradient"]), "gradient");
}

/// The gradients of one step over these groups of a batch of ten.
fn gradients(sizes: &[i64], class_weights: Option<&[f64]>, smoothing: f64) -> Vec<f64> {
    let options = Options { classes: 2, channels: 1, size: 28, ..Options::default() };
    let mut backbone: Backbone = zoo::network("lenet5_relu").unwrap().build(Values::default(), &options);
    backbone.to(Device::Cpu, Kind::Double);
    // Tests share libtorch's random generator, so these numbers come from elsewhere.
    let waves = |shape: &[i64], scale: f64| {
        let count = shape.iter().product::<i64>();
        (Tensor::arange(count, (Kind::Double, Device::Cpu)) * 1.7).sin().view(shape) * scale
    };
    for (variable, number) in backbone.variables().all().into_iter().zip(1..) {
        let shape = variable.tensor.size();
        let values = waves(&shape, 0.1 + 0.01 * f64::from(number));
        tch::no_grad(|| variable.tensor.shallow_clone().copy_(&values));
    }
    let x = waves(&[10, 1, 28, 28], 1.0);
    let labels = Tensor::from_slice(&[0i64, 0, 0, 0, 0, 0, 0, 1, 1, 0]);
    let starts = sizes.iter().scan(0, |end, size| {
        *end += size;
        Some(*end - size)
    });
    let group: Vec<Batch> = starts
        .zip(sizes)
        .map(|(start, &size)| Batch::plain(x.narrow(0, start, size), labels.narrow(0, start, size)))
        .collect();
    let plan = FreezePlan::new(&backbone, &Depth::Scratch, 1.0).unwrap();
    let (train, regularize) = (TrainConfig::default(), RegularizeConfig::default());
    let phase = Phase {
        kind: Kind::Float,
        step: StepName::FineTune,
        plan: &plan,
        epochs: 1,
        images: 10,
        objective: objective(class_weights.map(Tensor::from_slice), smoothing),
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
    state.optimizer.follow(optimizer::live(&backbone, &plan, 1, &regularize));
    let rates = state.rates(&phase.schedule());
    let live = LiveStages { backbone: &backbone, first: StageId::INPUT };
    one_step(&phase, live, &group, &mut state, rates).unwrap();
    assert_eq!(state.deferred.take()[0].images, sizes.iter().sum::<i64>());
    state.optimizer.gradients().iter().flat_map(values).collect()
}

#[test]
fn accumulated_batches_make_the_step_of_one_large_batch_the_last_partial_one_included() {
    for weights in [None, Some(&[0.5, 3.0][..])] {
        let whole = gradients(&[10], weights, 0.1);
        assert!(whole.iter().any(|gradient| gradient.abs() > 1e-6));
        assert_close(&gradients(&[4, 4, 2], weights, 0.1), &whole, "4 + 4 + 2");
        assert_close(&gradients(&[7, 3], weights, 0.1), &whole, "7 + 3");
    }
}

#[test]
fn a_batch_that_weighs_nothing_adds_nothing() {
    // All of class 0 in the first batch, and class 0 weighs nothing.
    let whole = gradients(&[10], Some(&[0.0, 1.0]), 0.0);
    assert_close(&gradients(&[4, 6], Some(&[0.0, 1.0]), 0.0), &whole, "4 + 6");
    assert!(gradients(&[4], Some(&[0.0, 1.0]), 0.0).iter().all(|&gradient| gradient == 0.0));
}

#[test]
fn class_weights_are_a_word_or_a_table() {
    let config = |weights: &str| {
        let text = format!(
            "[data]\nroot = \"d\"\n[model]\narch = \"resnet18\"\nweights = \"none\"\n[train]\nclass_weights = {weights}\n"
        );
        toml::from_str::<Config>(&text).map_err(|error| error.to_string())
    };
    for weights in ["\"balanced\"", "{ cat = 2, dog = 0.5 }"] {
        let read = config(weights).unwrap();
        assert_eq!(toml::from_str::<Config>(&toml::to_string(&read).unwrap()).unwrap(), read);
    }
    let error = config("\"even\"").unwrap_err();
    assert!(error.contains("\"balanced\" or a table of class names and weights"), "{error}");
    assert!(config("3").is_err());
}
