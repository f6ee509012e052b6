//! What a network does with images, with random weights: a training step (`step-small`, `step`), an epoch of a head on
//! cached features (`cached-epoch`), and images from files to classes (`predict`).
//!
//! On images that are drawn here; `cargo xtask bench` runs it.

mod harness;
mod stripes;

use std::error::Error;
use std::hint::black_box;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use backbone::{Auxiliary, Backbone, Mode, Network, Options, StageId, Values};
use features::dataset::ImageSubset;
use features::loader::{EpochStart, FeatureLoader, Preparation, Variation};
use images::{DataSet, Files, Keep, Origin, Selection, Split, Store, Transform};
use pretrained::InputSpec;
use records::{Depth, Event, Interrupt};
use run_config::{Precision, RegularizeConfig, SamplerKind, Switch, TrainConfig};
use tch::{Device, Kind, Tensor};
use torch_extra::determinism::{Denormals, denormals};
use trained_model::model::Model;
use trained_model::predict::{Batching, How, PredictError, Prediction, predict};
use trained_model::views::Views;
use training::freeze::FreezePlan;
use training::optimizer::{self, Optimizer, Rule};
use training::schedule::StepRates;

use harness::{Amount, Harness, Outcome};

const BATCH: usize = 16;
const CLASSES: i64 = 2;
/// Of the epoch.
const IMAGES: u32 = 64;
const SETTING: StepRates = StepRates { learning_rate: 1e-4, momentum: None };

fn main() -> Outcome {
    torch_extra::memory::keep_freed();
    let mut harness = Harness::asked();
    let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    torch_extra::determinism::fix(0, u32::try_from(threads)?);
    denormals(Denormals::Flushed)?;
    let folder = tempfile::tempdir()?;
    stripes::draw(IMAGES.into(), folder.path())?;

    let batch = Amount { count: 1, of: "batch of 16" };
    let small = InputSpec { crop: 32, resize: 32, channels: 1, mean: vec![0.5], std: vec![0.5], ..spec(32) };
    harness.time("step-small", &batch, || step("lenet5_relu", &small))?;
    harness.time("step", &batch, || step("resnet18", &spec(224)))?;
    let epoch = Amount { count: IMAGES, of: "image" };
    harness.time("cached-epoch", &epoch, || cached_epoch("resnet18", &spec(64), folder.path()))?;
    let files = Amount { count: u32::try_from(BATCH)?, of: "image" };
    harness.time("predict", &files, || prediction("resnet50", &spec(224), folder.path(), threads))?;
    harness.end()
}

fn spec(side: u32) -> InputSpec {
    InputSpec { resize: side + side / 7, crop: side, ..InputSpec::imagenet() }
}

/// A network with random weights.
fn network(name: &str, input: &InputSpec) -> Result<(&'static Network, Backbone), Box<dyn Error>> {
    let network = zoo::network(name)?;
    let options = Options {
        classes: CLASSES,
        channels: input.channels.into(),
        size: input.crop.into(),
        auxiliary: Auxiliary::LeftOut,
        ..Options::default()
    };
    let mut backbone = network.build(Values::default(), &options);
    backbone.to(Device::Cpu, Kind::Float);
    Ok((network, backbone))
}

/// Lays the network out and freezes it as a run does; an optimizer for the rest.
fn trained(backbone: &mut Backbone, plan: &FreezePlan) -> Optimizer {
    backbone.use_channels_last();
    backbone.freeze_before(plan.first_live);
    let mut optimizer = Optimizer::new(Rule::of(&TrainConfig::default()));
    optimizer.follow(optimizer::live(backbone, plan, 1, &RegularizeConfig::default()));
    optimizer
}

/// One step from the input of a stage on.
fn one_step(backbone: &Backbone, from: StageId, optimizer: &mut Optimizer, x: &Tensor, labels: &Tensor) {
    optimizer.forget_gradients();
    let logits = backbone.classify(x, from, Mode::Train).logits;
    logits.cross_entropy_for_logits(labels).backward();
    optimizer.step(SETTING);
}

