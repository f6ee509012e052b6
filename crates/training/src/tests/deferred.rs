//! Metrics of steps may be read later: that changes nothing but when it is seen that they are out of bounds.

use std::num::NonZeroUsize;
use std::ops::ControlFlow;

use backbone::{Backbone, Mode, Options, StageId, Values};
use features::dataset::ImageSubset;
use features::loader::{FeatureLoader, Preparation};
use images::{Sample, Store, Transform};
use ranged::{Positive, ProperFraction};
use records::{Depth, EpochRecord, Event, Interrupt, Session, StepName, StepRecord};
use regularize::CrossEntropy;
use run_config::{BatchNormPolicy, RegularizeConfig, TrainConfig};
use tch::{Device, Kind, Tensor};
use zoo::source_weights::default_input;

use crate::Error;
use crate::average::Averaging;
use crate::divergence::Origin;
use crate::evaluate::{self, Evaluation, Keep};
use crate::freeze::FreezePlan;
use crate::objective::Objective;
use crate::penalties::Penalties;
use crate::{Loaders, Phase, Trainer, TrainingState};

const IMAGES: usize = 21;

/// Grey images of two classes.
fn part(folder: &std::path::Path) -> ImageSubset {
    let samples = (0..IMAGES).map(|number| {
        let path = folder.join(format!("{number}.png"));
        let value = u8::try_from(number * 9).unwrap();
        image::GrayImage::from_pixel(28, 28, image::Luma([value])).save(&path).unwrap();
        Sample { path, label: number % 2, id: number as u64, group: None }
    });
    let store =
        Store::decode(samples.collect(), images::Keep::Whole, u64::MAX, 1, &|_, _| ControlFlow::Continue(()));
    let indices = (0..u32::try_from(IMAGES).unwrap()).collect();
    ImageSubset { store: store.unwrap(), indices }
}

fn feed(backbone: &Backbone, part: &ImageSubset) -> FeatureLoader {
    let transform = Transform::evaluation(&default_input(zoo::network("lenet5_relu").unwrap())).unwrap();
    let interrupt = Interrupt::default();
    let how = Preparation::once(transform, 4, 0, &interrupt);
    FeatureLoader::new(backbone, StageId::INPUT, part, how, &mut |_| {}).unwrap()
}

/// Two epochs of six steps, unless it is interrupted before.
fn trained(
    sync_interval: usize,
    learning_rate: f64,
    interrupt: &Interrupt,
) -> (Result<Vec<EpochRecord>, Error>, Vec<StepRecord>, Vec<f64>) {
    let folder = tempfile::tempdir().unwrap();
    let part = part(folder.path());
    let options = Options { classes: 2, channels: 1, size: 28, ..Options::default() };
    let mut backbone: Backbone = zoo::network("lenet5_relu").unwrap().build(Values::default(), &options);
    // Tests share libtorch's random generator, so these numbers come from elsewhere.
    for variable in backbone.variables().all() {
        let size = variable.tensor.size();
        let count = size.iter().product::<i64>();
        let values = (Tensor::arange(count, (Kind::Float, Device::Cpu)) * 1.7).sin().view(&size[..]) * 0.1;
        tch::no_grad(|| variable.tensor.shallow_clone().copy_(&values));
    }
    let plan = FreezePlan::new(&backbone, &Depth::Scratch, 1.0).unwrap();
    let config = TrainConfig {
        batch_size: NonZeroUsize::new(4).unwrap(),
        learning_rate: Positive::of(learning_rate),
        clip_norm: Some(Positive::of(0.5)),
        ema: Some(ProperFraction::of(0.9)),
        ..TrainConfig::default()
    };
    let regularize = RegularizeConfig::default();
    let objective = Objective {
        mode: Mode::Train,
        cross_entropy: CrossEntropy::default(),
        penalties: Penalties::default(),
    };
    let phase = Phase {
        step: StepName::FineTune,
        plan: &plan,
        epochs: 2,
        images: IMAGES,
        objective,
        train: &config,
        regularize: &regularize,
        batch_norm: BatchNormPolicy::Train,
        averaging: Averaging::of(&config),
        begins_trained: false,
        wise_ft: None,
        kind: Kind::Float,
        seed: 3,
        sync_interval,
    };
    let mut steps = Vec::new();
    let mut listen = |event: &Event<'_>| {
        if let Event::Stepped { record, .. } = event {
            steps.push((*record).clone());
        }
    };
    let mut session = Session { interrupt, listener: &mut listen };
    let mut state = TrainingState::new(&phase);
    let mut nothing = ();
    let mut trainer = Trainer::new(&phase, &mut backbone, &mut state, &mut nothing);
    let mut train = || -> Result<(), Error> {
        for segment in plan.segments(trainer.backbone(), phase.epochs) {
            trainer.unfreeze(&segment);
            let backbone = trainer.backbone();
            let loaders = Loaders { training: feed(backbone, &part), validation: feed(backbone, &part) };
            while trainer.epoch(&segment, &loaders, &mut session)? {}
        }
        Ok(())
    };
    let trained: Result<(), Error> = train().and_then(|()| trainer.finish(None).map(drop));
    let sums = backbone.variables().all().into_iter().map(|v| v.tensor.sum(Kind::Double).double_value(&[]));
    (trained.map(|()| state.epochs), steps, sums.collect())
}

