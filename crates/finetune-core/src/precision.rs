//! The type that networks compute in: float32, or a shorter one where it is faster.
//!
//! Weights stay float32 whatever is chosen here. Frozen stages and predictions compute with short copies of them; live
//! stages train under autocast, with float16 on a loss that is multiplied so that no gradient vanishes
//! (`train/scaler.rs`). Which type is faster depends on the device, on the network and on what it does, so
//! [`Precision::Auto`] tries both once and remembers.

mod auto;

use std::str::FromStr;
use std::{env, fs};

use backbone::{Backbone, StageId};
use pretrained::InputSpec;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind};

/// `run.precision` and `--precision`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// The faster of float32 and bfloat16, measured once for a machine, a network and what it does.
    Auto,
    /// 32 bits: the reference. A GPU convolves with factors rounded to TF32 where it has that, as in PyTorch.
    #[default]
    Float32,
    /// bfloat16: float32's range, 8 bits of precision.
    Bf16,
    /// float16: for GPUs.
    Fp16,
}

/// What a network is going to do.
#[derive(Clone, Copy, Debug)]
pub struct Workload<'a> {
    /// How its pictures are prepared.
    pub input: &'a InputSpec,
    /// Pictures at once.
    pub batch_size: usize,
    /// Threads that libtorch computes with.
    pub threads: u32,
    /// Whether it learns.
    pub purpose: Purpose,
}

/// What a network computes for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Scores.
    Predict,
    /// Gradients of the stages from this one on.
    Train {
        /// The first stage that is trained.
        from: StageId,
    },
}

/// A precision that does not exist, or not here.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrecisionError {
    /// No such word.
    #[error("unknown precision {0:?}: use \"auto\", \"float32\", \"bf16\" or \"fp16\"")]
    Unknown(String),
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

    /// The type to compute in. [`Precision::Auto`] times what is going to run, unless that is remembered; nothing is left of
    /// it in the network but that its preparations for inference are gone.
    pub fn kind(self, backbone: &mut Backbone, work: &Workload<'_>) -> Kind {
        match self {
            Self::Float32 => Kind::Float,
            Self::Bf16 => Kind::BFloat16,
            Self::Fp16 => Kind::Half,
            Self::Auto => auto::faster(backbone, work),
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
    }
}
