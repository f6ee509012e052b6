//! What draws random numbers for a batch. Libtorch has one generator for all threads, of which other tests make use as well,
//! so these run alone in a process of their own.

use std::process::Command;

use backbone::{Backbone, Mode, Options, StageId, Values};
use features::loader::Batch;
use records::{Depth, StepName};
use regularize::CrossEntropy;
use run_config::{BatchNormPolicy, RegularizeConfig, TrainConfig};
use tch::{Device, Kind, Tensor};

use super::values;
use crate::average::Averaging;
use crate::freeze::FreezePlan;
use crate::objective::Objective;
use crate::penalties::Penalties;
use crate::schedule::StepRates;
use crate::step::{LiveStages, one_step};
use crate::{Phase, TrainingState};

/// Runs an ignored test of this binary alone in a process.
pub(super) fn alone(test: &str) {
    let program = std::env::current_exe().unwrap();
    let name = test.split_once("::").unwrap().1;
    let ran = Command::new(program).args(["--exact", name, "--ignored"]).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success() && said.contains("1 passed"), "{said}");
}

/// Which batch it is.
#[derive(Clone, Copy)]
struct Place {
    seed: u64,
    step: StepName,
    epoch: u32,
    number: u64,
}

/// The gradients of a LeNet with dropout for a batch in a group of batches with these numbers, each of which has the same
/// images. What is drawn shows in them; with the rate 0 the weights stay.
fn gradients(place: Place, group: &[u64]) -> Vec<f64> {
    let options = Options { classes: 2, channels: 1, size: 28, dropout: Some(0.5), ..Options::default() };
    let mut backbone: Backbone = zoo::network("lenet5_relu").unwrap().build(Values::default(), &options);
    backbone.to(Device::Cpu, Kind::Double);
    let cpu = (Kind::Double, Device::Cpu);
    let waves = |shape: &[i64], scale: f64| {
        (Tensor::arange(shape.iter().product::<i64>(), cpu) * 1.7).sin().view(shape) * scale
    };
    for variable in backbone.variables().all() {
        let values = waves(&variable.tensor.size(), 0.1);
        tch::no_grad(|| variable.tensor.shallow_clone().copy_(&values));
    }
    let plan = FreezePlan::new(&backbone, &Depth::Scratch, 1.0).unwrap();
    let (train, regularize) = (TrainConfig::default(), RegularizeConfig::default());
    let (cross_entropy, penalties) = (CrossEntropy::default(), Penalties::default());
    let phase = Phase {
        kind: Kind::Float,
        step: place.step,
        plan: &plan,
        epochs: 9,
        images: 4,
        objective: Objective { mode: Mode::Train, cross_entropy, penalties },
        train: &train,
        regularize: &regularize,
        batch_norm: BatchNormPolicy::Train,
        averaging: Averaging::None,
        begins_trained: false,
        wise_ft: None,
        seed: place.seed,
        sync_interval: 1,
    };
    let mut state = TrainingState { epoch: place.epoch, ..TrainingState::new(&phase) };
    state.optimizer.follow(phase.trainables(&backbone, 1));
    let batch = |number: u64| {
        let labels = Tensor::from_slice(&[0i64, 1, 1, 0]);
        Batch { number, ..Batch::plain(waves(&[4, 1, 28, 28], 1.0), labels) }
    };
    let group: Vec<Batch> = group.iter().map(|&number| batch(number)).collect();
    let live = LiveStages { backbone: &backbone, first: StageId::INPUT };
    one_step(&phase, live, &group, &mut state, StepRates { learning_rate: 0.0, momentum: None }).unwrap();
    state.optimizer.gradients().iter().flat_map(values).collect()
}

#[test]
fn the_dropout_mask_of_a_batch_depends_on_nobodys_history() {
    alone(concat!(module_path!(), "::alone_the_dropout_mask_of_a_batch_depends_on_nobodys_history"));
}

#[test]
#[ignore = "run by the_dropout_mask_of_a_batch_depends_on_nobodys_history, alone in its process"]
fn alone_the_dropout_mask_of_a_batch_depends_on_nobodys_history() {
    let place = Place { seed: 3, step: StepName::FineTune, epoch: 2, number: 7 };
    let of = |place: Place| gradients(place, &[place.number]);
    let first = of(place);
    // Other numbers drawn before, another seed of the generator, other batches before: nothing of it shows.
    let _ = Tensor::rand([1000], (Kind::Double, Device::Cpu));
    assert_eq!(of(place), first);
    tch::manual_seed(12);
    of(Place { number: 8, ..place });
    assert_eq!(of(place), first);
    // Nor does who else is in the group: each batch adds its own.
    let second = of(Place { number: 8, ..place });
    let mean: Vec<f64> = first.iter().zip(&second).map(|(a, b)| 0.5 * (a + b)).collect();
    for group in [[7, 8], [8, 7]] {
        let both = gradients(place, &group);
        let off = both.iter().zip(&mean).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(off < 1e-12, "{group:?} is off by {off}");
    }
    // Each of the four numbers makes another mask.
    for (what, other) in [
        ("seed", Place { seed: 4, ..place }),
        ("phase", Place { step: StepName::TrainHead, ..place }),
        ("epoch", Place { epoch: 3, ..place }),
        ("number", Place { number: 8, ..place }),
    ] {
        assert_ne!(of(other), first, "{what}");
    }
}
