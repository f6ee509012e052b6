use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::{Device, Kind};

/// `run.precision` and `--precision`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
    /// 64 bits, weights included: slow, to check results by.
    Float64,
}

/// A precision that does not exist, or not here.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum PrecisionError {
    /// No such word.
    #[error("unknown precision {0:?}: use \"auto\", \"float32\", \"bf16\", \"fp16\" or \"float64\"")]
    Unknown(String),
    /// Apple's GPUs have no float64, and of the others nothing was tried.
    #[error("on \"mps\" only \"float32\" is written")]
    OnlyFloat32,
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
            "float64" => Ok(Self::Float64),
            other => Err(PrecisionError::Unknown(other.to_owned())),
        }
    }
}

impl Precision {
    /// Type of the weights.
    #[must_use]
    pub fn weights(self) -> Kind {
        if self == Self::Float64 { Kind::Double } else { Kind::Float }
    }

    /// Whether it can be had on this device.
    ///
    /// # Errors
    /// For float16 on a CPU, and for anything but float32 on Apple's GPUs.
    pub fn check(self, device: Device) -> Result<(), PrecisionError> {
        match (self, device) {
            (Self::Fp16, Device::Cpu) => Err(PrecisionError::HalfOnCpu),
            (Self::Auto | Self::Bf16 | Self::Fp16 | Self::Float64, Device::Mps) => {
                Err(PrecisionError::OnlyFloat32)
            }
            _ => Ok(()),
        }
    }
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
        assert_eq!(Precision::Float32.check(Device::Mps), Ok(()));
        for other in [Precision::Auto, Precision::Bf16, Precision::Fp16, Precision::Float64] {
            assert_eq!(other.check(Device::Mps), Err(PrecisionError::OnlyFloat32));
        }
    }
}
