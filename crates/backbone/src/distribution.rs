//! The distributions from which initial values are drawn, each tensor from a generator of its own.

use tch::{Device, Kind, Tensor};
use torch_extra::random;

/// The distribution from which the values of one tensor are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Distribution {
    /// All zeros.
    Zero,
    /// Uniform in `-bound..bound`.
    Uniform { bound: f64 },
    /// Normal around 0.
    Normal { deviation: f64 },
    /// Normal around 0, cut off at ±2 (not at two deviations): `torch.nn.init.trunc_normal_(mean=0, a=-2, b=2)`.
    TruncatedNormal { deviation: f64 },
}

impl Distribution {
    /// Values of this shape, float32 on the CPU; the same for the same seed, whatever else was drawn.
    pub(crate) fn draw(self, shape: &[i64], seed: u64) -> Tensor {
        match self {
            Self::Zero => Tensor::zeros(shape, (Kind::Float, Device::Cpu)),
            Self::Uniform { bound } => random::uniform(shape, Kind::Float, bound, seed),
            Self::Normal { deviation } => random::normal(shape, deviation, seed),
            Self::TruncatedNormal { deviation } => truncated_normal(shape, deviation, seed),
        }
    }
}

/// Drawn as PyTorch does, by the inverse of the normal distribution's cumulative function, but in float64: in float32
/// one uniform number in 2^24 is the end of the range itself, and becomes a weight of -2 among weights of 0.01.
fn truncated_normal(shape: &[i64], deviation: f64, seed: u64) -> Tensor {
    // Φ(2/σ) mapped to erfinv's domain: P(|x| < 2).
    let inside = Tensor::from(2.0 / deviation / std::f64::consts::SQRT_2).erf().double_value(&[]);
    let uniform = random::uniform(shape, Kind::Double, inside, seed);
    let values = uniform.erfinv() * (deviation * std::f64::consts::SQRT_2);
    values.clamp(-2.0, 2.0).to_kind(Kind::Float)
}
