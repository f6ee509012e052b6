//! Whether the short type is faster, measured on what is going to run and remembered.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use backbone::{Backbone, LowRank, Mode, Snapshot, StageId};
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};
use torch_extra::autocast::Autocast;
use torch_extra::convolution::onednn_computes;
use torch_extra::determinism::{self, RandomState};
use torch_extra::processor;

use super::{Purpose, Workload, name};
use crate::Error;

/// A short type has to be this much faster to be chosen: less is not worth its rounding.
const WORTH_IT: f64 = 1.15;
const SHORT: Kind = Kind::BFloat16;

/// Returns the type to compute in. The network is left as it was.
pub(crate) fn faster(backbone: &mut Backbone, work: &Workload<'_>) -> Kind {
    let (device, _) = backbone.placement();
    if device == Device::Cpu && !onednn_computes(SHORT) {
        tracing::info!("this processor has no bfloat16");
        return Kind::Float;
    }
    let key = key(&machine(device, work.threads), &torch_version(&determinism::libtorch()), backbone, work);
    let mut memory = Memory::read();
    let known = memory.0.len();
    let gain = memory.gain(&key, &mut |kind| match work.purpose {
        Purpose::Predict => predicting(backbone, work, kind),
        Purpose::Train { from, low_rank } => training(backbone, work, from, low_rank, kind),
    });
    match gain {
        Ok(gain) => {
            if memory.0.len() > known {
                memory.write();
            }
            tracing::info!(gain, short = name(SHORT), "precision is chosen by measurement");
            chosen(gain)
        }
        Err(error) => {
            tracing::warn!(%error, "precision cannot be measured, and float32 is taken");
            Kind::Float
        }
    }
}

fn chosen(gain: f64) -> Kind {
    if gain >= WORTH_IT { SHORT } else { Kind::Float }
}

fn machine(device: Device, threads: u32) -> String {
    match device {
        Device::Cuda(index) => torch_extra::cuda::name(index).unwrap_or_else(|| format!("{device:?}")),
        _ => format!("{}, {threads} threads", processor()),
    }
}

/// Returns `"2.11.0"` of libtorch's description of itself.
fn torch_version(description: &str) -> String {
    let version = description.split("TORCH_VERSION=").nth(1).unwrap_or_default();
    version.split([',', '\n', ' ']).next().unwrap_or_default().to_owned()
}

/// Returns everything on which the time depends.
fn key(machine: &str, torch: &str, backbone: &Backbone, work: &Workload<'_>) -> String {
    let purpose = match work.purpose {
        Purpose::Predict => "predicting".to_owned(),
        Purpose::Train { from, low_rank: None } => format!("training from {}", backbone.name(from)),
        Purpose::Train { from, low_rank: Some(how) } => {
            format!("training updates of rank {} from {}", how.rank, backbone.name(from))
        }
    };
    let (arch, input) = (backbone.arch(), work.input);
    format!(
        "{machine}, libtorch {torch}: {arch}, {purpose}, {} x {} x {} x {}",
        work.batch_size, input.channels, input.crop, input.crop
    )
}

/// Returns random images for the network, `[N, C, H, W]`.
fn images(backbone: &Backbone, work: &Workload<'_>) -> Tensor {
    let (device, own) = backbone.placement();
    let batch = i64::try_from(work.batch_size).unwrap_or(i64::MAX).max(1);
    let side = i64::from(work.input.crop);
    Tensor::rand([batch, work.input.channels.into(), side, side], (own, device))
}

/// Returns the best of a few times, in seconds, after one that warms up.
fn best(tries: usize, mut run: impl FnMut() -> Result<(), Error>) -> Result<f64, Error> {
    run()?;
    let mut best = Duration::MAX;
    for _ in 0..tries {
        let started = Instant::now();
        run()?;
        best = best.min(started.elapsed());
    }
    Ok(best.as_secs_f64())
}

/// Returns the seconds for a batch through everything before the head.
fn predicting(backbone: &mut Backbone, work: &Workload<'_>, kind: Kind) -> Result<f64, Error> {
    let random = RandomState::of(backbone.placement().0)?;
    let head = backbone.head_id();
    backbone.prepare_inference(StageId::INPUT..head, kind);
    let x = images(backbone, work);
    let seconds = best(3, || {
        let y = tch::no_grad(|| backbone.forward(&x, StageId::INPUT..head, Mode::Evaluate));
        // Reading a value waits for a GPU.
        let _ = y.sum(Kind::Float).double_value(&[]);
        Ok(())
    });
    backbone.forget_preparation(StageId::INPUT);
    random.restore()?;
    seconds
}