/// Forward, backward and optimizer over all stages, on one batch of noise.
fn step(name: &str, input: &InputSpec) -> Result<impl FnMut() -> Outcome + use<>, Box<dyn Error>> {
    let (_, mut backbone) = network(name, input)?;
    let plan = FreezePlan::new(&backbone, &Depth::All, 1.0)?;
    let mut optimizer = trained(&mut backbone, &plan);
    let (count, side) = (i64::try_from(BATCH)?, i64::from(input.crop));
    let x = Tensor::randn([count, input.channels.into(), side, side], (Kind::Float, Device::Cpu));
    let labels = Tensor::arange(count, (Kind::Int64, Device::Cpu)).remainder(CLASSES);
    Ok(move || {
        one_step(&backbone, StageId::INPUT, &mut optimizer, &x, &labels);
        Ok(())
    })
}

/// All steps of a head over the cached features of the images in a folder.
fn cached_epoch(
    name: &str,
    input: &InputSpec,
    folder: &Path,
) -> Result<impl FnMut() -> Outcome + use<>, Box<dyn Error>> {
    let (_, mut backbone) = network(name, input)?;
    let plan = FreezePlan::head_only(&backbone);
    let cut = plan.first_live;
    let mut optimizer = trained(&mut backbone, &plan);
    backbone.prepare_inference(StageId::INPUT..cut, Kind::Float);
    let samples = DataSet::open(
        Origin::Folder(folder),
        &Selection::default(),
        &Split { validation_fraction: 0.0, seed: 0 },
    )?
    .train;
    let store = Store::decode(samples, Keep::Whole, u64::MAX, 2, &|_, _| ControlFlow::Continue(()))?;
    let indices = (0..u32::try_from(store.samples().len())?).collect();
    let interrupt = Interrupt::default();
    let how = Preparation {
        variation: Variation::Fixed,
        memory_bytes: u64::MAX,
        ..Preparation::once(Transform::evaluation(input)?, BATCH, 0, &interrupt)
    };
    let feed =
        FeatureLoader::new(&backbone, cut, &ImageSubset { store, indices }, how, &mut |_: &Event<'_>| {})?;
    if feed.feature_bytes().is_none() {
        return Err("the features are not cached".into());
    }
    let mut epoch = 0;
    Ok(move || {
        epoch += 1;
        let start = EpochStart { epoch, batch: 0 };
        for batch in feed.epoch(&backbone, BATCH, SamplerKind::Shuffle, 0, start).batches(&backbone) {
            let batch = batch?;
            one_step(&backbone, cut, &mut optimizer, &batch.x, &batch.labels);
        }
        Ok(())
    })
}

/// Files to classes, as `finetune predict` does it in float32, one batch.
fn prediction(
    name: &str,
    input: &InputSpec,
    folder: &Path,
    workers: usize,
) -> Result<impl FnMut() -> Outcome + use<>, Box<dyn Error>> {
    let (network, mut backbone) = network(name, input)?;
    backbone.freeze_before(backbone.head_id());
    let mut model = Model {
        network,
        backbone,
        classes: vec!["lying".to_owned(), "standing".to_owned()],
        input: input.clone(),
        temperature: 1.0,
        input_from: "given",
        path: PathBuf::new(),
        sha256: String::new(),
        unwrapping: String::new(),
        warnings: Vec::new(),
    };
    model.prepare(Precision::Float32, u32::try_from(workers)?, BATCH);
    let mut paths = Files::below(&[folder.to_owned()], None)?.paths;
    paths.truncate(BATCH);
    let batching = Batching { batch_size: BATCH, workers, reduced_decoding: Switch::Off };
    let views = Views::one(&model.input)?;
    Ok(move || {
        let mut hear = |prediction: &Prediction<'_>| {
            black_box(prediction.best());
            Ok::<_, PredictError>(())
        };
        predict(&model, &paths, &How { batching, views: &views, features: false }, &mut hear)?;
        Ok(())
    })
}
