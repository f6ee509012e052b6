//! Steps with scaled gradients, computed in float32: what the scale does is the same in float16.

use backbone::{Backbone, Mode, Options, StageId, Values};
use features::loader::Batch;
use ranged::{Positive, ProperFraction};
use records::{Depth, StepName};
use regularize::CrossEntropy;
use run_config::{BatchNormPolicy, RegularizeConfig, TrainConfig};
use tch::{Device, Kind, Tensor};

use super::values;
use crate::average::Averaging;
use crate::divergence::Origin;
use crate::freeze::FreezePlan;
use crate::objective::Objective;
use crate::penalties::Penalties;
use crate::scaler::Scaler;
use crate::schedule::StepRates;
use crate::step::{Fault, LiveStages, Stopped, one_step};
use crate::{Phase, TrainingState, optimizer};

/// A LeNet whose weights do not come from chance, with a step on two groups of images, clipping and a moving average.
struct Bench {
    backbone: Backbone,
    plan: FreezePlan,
    train: TrainConfig,
    regularize: RegularizeConfig,
}

impl Bench {
    fn new() -> Self {
        let options = Options { classes: 2, channels: 1, size: 28, ..Options::default() };
        let backbone: Backbone = zoo::network("lenet5_relu").unwrap().build(Values::default(), &options);
        for variable in backbone.variables().all() {
            tch::no_grad(|| variable.tensor.shallow_clone().copy_(&waves(&variable.tensor.size(), 0.1)));
        }
        let plan = FreezePlan::new(&backbone, &Depth::Scratch, 1.0).unwrap();
        let train = TrainConfig {
            clip_norm: Some(Positive::of(0.01)),
            ema: Some(ProperFraction::of(0.9)),
            ..TrainConfig::default()
        };
        Self { backbone, plan, train, regularize: RegularizeConfig::default() }
    }

    fn phase(&self) -> Phase<'_> {
        let cross_entropy = CrossEntropy::default();
        Phase {
            kind: Kind::Float,
            step: StepName::FineTune,
            plan: &self.plan,
            epochs: 1,
            images: 10,
            objective: Objective { mode: Mode::Train, cross_entropy, penalties: Penalties::default() },
            train: &self.train,
            regularize: &self.regularize,
            batch_norm: BatchNormPolicy::Train,
            averaging: Averaging::of(&self.train),
            begins_trained: false,
            wise_ft: None,
            seed: 0,
            sync_interval: 1,
        }
    }

    fn begin(&self, scaler: Option<Scaler>) -> TrainingState {
        let mut state = TrainingState { scaler, ..TrainingState::new(&self.phase()) };
        state.optimizer.follow(optimizer::live(&self.backbone, &self.plan, 1, &self.regularize));
        state.average.follow(&self.backbone, StageId::INPUT);
        state
    }

    /// A step in two batches, on images of this brightness.
    fn step(&self, state: &mut TrainingState, brightness: f64) -> Result<(), Fault> {
        let batch = |seen: i64| {
            let labels = Tensor::from_slice(&[0i64, 1, 1]).narrow(0, 0, seen);
            Batch::plain(waves(&[seen, 1, 28, 28], brightness), labels)
        };
        let rates = StepRates { learning_rate: 0.01, momentum: None };
        let live = LiveStages { backbone: &self.backbone, first: StageId::INPUT };
        one_step(&self.phase(), live, &[batch(3), batch(2)], state, rates).map_err(Stopped::fault)
    }

    fn weights(&self) -> Vec<f64> {
        self.backbone.variables().all().iter().flat_map(|variable| values(&variable.tensor)).collect()
    }
}

fn waves(shape: &[i64], scale: f64) -> Tensor {
    let count = shape.iter().product::<i64>();
    (Tensor::arange(count, (Kind::Float, Device::Cpu)) * 1.7).sin().view(shape) * scale
}

#[test]
fn only_float16_is_scaled() {
    let bench = Bench::new();
    for (kind, scaled) in [(Kind::Float, false), (Kind::BFloat16, false), (Kind::Half, true)] {
        assert_eq!(TrainingState::new(&Phase { kind, ..bench.phase() }).scaler.is_some(), scaled, "{kind:?}");
    }
}

#[test]
fn within_bounds_a_scale_changes_no_bit_of_a_clipped_step_over_several_batches() {
    let trained = |scaler| {
        let bench = Bench::new();
        let mut state = bench.begin(scaler);
        let before = bench.weights();
        for _ in 0..3 {
            bench.step(&mut state, 1.0).unwrap();
        }
        assert_ne!(bench.weights(), before);
        let losses: Vec<f64> = state.deferred.take().iter().map(|step| step.loss).collect();
        (bench.weights(), losses)
    };
    assert_eq!(trained(None), trained(Some(Scaler::default())));
}

#[test]
fn a_step_whose_gradients_are_out_of_bounds_is_skipped_and_the_scale_halves() {
    let bench = Bench::new();
    let mut state = bench.begin(Some(Scaler::default()));
    bench.step(&mut state, 1.0).unwrap();
    let (before, optimizer) = (bench.weights(), state.optimizer.state());
    // The loss is finite, and 65,536 times its gradient is not.
    bench.step(&mut state, 1e36).unwrap();
    assert_eq!(bench.weights(), before);
    assert_eq!(state.scaler.map(Scaler::scale), Some(32_768.0));
    assert_eq!((state.steps, state.average.taken()), (2, 1));
    assert_eq!(state.optimizer.state().steps, optimizer.steps, "Adam counts no step that was not taken");
    let metrics = state.deferred.take();
    assert_eq!(metrics.len(), 2);
    assert!(metrics[1].loss.is_finite() && !metrics[1].gradient_norm.is_finite());

    bench.step(&mut state, 1.0).unwrap();
    assert_ne!(bench.weights(), before);
    assert_eq!((state.scaler.map(Scaler::scale), state.average.taken()), (Some(32_768.0), 2));
}

#[test]
fn gradients_that_no_scale_brings_within_bounds_have_diverged() {
    let bench = Bench::new();
    // The logits are sound, and what fc1's weights do to them is beyond float32 whatever the scale.
    for (name, factor) in
        [("fc1.weight", 1e-30), ("fc1.bias", 1e-30), ("fc2.weight", 1e31), ("fc3.weight", 1e17)]
    {
        let all = bench.backbone.variables().all();
        let variable = all.into_iter().find(|variable| variable.name == name).unwrap();
        let _ = tch::no_grad(|| variable.tensor.shallow_clone().g_mul_scalar_(factor));
    }
    let mut state = bench.begin(Some(Scaler::default()));
    let before = bench.weights();
    for step in 1..=16 {
        assert!(bench.step(&mut state, 1.0).is_ok(), "step {step} is skipped");
    }
    let fault = bench.step(&mut state, 1.0).unwrap_err();
    assert!(fault.loss.is_finite());
    assert_eq!((fault.origin, fault.since), (Origin::Gradient("fc1"), 0));
    assert_eq!(bench.weights(), before);
}

#[test]
fn a_loss_that_is_not_finite_has_diverged_whatever_the_scale() {
    let bench = Bench::new();
    let mut state = bench.begin(Some(Scaler::default()));
    let fault = bench.step(&mut state, f64::INFINITY).unwrap_err();
    assert_eq!(fault.origin, Origin::Input);
    assert_eq!(state.scaler.map(Scaler::scale), Some(65_536.0));
}
