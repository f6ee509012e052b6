//! The operations.

/// An operation on values, each `[batch, ..shape]`. Axes count from 0 behind the batch; names are those of tensors in the file of
/// weights.
#[derive(Clone, Debug, PartialEq)]
pub enum Op {
    /// The image, `[channels, height, width]`.
    Input,
    /// A tensor of the weights, the same for every image: a class token, an embedding of positions, a scale of channels.
    Parameter(String),
    /// Convolution: `[in, H, W]` -> `[out, H', W']`.
    Convolution(Convolution),
    /// Batch normalisation that belongs to no convolution before it: `[C, ..]` -> the same shape.
    Normalise(Norm),
    /// x W' + b over the last axis: `[.., inputs]` -> `[.., outputs]`.
    Linear {
        /// `[outputs, inputs]`.
        weight: String,
        /// `[outputs]`.
        bias: Option<String>,
        /// Values that it reads.
        inputs: i64,
        /// Values that it gives.
        outputs: i64,
    },
    /// A function of each value.
    Activation(Activation),
    /// The largest value under a window; the border never wins.
    MaxPool(Window),
    /// The mean under a window; the border counts as zeros.
    AveragePool(Window),
    /// The mean over as many windows as give this side: `[C, H, W]` -> `[C, side, side]` (`torch.nn.AdaptiveAvgPool2d`).
    AdaptiveAveragePool {
        /// Side of the output.
        side: i64,
    },
    /// The mean over some axes, which go.
    Mean {
        /// In rising order.
        axes: Vec<usize>,
    },
    /// The sum of two values; the shorter shape is that of the last axes, and an extent of 1 counts for all.
    Add,
    /// The product of two values, shapes as in [`Op::Add`].
    Multiply,
    /// x times a number.
    Scale(f64),
    /// Values one after another along an axis.
    Concatenate {
        /// The axis.
        axis: usize,
    },
    /// Part of an axis: `from..to`.
    Slice {
        /// The axis.
        axis: usize,
        /// The first place.
        from: i64,
        /// The place after the last.
        to: i64,
    },
    /// The same values in another shape, which -1 may leave one extent of open.
    Reshape(Vec<i64>),
    /// Axes in another order: the new first one is the old `order[0]`.
    Transpose(Vec<usize>),
    /// Product of matrices over the last two axes: `[.., m, k]` and `[.., k, n]` -> `[.., m, n]`.
    MatrixProduct,
    /// exp(x) over its sum along the last axis.
    Softmax,
    /// (x - mean) / sqrt(variance + eps) * weight + bias over the last axis (Ba, Kiros and Hinton 2016).
    LayerNorm {
        /// As long as the last axis.
        weight: String,
        /// As long as the last axis.
        bias: String,
        /// Added to the variance.
        eps: f64,
    },
    /// (x - mean) / deviation, value by value.
    Standardise {
        /// Of the shape of x.
        mean: String,
        /// Of the shape of x, above 0.
        deviation: String,
    },
    /// Rows of a tensor of the weights, the same for every image: `[rows, ..]` -> `[places, ..]`. It reads nothing.
    Rows {
        /// The tensor.
        table: String,
        /// Which row comes at each place.
        places: Vec<i64>,
    },
    /// Rows of a value along its first axis: `[rows, ..]` -> `[places, ..]`.
    Take {
        /// Which row comes at each place.
        places: Vec<i64>,
    },
    /// Vectors along the last axis divided by their length, or by 1e-12 where they are shorter.
    UnitLength,
    /// Numbers that belong to the network and not to its weights, such as a mask. It reads nothing.
    Constant(Vec<f32>),
}

/// A convolution, and the normalisation that belongs to it.
#[derive(Clone, Debug, PartialEq)]
pub struct Convolution {
    /// `[out, in / groups, height, width]`.
    pub weight: String,
    /// `[out]`.
    pub bias: Option<String>,
    /// Batch-norm after it.
    pub norm: Option<Norm>,
    /// Channels of the output.
    pub output: i64,
    /// Groups of channels that do not see each other.
    pub groups: i64,
    /// Where it is applied.
    pub window: Window,
}

/// Batch normalisation by running statistics; variables below one name, as `torch.nn.BatchNorm2d` has them.
#[derive(Clone, Debug, PartialEq)]
pub struct Norm {
    /// The name above `weight`, `bias`, `running_mean`, `running_var`.
    pub name: String,
    /// Added to the variance.
    pub eps: f64,
}

/// A window that goes over positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Height and width.
    pub kernel: [i64; 2],
    /// Positions from one window to the next.
    pub stride: i64,
    /// Positions added before height and width.
    pub before: [i64; 2],
    /// Positions added after height and width.
    pub after: [i64; 2],
}

impl Window {
    /// A square window with the same border on all sides.
    #[must_use]
    pub fn square(kernel: i64, stride: i64, padding: i64) -> Self {
        Self { kernel: [kernel; 2], stride, before: [padding; 2], after: [padding; 2] }
    }

    /// Number of windows along height (0) or width (1) of this extent.
    #[must_use]
    pub fn places(&self, axis: usize, extent: i64) -> i64 {
        let room = extent + self.before[axis] + self.after[axis] - self.kernel[axis];
        room.div_euclid(self.stride) + 1
    }
}

/// A function of each value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// max(0, x).
    Relu,
    /// min(max(0, x), 6).
    Relu6,
    /// x sigmoid(x).
    Silu,
    /// Hyperbolic tangent.
    Tanh,
    /// 1 / (1 + exp(-x)).
    Sigmoid,
    /// x times the share of a standard normal distribution below x (Hendrycks and Gimpel 2016), not its approximation.
    Gelu,
    /// x min(max(0, x + 3), 6) / 6.
    HardSwish,
    /// min(max(0, x + 3), 6) / 6.
    HardSigmoid,
    /// exp(x).
    Exp,
}

impl Activation {
    /// Name as it is written in the field.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Relu => "ReLU",
            Self::Relu6 => "ReLU6",
            Self::Silu => "SiLU",
            Self::Tanh => "tanh",
            Self::Sigmoid => "sigmoid",
            Self::Gelu => "GELU",
            Self::HardSwish => "hard swish",
            Self::HardSigmoid => "hard sigmoid",
            Self::Exp => "exp",
        }
    }
}
