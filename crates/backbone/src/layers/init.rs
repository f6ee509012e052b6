//! How the weights of a layer start: which distribution, for which shape.

use crate::distribution::Distribution;

/// How a convolution's weights start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ConvInit {
    /// Uniform in ±1/√fan-in, weights and bias: what `torch.nn.Conv2d` does by itself.
    TorchDefault,
    /// Normal with deviation √(2 / fan-out), bias zero (He et al. 2015): ResNet, VGG, EfficientNet.
    KaimingFanOut,
    /// The weight as [`ConvInit::KaimingFanOut`], the bias as by default: RegNet.
    KaimingFanOutDefaultBias,
    /// Normal with deviation √(2 / fan-in), bias zero (He et al. 2015): DenseNet.
    KaimingFanIn,
    /// Normal with this deviation, cut off at ±2: Inception and GoogLeNet.
    TruncatedNormal(f64),
    /// Normal with this deviation, cut off at ±2, bias zero: ConvNeXt.
    TruncatedNormalZeroBias(f64),
    /// Normal with deviation 1/√fan-in, cut off at ±2, bias zero: the patches of ViT.
    Patches,
}

/// How a linear layer's weights start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum LinearInit {
    /// Uniform in ±1/√fan-in, weights and bias: what `torch.nn.Linear` does by itself.
    TorchDefault,
    /// Uniform in ±1/√fan-in, bias zero: DenseNet; what attention gives out in ViT.
    TorchDefaultZeroBias,
    /// Normal with this deviation, bias zero: VGG, MobileNet, RegNet.
    Normal(f64),
    /// Normal with this deviation, cut off at ±2; the bias as by default: Inception and GoogLeNet.
    TruncatedNormal(f64),
    /// Normal with this deviation, cut off at ±2, bias zero: ConvNeXt, DINOv2, Swin.
    TruncatedNormalZeroBias(f64),
    /// Uniform in ±1/√fan-out, bias zero: EfficientNet.
    UniformFanOut,
    /// Uniform in ±√(6 / (fan-in + fan-out)) (Glorot and Bengio 2010), bias normal with this deviation: ViT.
    Xavier(f64),
    /// All zeros: the head of ViT, so that a new one says nothing yet.
    Zero,
}

impl ConvInit {
    /// Of the weight, whose `shape` is `[out, in / groups, height, width]`.
    pub(crate) fn weight(self, shape: [i64; 4]) -> Distribution {
        let [out, _, height, width] = shape;
        match self {
            Self::TorchDefault => torch_default(fan_in(shape)),
            // PyTorch counts the fan-out over all groups.
            Self::KaimingFanOut | Self::KaimingFanOutDefaultBias => {
                Distribution::Normal { deviation: (2.0 / (out * height * width) as f64).sqrt() }
            }
            Self::KaimingFanIn => Distribution::Normal { deviation: (2.0 / fan_in(shape) as f64).sqrt() },
            Self::TruncatedNormal(deviation) | Self::TruncatedNormalZeroBias(deviation) => {
                Distribution::TruncatedNormal { deviation }
            }
            Self::Patches => Distribution::TruncatedNormal { deviation: 1.0 / (fan_in(shape) as f64).sqrt() },
        }
    }

    /// Of the bias `[out]` that goes with a weight of this shape.
    pub(crate) fn bias(self, shape: [i64; 4]) -> Distribution {
        match self {
            Self::TorchDefault | Self::KaimingFanOutDefaultBias | Self::TruncatedNormal(_) => {
                torch_default(fan_in(shape))
            }
            Self::KaimingFanOut | Self::KaimingFanIn | Self::TruncatedNormalZeroBias(_) | Self::Patches => {
                Distribution::Zero
            }
        }
    }
}

impl LinearInit {
    /// Of the weight `[outputs, inputs]`.
    pub(crate) fn weight(self, inputs: i64, outputs: i64) -> Distribution {
        match self {
            Self::TorchDefault | Self::TorchDefaultZeroBias => torch_default(inputs),
            Self::Normal(deviation) => Distribution::Normal { deviation },
            Self::TruncatedNormal(deviation) | Self::TruncatedNormalZeroBias(deviation) => {
                Distribution::TruncatedNormal { deviation }
            }
            Self::UniformFanOut => Distribution::Uniform { bound: 1.0 / (outputs as f64).sqrt() },
            Self::Xavier(_) => Distribution::Uniform { bound: (6.0 / (inputs + outputs) as f64).sqrt() },
            Self::Zero => Distribution::Zero,
        }
    }

    /// Of the bias `[outputs]`.
    pub(crate) fn bias(self, inputs: i64) -> Distribution {
        match self {
            Self::TorchDefault | Self::TruncatedNormal(_) => torch_default(inputs),
            Self::Xavier(deviation) if deviation > 0.0 => Distribution::Normal { deviation },
            Self::Normal(_)
            | Self::UniformFanOut
            | Self::TorchDefaultZeroBias
            | Self::Xavier(_)
            | Self::TruncatedNormalZeroBias(_)
            | Self::Zero => Distribution::Zero,
        }
    }
}

fn fan_in([_, per_group, height, width]: [i64; 4]) -> i64 {
    per_group * height * width
}

fn torch_default(fan_in: i64) -> Distribution {
    Distribution::Uniform { bound: 1.0 / (fan_in as f64).sqrt() }
}
