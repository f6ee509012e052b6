//! Whether a device computes what the CPU computes, and how fast: for the paths of the code that only a GPU takes.
//!
//!     cargo run -p finetune-core --example device_check -- --device cuda
//!     cargo run -p finetune-core --example device_check -- --device cuda resnet50 vgg16
//!
//! For each network, with random weights: the largest relative error of its scores (max |a - b| / max |b|, b float32 on
//! the CPU) in each precision, that of its gradients in float32 (the norm of all differences by the norm of all), and
//! images per second, predicting and training. Ends with 1 if float32 is off by more than 1e-3, its gradients by more
//! than 1e-2 or a type with fewer bits by more than 0.1, and if a network could not be run. "range" stands where numbers
//! grew beyond float16's.
//!
//! `experiments/peers/device.py` measures the same of PyTorch.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Result;
use backbone::{Backbone, Mode, Network, Options, StageId, Values};
use clap::Parser;
use records::Depth;
use run_config::{Precision, RegularizeConfig, TrainConfig};
use tch::{Device, Kind, Tensor};
use torch_extra::autocast::Autocast;
use torch_extra::cuda::Float32;
use torch_extra::determinism::{Algorithms, set_algorithms};
use training::freeze::FreezePlan;
use training::optimizer::{self, Optimizer, Rule};
use training::schedule::StepRates;
use zoo::source_weights::default_input;

#[derive(Parser)]
struct Arguments {
    /// Where to compute: "cuda", "cuda:1", "cpu"
    #[arg(long, default_value = "cuda")]
    device: String,
    /// Images per batch
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(i64).range(1..=4096))]
    batch_size: i64,
    /// Algorithms that repeat their results to the bit, as `run.deterministic` asks for, instead of the fastest
    #[arg(long)]
    deterministic: bool,
    /// The networks [default: all]
    archs: Vec<String>,
}

/// Batches that are timed, after some that are not.
const BATCHES: i64 = 8;
const WARM: i64 = 3;
/// Number of images whose scores are compared.
const COMPARED: i64 = 4;