/// Returns the seconds for a batch through the frozen stages, through the live ones and back to what is trained. Weights,
/// running statistics, gradients and random numbers are as before: whether it was measured or remembered must not change a run.
fn training(
    backbone: &mut Backbone,
    work: &Workload<'_>,
    from: StageId,
    low_rank: Option<LowRank>,
    kind: Kind,
) -> Result<f64, Error> {
    let (device, _) = backbone.placement();
    let random = RandomState::of(device)?;
    let first_live = backbone.first_live();
    backbone.freeze_before(from);
    let parameters = trained(backbone, from, low_rank);
    let weights = Snapshot::take(backbone, from);
    backbone.prepare_inference(StageId::INPUT..from, kind);
    let x = images(backbone, work);
    let seconds = best(2, || {
        let features = tch::no_grad(|| backbone.forward(&x, StageId::INPUT..from, Mode::Evaluate));
        let loss = {
            let _autocast = Autocast::begin(device, kind);
            let output = backbone.classify(&features, from, Mode::Train);
            let all = output.aux.iter().map(|(logits, _)| logits).chain([&output.logits]);
            all.map(|logits| {
                logits.to_kind(Kind::Float).logsumexp([-1i64].as_slice(), false).sum(Kind::Float)
            })
            .reduce(|sum, loss| sum + loss)
            .unwrap_or_default()
        };
        Tensor::f_run_backward(&[&loss], &parameters, false, false)?;
        // Reading a value waits for a GPU.
        let _ = loss.double_value(&[]);
        Ok(())
    });
    backbone.forget_preparation(StageId::INPUT);
    weights.restore();
    backbone.merge();
    backbone.freeze_before(first_live);
    random.restore()?;
    seconds
}

/// Returns the parameters of the stages from one on: of the source's stages low-rank updates, where these are trained, until
/// they are merged.
fn trained(backbone: &mut Backbone, from: StageId, low_rank: Option<LowRank>) -> Vec<Tensor> {
    if let Some(how) = low_rank {
        backbone.adapt(from, how);
    }
    let live = backbone.ids().filter(|&id| id >= from).flat_map(|id| backbone.parameters(id));
    live.map(|variable| variable.tensor).collect()
}

/// Measured gains: what ran where -> how many times faster the short type was.
#[derive(Default, Serialize, Deserialize)]
struct Memory(BTreeMap<String, f64>);

impl Memory {
    fn path() -> Option<PathBuf> {
        Some(files::cache_folder()?.join("precision.json"))
    }

