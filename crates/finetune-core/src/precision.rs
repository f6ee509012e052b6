//! The type that networks compute in: float32, or a shorter one where it is faster.
//!
//! Weights stay float32 whatever is chosen here. Frozen stages and predictions compute with short copies of them; live
//! stages train under autocast. Which type is faster depends on the processor and on the network, so
//! [`Precision::Auto`] tries both once and remembers.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::{Duration, Instant};
use std::{env, fs};

use backbone::{Backbone, Mode, StageId};
use pretrained::InputSpec;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind, Tensor};
use torch_extra::convolution::onednn_computes;

use crate::cache_folder;

/// `run.precision` and `--precision`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// The faster of float32 and bfloat16, measured once for a network and machine.
    Auto,
    /// 32 bits: the reference.
    #[default]
    Float32,
    /// bfloat16: float32's range, 8 bits of precision.
    Bf16,
    /// float16: for GPUs.
    Fp16,
}

/// A precision that does not exist, or not here.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrecisionError {
    /// No such word.
    #[error("unknown precision {0:?}: use \"auto\", \"float32\", \"bf16\" or \"fp16\"")]
    Unknown(String),
    /// float16's smallest gradients vanish.
    #[error(
        "\"fp16\" is for predicting: its range is too small for gradients; train with \"bf16\" or \"auto\""
    )]
    HalfInTraining,
    /// CPUs have no fast float16.
    #[error("\"fp16\" is for GPUs; on a CPU use \"bf16\" or \"auto\"")]
    HalfOnCpu,
}

impl FromStr for Precision {
    type Err = PrecisionError;

    fn from_str(text: &str) -> Result<Self, PrecisionError> {
        match text {
            "auto" => Ok(Self::Auto),
            "float32" => Ok(Self::Float32),
            "bf16" => Ok(Self::Bf16),
            "fp16" => Ok(Self::Fp16),
            other => Err(PrecisionError::Unknown(other.to_owned())),
        }
    }
}

impl Precision {
    /// Whether it can be had on this device.
    ///
    /// # Errors
    /// For float16 on a CPU.
    pub fn check(self, device: Device) -> Result<(), PrecisionError> {
        match (self, device) {
            (Self::Fp16, Device::Cpu) => Err(PrecisionError::HalfOnCpu),
            _ => Ok(()),
        }
    }

    /// Whether a network can be trained with it on this device.
    ///
    /// # Errors
    /// For float16.
    pub fn for_training(self, device: Device) -> Result<(), PrecisionError> {
        match self {
            Self::Fp16 => self.check(device).and(Err(PrecisionError::HalfInTraining)),
            _ => Ok(()),
        }
    }

    /// The type to compute in. [`Precision::Auto`] times this network on this machine, unless it is remembered; the
    /// network's preparation is changed by that.
    pub fn kind(self, backbone: &mut Backbone, input: &InputSpec, threads: u32) -> Kind {
        match self {
            Self::Float32 => Kind::Float,
            Self::Bf16 => Kind::BFloat16,
            Self::Fp16 => Kind::Half,
            Self::Auto => faster(backbone, input, threads),
        }
    }
}

/// How a type is called in configurations and records.
#[must_use]
pub fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::BFloat16 => "bf16",
        Kind::Half => "fp16",
        Kind::Double => "float64",
        _ => "float32",
    }
}

/// A short type has to be this much faster to be chosen: less is not worth its rounding.
const WORTH_IT: f64 = 1.15;

fn faster(backbone: &mut Backbone, input: &InputSpec, threads: u32) -> Kind {
    let (device, _) = backbone.placement();
    let short = Kind::BFloat16;
    if device == Device::Cpu && !onednn_computes(short) {
        tracing::info!("this processor has no bfloat16");
        return Kind::Float;
    }
    let machine = match device {
        Device::Cpu => format!("{}, {threads} threads", processor()),
        other => format!("{other:?}"),
    };
    let key = format!("{machine}: {} at {}", backbone.arch(), input.crop);
    let mut memory = Memory::read();
    let gain = match memory.0.get(&key) {
        Some(&gain) => gain,
        None => {
            let gain = seconds(backbone, input, Kind::Float) / seconds(backbone, input, short);
            memory.0.insert(key, gain);
            memory.write();
            gain
        }
    };
    tracing::info!(gain, short = name(short), "precision is chosen by measurement");
    if gain >= WORTH_IT { short } else { Kind::Float }
}

/// Seconds for a batch through everything before the head, the best of a few.
fn seconds(backbone: &mut Backbone, input: &InputSpec, kind: Kind) -> f64 {
    const BATCH: i64 = 8;
    const TRIES: usize = 3;
    let head = backbone.head_id();
    backbone.prepare_inference(StageId::INPUT..head, kind);
    let side = i64::from(input.crop);
    let (device, own) = backbone.placement();
    let x = Tensor::ones([BATCH, input.channels.into(), side, side], (own, device));
    let run = || {
        let started = Instant::now();
        let y = tch::no_grad(|| backbone.forward(&x, StageId::INPUT..head, Mode::Evaluate));
        // Reading a value waits for a GPU.
        let _ = y.sum(Kind::Float).double_value(&[]);
        started.elapsed()
    };
    run();
    (0..TRIES).map(|_| run()).min().unwrap_or(Duration::MAX).as_secs_f64()
}

/// What was measured: machine and network -> how many times faster the short type was.
#[derive(Default, Serialize, Deserialize)]
struct Memory(BTreeMap<String, f64>);

impl Memory {
    fn path() -> Option<PathBuf> {
        Some(cache_folder::of_user()?.join("precision.json"))
    }

    /// What is remembered; nothing if that cannot be read.
    fn read() -> Self {
        let text = Self::path().and_then(|path| fs::read(path).ok());
        text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    /// Without a place to write to, it is measured again next time.
    fn write(&self) {
        let Some(path) = Self::path() else { return };
        let Ok(text) = serde_json::to_vec_pretty(self) else { return };
        let beside = path.with_extension(format!("json.{}", std::process::id()));
        let written = path
            .parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&beside, text))
            .and_then(|()| fs::rename(&beside, &path));
        if let Err(error) = written {
            tracing::debug!(%error, "the measured precision is not remembered");
        }
    }
}

/// The processor's name, as Linux tells it.
pub(crate) fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name))?;
        line.split_once(':').map(|(_, value)| value.trim().to_owned())
    };
    let flags = field("flags").unwrap_or_default();
    let short = ["amx_bf16", "avx512_bf16"].into_iter().find(|flag| flags.split(' ').any(|one| one == *flag));
    let name = field("model name").unwrap_or_else(|| env::consts::ARCH.to_owned());
    short.map_or(name.clone(), |short| format!("{name} ({short})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_become_precisions_and_float16_stays_off_the_cpu() {
        assert_eq!("bf16".parse(), Ok(Precision::Bf16));
        assert!("half".parse::<Precision>().unwrap_err().to_string().contains("\"fp16\""));
        assert_eq!(Precision::Fp16.check(Device::Cpu), Err(PrecisionError::HalfOnCpu));
        assert_eq!(Precision::Fp16.check(Device::Cuda(0)), Ok(()));
        assert_eq!(Precision::Fp16.for_training(Device::Cuda(0)), Err(PrecisionError::HalfInTraining));
    }
}