fn main() -> Result<ExitCode> {
    torch_extra::memory::keep_freed();
    torch_extra::cuda::load();
    let arguments = Arguments::parse();
    let device = torch_extra::cuda::device(&arguments.device)?;
    set_algorithms(if arguments.deterministic { Algorithms::Repeatable } else { Algorithms::Fastest });
    let networks = match &arguments.archs[..] {
        [] => zoo::networks().collect(),
        names => names.iter().map(|name| zoo::network(name)).collect::<Result<Vec<_>, _>>()?,
    };
    let names = PRECISIONS.map(|precision| precision.name);
    let columns = names.map(|name| format!("{name:>9}")).join("");
    println!(
        "{:20}{columns}{:>11}   images/s: predicting; training ({})",
        "network",
        "gradients",
        names.join(", ")
    );
    let mut sound = true;
    for network in networks {
        // tch panics where libtorch refuses: where memory runs out, the next network may still fit.
        let checked = catch_unwind(AssertUnwindSafe(|| check(network, device, arguments.batch_size)));
        sound &= match checked {
            Ok(within) => within?,
            Err(_) => {
                println!(
                    "{:20} could not be run, see above; perhaps with a smaller --batch-size",
                    network.name
                );
                false
            }
        };
    }
    println!("{}", if sound { "ok" } else { "FAILED: the device does not compute what the CPU does" });
    Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// What is computed in.
struct Computing {
    name: &'static str,
    precision: Precision,
    kind: Kind,
    /// What a GPU makes of float32; the others are short by themselves.
    float32: Float32,
}

const PRECISIONS: [Computing; 4] = [
    Computing { name: "float32", precision: Precision::Float32, kind: Kind::Float, float32: Float32::Whole },
    Computing { name: "tf32", precision: Precision::Float32, kind: Kind::Float, float32: Float32::Tf32 },
    Computing { name: "bf16", precision: Precision::Bf16, kind: Kind::BFloat16, float32: Float32::Whole },
    Computing { name: "fp16", precision: Precision::Fp16, kind: Kind::Half, float32: Float32::Whole },
];

impl Computing {
    /// Makes the device compute so, if it can.
    fn begin(&self, device: Device) -> Result<bool> {
        torch_extra::cuda::set_float32(self.float32)?;
        Ok(self.precision.check(device).is_ok() && (self.float32 == Float32::Whole || device.is_cuda()))
    }
}

/// Prints a network's line.
fn check(network: &Network, device: Device, batch_size: i64) -> Result<bool> {
    let input = default_input(network);
    let (channels, side) = (i64::from(input.channels), i64::from(input.crop));
    let options = Options { channels, size: side, ..Options::default() };
    let build = || {
        tch::manual_seed(0);
        network.build(Values::default(), &options)
    };
    let mut reference = build();
    let x = Tensor::randn([COMPARED, channels, side, side], (Kind::Float, Device::Cpu));
    let expected = scores(&reference, &x, Kind::Float);
    let expected_gradients = gradients(&mut reference, &x);

    let mut backbone = build();
    backbone.to(device, Kind::Float);
    backbone.use_channels_last();
    let batch = Tensor::randn([batch_size, channels, side, side], (Kind::Float, device));
    let head = backbone.head_id();
    torch_extra::cuda::set_float32(Float32::Whole)?;
    let found_gradients = gradients(&mut backbone, &x.to_device(device));
    let nothing = || "–".to_owned();
    let mut sound = true;
    let mut verdict = |error: f64, most: f64| {
        sound &= error <= most;
        format!("{error:.1e}{}", if error <= most { "" } else { "!" })
    };
    let (mut errors, mut predicting, mut learning) = (Vec::new(), Vec::new(), Vec::new());
    for computing in &PRECISIONS {
        if !computing.begin(device)? {
            errors.push(nothing());
            predicting.push(nothing());
            continue;
        }
        let kind = computing.kind;
        backbone.prepare_inference(StageId::INPUT..head, kind);
        let found = scores(&backbone, &x.to_device(device), kind).to_device(Device::Cpu);
        let error = ((found - &expected).abs().max() / expected.abs().max()).double_value(&[]);
        errors.push(match kind {
            // Random weights may make numbers that float16 has no room for.
            Kind::Half if !error.is_finite() => "range".to_owned(),
            _ => verdict(error, if computing.name == "float32" { 1e-3 } else { 0.1 }),
        });
        predicting.push(rate(batch_size, device, || drop(scores(&backbone, &batch, kind))));
    }
    for computing in &PRECISIONS {
        let trains = computing.begin(device)?;
        learning.push(if trains { training(&mut backbone, &batch, computing.kind)? } else { nothing() });
    }
    let columns: String = errors.iter().map(|error| format!("{error:>9}")).collect();
    println!(
        "{:20}{columns}{:>11}   {}; {}",
        network.name,
        verdict(relative(&found_gradients, &expected_gradients), 1e-2),
        predicting.join(", "),
        learning.join(", ")
    );
    Ok(sound)
}

/// `[N, classes]`, float32.
fn scores(backbone: &Backbone, x: &Tensor, kind: Kind) -> Tensor {
    let _no_gradient = tch::no_grad_guard();
    let _short = Autocast::begin(x.device(), kind);
    backbone.classify(x, StageId::INPUT, Mode::Evaluate).logits.to_kind(Kind::Float)
}

/// Of every parameter, on the CPU: the gradients of a loss on the scores, without what is drawn at random in training.
fn gradients(backbone: &mut Backbone, x: &Tensor) -> Vec<Tensor> {
    backbone.freeze_before(StageId::INPUT);
    let labels = Tensor::zeros([x.size()[0]], (Kind::Int64, x.device()));
    let logits = backbone.classify(x, StageId::INPUT, Mode::Evaluate).logits;
    logits.cross_entropy_for_logits(&labels).backward();
    let parameters = backbone.ids().flat_map(|id| backbone.parameters(id));
    // Auxiliary heads have no part in this loss.
    let taken = parameters.filter(|parameter| parameter.tensor.grad().defined()).map(|mut parameter| {
        let gradient = parameter.tensor.grad().to_device(Device::Cpu).copy();
        parameter.tensor.zero_grad();
        gradient
    });
    taken.collect()
}

/// The norm of all differences by the norm of all that was expected.
fn relative(found: &[Tensor], expected: &[Tensor]) -> f64 {
    let square = |tensor: &Tensor| tensor.square().sum(Kind::Double).double_value(&[]);
    let difference: f64 = found.iter().zip(expected).map(|(a, b)| square(&(a - b))).sum();
    (difference / expected.iter().map(square).sum::<f64>()).sqrt()
}

/// Images per second of whole steps, everything live, AdamW.
fn training(backbone: &mut Backbone, batch: &Tensor, kind: Kind) -> Result<String> {
    backbone.freeze_before(StageId::INPUT);
    let plan = FreezePlan::new(backbone, &Depth::All, 1.0)?;
    let mut optimizer = Optimizer::new(Rule::of(&TrainConfig::default()));
    optimizer.follow(optimizer::live(backbone, &plan, 1, &RegularizeConfig::default()));
    let count = batch.size()[0];
    let labels = Tensor::zeros([count], (Kind::Int64, batch.device()));
    Ok(rate(count, batch.device(), || {
        optimizer.forget_gradients();
        let loss = {
            let _short = Autocast::begin(batch.device(), kind);
            let output = backbone.classify(batch, StageId::INPUT, Mode::Train);
            output.logits.to_kind(Kind::Float).cross_entropy_for_logits(&labels)
        };
        loss.backward();
        optimizer.step(StepRates { learning_rate: 1e-6, momentum: None });
    }))
}

/// Of batches that follow each other without waiting, after some that do not count.
fn rate(count: i64, device: Device, mut batch: impl FnMut()) -> String {
    let wait = || {
        if let Device::Cuda(index) = device {
            tch::Cuda::synchronize(i64::try_from(index).unwrap_or(0));
        }
    };
    (0..WARM).for_each(|_| batch());
    wait();
    let started = Instant::now();
    (0..BATCHES).for_each(|_| batch());
    wait();
    format!("{:.0}", (count * BATCHES) as f64 / started.elapsed().as_secs_f64())
}