    /// Reads what is remembered; nothing if that cannot be read.
    fn read() -> Self {
        let text = Self::path().and_then(|path| fs::read(path).ok());
        text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    /// Returns how many times faster the short type is: as remembered, or else as measured, which is then remembered.
    fn gain(&mut self, key: &str, seconds: &mut dyn FnMut(Kind) -> Result<f64, Error>) -> Result<f64, Error> {
        if let Some(&gain) = self.0.get(key) {
            return Ok(gain);
        }
        let gain = seconds(Kind::Float)? / seconds(SHORT)?;
        self.0.insert(key.to_owned(), gain);
        Ok(gain)
    }

    /// Writes what was measured; without a cache folder it is measured again next time.
    fn write(&self) {
        let Some(path) = Self::path() else { return };
        let Ok(text) = serde_json::to_vec_pretty(self) else { return };
        if let Err(error) = files::write(&path, text) {
            tracing::debug!(%error, "the measured precision is not remembered");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use backbone::{Options, Values};
    use pretrained::InputSpec;

    use super::*;
    use backbone::digest;
    use zoo::source_weights::default_input;

    fn lenet() -> Backbone {
        let options = Options { classes: 2, channels: 1, size: 28, dropout: Some(0.5), ..Options::default() };
        zoo::network("lenet5_relu").unwrap().build(Values::default(), &options)
    }

    fn input() -> InputSpec {
        default_input(zoo::network("lenet5_relu").unwrap())
    }

    fn work(input: &InputSpec, purpose: Purpose) -> Workload<'_> {
        Workload { input, batch_size: 4, threads: 1, purpose }
    }

    #[test]
    fn the_short_type_wins_where_it_is_faster_by_enough_and_the_answer_is_remembered() {
        let mut memory = Memory::default();
        let mut asked = Vec::new();
        for (key, short, winner) in
            [("much", 0.5, SHORT), ("hardly", 0.9, Kind::Float), ("slower", 3.0, Kind::Float)]
        {
            let mut timer = |kind| {
                asked.push(kind);
                Ok(if kind == Kind::Float { 1.0 } else { short })
            };
            assert_eq!(chosen(memory.gain(key, &mut timer).unwrap()), winner, "{key}");
        }
        assert_eq!(asked, [Kind::Float, SHORT].repeat(3));
        let gain = memory.gain("much", &mut |_| panic!("it is remembered")).unwrap();
        assert_eq!(gain, 2.0);
        let failing = memory.gain("new", &mut |_| Err(Error::from(features::Error::Interrupted)));
        assert!(failing.is_err() && memory.0.len() == 3, "what failed is not remembered");
    }

    #[test]
    fn whatever_decides_about_the_time_is_in_the_key() {
        let backbone = lenet();
        let (small, large) = (input(), InputSpec { crop: 64, ..input() });
        let low_rank = |rank| Some(LowRank { rank, alpha: 8.0 });
        let from = |stage| Purpose::Train { from: backbone.stage(stage).unwrap(), low_rank: None };
        let updates = |rank| Purpose::Train { from: StageId::INPUT, low_rank: low_rank(rank) };
        let one = work(&small, Purpose::Predict);
        let key_of = |machine, torch, work| key(machine, torch, &backbone, &work);
        let keys = [
            key_of("a", "1", one),
            key_of("b", "1", one),
            key_of("a", "2", one),
            key_of("a", "1", work(&large, Purpose::Predict)),
            key_of("a", "1", Workload { batch_size: 8, ..one }),
            key_of("a", "1", work(&small, from("fc1"))),
            key_of("a", "1", work(&small, from("fc2"))),
            key_of("a", "1", work(&small, Purpose::Train { from: StageId::INPUT, low_rank: None })),
            key_of("a", "1", work(&small, updates(4))),
            key_of("a", "1", work(&small, updates(8))),
        ];
        assert_eq!(BTreeSet::from(keys.clone()).len(), keys.len(), "{keys:#?}");
        assert_ne!(machine(Device::Cpu, 1), machine(Device::Cpu, 2));
        assert_eq!(torch_version("PyTorch built with:\n  TORCH_VERSION=2.11.0, USE_CUDA=0, \n"), "2.11.0");
        assert!(!torch_version(&determinism::libtorch()).is_empty());
    }

    #[test]
    fn measuring_a_training_step_leaves_no_trace() {
        let input = input();
        let mut backbone = lenet();
        backbone.freeze_before(backbone.stage("fc2").unwrap());
        let digests = |backbone: &Backbone| {
            backbone.ids().map(|id| digest::stage(backbone, id).unwrap()).collect::<Vec<_>>()
        };
        let (before, first_live) = (digests(&backbone), backbone.first_live());
        let random = || digest::bytes(&Tensor::rand([8], (Kind::Double, Device::Cpu))).unwrap();
        let mut measured = || {
            let state = RandomState::of(Device::Cpu).unwrap();
            let expected = random();
            state.restore().unwrap();
            let from = backbone.stage("conv2").unwrap();
            let purpose = Purpose::Train { from, low_rank: None };
            let seconds = training(&mut backbone, &work(&input, purpose), from, None, Kind::Float);
            assert!(seconds.unwrap() > 0.0);
            random() == expected
        };
        // Other tests draw from the same generator, though not all the time.
        assert!((0..500).any(|_| measured()), "the random numbers after it are others");
        assert_eq!(digests(&backbone), before);
        assert_eq!((backbone.first_live(), backbone.prepared_kind()), (first_live, None));
        for variable in backbone.variables().all() {
            assert!(!variable.tensor.grad().defined(), "{} has a gradient", variable.name);
        }
    }

    #[test]
    fn running_statistics_are_as_before_though_training_moves_them() {
        let input = InputSpec { crop: 32, channels: 3, ..input() };
        let options = Options { classes: 2, ..Options::default() };
        let mut backbone = zoo::network("resnet18").unwrap().build(Values::default(), &options);
        let layer4 = backbone.stage("layer4").unwrap();
        let before = digest::stage(&backbone, layer4).unwrap();
        let purpose = Purpose::Train { from: layer4, low_rank: None };
        training(&mut backbone, &work(&input, purpose), layer4, None, Kind::Float).unwrap();
        assert_eq!(digest::stage(&backbone, layer4).unwrap(), before);
    }

    #[test]
    fn what_is_measured_of_low_rank_updates_is_their_training_and_nothing_is_left_of_them() {
        let input = InputSpec { crop: 32, channels: 3, ..input() };
        let options = Options { classes: 2, size: 32, ..Options::default() };
        let mut backbone = zoo::network("vit_t_16").unwrap().build(Values::default(), &options);
        let (from, how) = (backbone.stage("blocks4").unwrap(), LowRank { rank: 4, alpha: 4.0 });
        backbone.freeze_before(from);
        let state = |backbone: &Backbone| {
            let all = backbone.variables().all().into_iter();
            all.map(|it| (it.name, it.role, it.tensor.requires_grad(), digest::bytes(&it.tensor).unwrap()))
                .collect::<Vec<_>>()
        };
        let before = state(&backbone);
        let values = trained(&mut backbone, from, Some(how)).iter().map(Tensor::numel).sum::<usize>();
        // 4 * 8 * 192 values in each of three blocks, and a head for two classes.
        assert_eq!(values, 3 * 6144 + 2 * 193);
        backbone.merge();
        let purpose = Purpose::Train { from, low_rank: Some(how) };
        training(&mut backbone, &work(&input, purpose), from, Some(how), Kind::Float).unwrap();
        assert!(state(&backbone) == before);
    }
}
