use tch::{Device, Kind, Tensor};
use torch_extra::random;

/// How a convolution's weights start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ConvInit {
    /// Uniform in ±1/√fan-in, weights and bias: what `torch.nn.Conv2d` does by itself.
    TorchDefault,
    /// Normal with deviation √(2 / fan-out), bias zero (He et al. 2015): ResNet, VGG, EfficientNet.
    KaimingFanOut,
    /// Normal with this deviation, cut off at ±2: Inception and GoogLeNet.
    TruncatedNormal(f64),
}

/// How a linear layer's weights start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LinearInit {
    /// Uniform in ±1/√fan-in, weights and bias: what `torch.nn.Linear` does by itself.
    TorchDefault,
    /// Normal with this deviation, bias zero: VGG.
    Normal(f64),
    /// Normal with this deviation, cut off at ±2; the bias as by default: Inception and GoogLeNet.
    TruncatedNormal(f64),
    /// Uniform in ±1/√fan-out, bias zero: EfficientNet.
    UniformFanOut,
}

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

impl ConvInit {
    /// Of the weight, whose `shape` is `[out, in / groups, height, width]`.
    pub(crate) fn weight(self, shape: [i64; 4]) -> Distribution {
        let [out, _, height, width] = shape;
        match self {
            Self::TorchDefault => torch_default(fan_in(shape)),
            // PyTorch counts the fan-out over all groups.
            Self::KaimingFanOut => {
                Distribution::Normal { deviation: (2.0 / (out * height * width) as f64).sqrt() }
            }
            Self::TruncatedNormal(deviation) => Distribution::TruncatedNormal { deviation },
        }
    }

    /// Of the bias `[out]` that goes with a weight of this shape.
    pub(crate) fn bias(self, shape: [i64; 4]) -> Distribution {
        match self {
            Self::TorchDefault | Self::TruncatedNormal(_) => torch_default(fan_in(shape)),
            Self::KaimingFanOut => Distribution::Zero,
        }
    }
}

impl LinearInit {
    /// Of the weight `[outputs, inputs]`.
    pub(crate) fn weight(self, inputs: i64, outputs: i64) -> Distribution {
        match self {
            Self::TorchDefault => torch_default(inputs),
            Self::Normal(deviation) => Distribution::Normal { deviation },
            Self::TruncatedNormal(deviation) => Distribution::TruncatedNormal { deviation },
            Self::UniformFanOut => Distribution::Uniform { bound: 1.0 / (outputs as f64).sqrt() },
        }
    }

    /// Of the bias `[outputs]`.
    pub(crate) fn bias(self, inputs: i64) -> Distribution {
        match self {
            Self::TorchDefault | Self::TruncatedNormal(_) => torch_default(inputs),
            Self::Normal(_) | Self::UniformFanOut => Distribution::Zero,
        }
    }
}

fn fan_in([_, per_group, height, width]: [i64; 4]) -> i64 {
    per_group * height * width
}

fn torch_default(fan_in: i64) -> Distribution {
    Distribution::Uniform { bound: 1.0 / (fan_in as f64).sqrt() }
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
