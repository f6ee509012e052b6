use tch::{Device, Kind, Tensor};

const CPU: (Kind, Device) = (Kind::Float, Device::Cpu);

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

impl ConvInit {
    /// Weight of `shape` `[out, in / groups, height, width]`, and the bias to go with it, `[out]`.
    pub(crate) fn draw(self, shape: [i64; 4]) -> (Tensor, Tensor) {
        let [out, per_group, height, width] = shape;
        let fan_in = per_group * height * width;
        match self {
            Self::TorchDefault => torch_default(&shape, fan_in),
            Self::KaimingFanOut => {
                // PyTorch counts the fan-out over all groups.
                let deviation = (2.0 / (out * height * width) as f64).sqrt();
                (Tensor::randn(shape, CPU) * deviation, Tensor::zeros([out], CPU))
            }
            Self::TruncatedNormal(deviation) => {
                (truncated_normal(&shape, deviation), torch_default(&shape, fan_in).1)
            }
        }
    }
}

impl LinearInit {
    /// Weight `[outputs, inputs]` and bias `[outputs]`.
    pub(crate) fn draw(self, inputs: i64, outputs: i64) -> (Tensor, Tensor) {
        let shape = [outputs, inputs];
        match self {
            Self::TorchDefault => torch_default(&shape, inputs),
            Self::Normal(deviation) => (Tensor::randn(shape, CPU) * deviation, Tensor::zeros([outputs], CPU)),
            Self::TruncatedNormal(deviation) => {
                (truncated_normal(&shape, deviation), torch_default(&shape, inputs).1)
            }
            Self::UniformFanOut => {
                (uniform(&shape, 1.0 / (outputs as f64).sqrt()), Tensor::zeros([outputs], CPU))
            }
        }
    }
}

fn torch_default(shape: &[i64], fan_in: i64) -> (Tensor, Tensor) {
    let bound = 1.0 / (fan_in as f64).sqrt();
    (uniform(shape, bound), uniform(&shape[..1], bound))
}

fn uniform(shape: &[i64], bound: f64) -> Tensor {
    Tensor::empty(shape, CPU).uniform_(-bound, bound)
}

/// Normal around zero, cut off at ±2 (not at two deviations): `torch.nn.init.trunc_normal_(mean=0, a=-2, b=2)`.
///
/// Drawn as PyTorch does, by the inverse of the normal distribution's cumulative function, but in float64: in float32
/// one uniform number in 2^24 is the end of the range itself, and becomes a weight of -2 among weights of 0.01.
fn truncated_normal(shape: &[i64], deviation: f64) -> Tensor {
    // Φ(2/σ) mapped to erfinv's domain: P(|x| < 2).
    let inside = Tensor::from(2.0 / deviation / std::f64::consts::SQRT_2).erf().double_value(&[]);
    let uniform = Tensor::empty(shape, (Kind::Double, Device::Cpu)).uniform_(-inside, inside);
    let drawn = uniform.erfinv() * (deviation * std::f64::consts::SQRT_2);
    drawn.clamp(-2.0, 2.0).to_kind(Kind::Float)
}