/// What does not depend on the clock.
fn timeless(epochs: Vec<EpochRecord>) -> Vec<EpochRecord> {
    let without = |epoch| EpochRecord { images_per_second: 0.0, seconds: 0.0, waited_seconds: 0.0, ..epoch };
    epochs.into_iter().map(without).collect()
}

#[test]
fn however_many_steps_are_read_at_once_the_records_and_the_weights_are_the_same() {
    let (epochs, steps, weights) = trained(1, 0.01, &Interrupt::default());
    let epochs = timeless(epochs.unwrap());
    assert_eq!((epochs.len(), steps.len()), (2, 12));
    assert!(epochs.iter().all(|epoch| epoch.validation_loss.is_some() && !epoch.gradients.is_empty()));
    for every in [4, 7] {
        let (others, their_steps, their_weights) = trained(every, 0.01, &Interrupt::default());
        assert_eq!(timeless(others.unwrap()), epochs, "read every {every} steps");
        assert_eq!(their_steps, steps);
        assert_eq!(their_weights, weights);
    }
}

#[test]
fn the_step_that_diverged_is_named_though_it_is_seen_later_and_the_weights_go_back() {
    let diverged = |every| {
        let (result, steps, weights) = trained(every, 1e30, &Interrupt::default());
        assert!(weights.iter().all(|sum| sum.is_finite()));
        match result.map(|epochs| epochs.len()) {
            Err(Error::Diverged { step, origin, .. }) => (step, origin, steps.len()),
            other => panic!("{other:?}"),
        }
    };
    let (step, origin, steps) = diverged(1);
    assert!(!matches!(origin, Origin::SeenLater(_)), "{origin}");
    // Each sound step was emitted; it was the last of them that spoilt the weights, if they are where it began.
    let last = u64::try_from(steps).unwrap();
    assert_eq!(step, if matches!(origin, Origin::Weights(_)) { last } else { last + 1 }, "{origin}");
    let (later, origin, _) = diverged(7);
    assert!(matches!(origin, Origin::SeenLater(since) if since > 0), "{origin}");
    assert!(later >= step, "{later}, {step}");
}

#[test]
fn what_was_not_read_yet_is_read_when_it_is_interrupted() {
    let interrupt = Interrupt::default();
    interrupt.request();
    let (epochs, steps, _) = trained(7, 0.01, &interrupt);
    assert!(epochs.unwrap().is_empty());
    assert_eq!(steps.iter().map(|step| step.step).collect::<Vec<_>>(), [1]);
}

#[test]
fn a_split_is_measured_the_same_however_many_batches_are_read_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let part = part(folder.path());
    let options = Options { classes: 2, channels: 1, size: 28, ..Options::default() };
    let mut backbone: Backbone = zoo::network("lenet5_relu").unwrap().build(Values::default(), &options);
    let feed = feed(&backbone, &part);
    let mut scored = |sync_interval| {
        let (kind, keep) = (Kind::Float, Keep::Scores);
        evaluate::pass(&mut backbone, &feed, Evaluation { batch_size: 4, sync_interval, kind, keep }).unwrap()
    };
    let one = scored(1);
    assert_eq!((one.predictions.labels.len(), one.logits.len(), one.classes), (IMAGES, 2 * IMAGES, 2));
    for every in [4, 100] {
        let other = scored(every);
        assert_eq!(other.predictions.loss_sum, one.predictions.loss_sum);
        assert_eq!(
            (&other.predictions.labels, &other.predictions.predicted),
            (&one.predictions.labels, &one.predictions.predicted)
        );
        assert_eq!(
            (&other.predictions.probability, &other.logits),
            (&one.predictions.probability, &one.logits)
        );
    }
}
