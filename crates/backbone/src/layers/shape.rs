//! Layers without variables.

use graph::{Graph, Op, Value, Window};
use tch::Tensor;

use super::conv::Activation;
use crate::module::{Mode, Module};

/// The largest value under a window.
#[derive(Clone, Copy, Debug)]
pub struct MaxPool {
    kernel: i64,
    stride: i64,
    padding: i64,
    rounding: Rounding,
}

/// What happens to a window that reaches over the edge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rounding {
    Floor,
    Ceil,
}

impl MaxPool {
    /// A square window at steps of `stride`.
    #[must_use]
    pub fn new(kernel: i64, stride: i64) -> Self {
        Self { kernel, stride, padding: 0, rounding: Rounding::Floor }
    }

    /// With a border that never wins.
    #[must_use]
    pub fn padding(self, padding: i64) -> Self {
        Self { padding, ..self }
    }

    /// Windows that reach over the edge count too (GoogLeNet).
    #[must_use]
    pub fn ceil(self) -> Self {
        Self { rounding: Rounding::Ceil, ..self }
    }
}

impl Module for MaxPool {
    fn forward(&self, x: &Tensor, _: Mode) -> Tensor {
        let Self { kernel, stride, padding, rounding } = *self;
        x.max_pool2d([kernel; 2], [stride; 2], [padding; 2], [1, 1], rounding == Rounding::Ceil)
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        let Self { kernel, stride, padding, rounding } = *self;
        let mut window = Window::square(kernel, stride, padding);
        if rounding == Rounding::Ceil {
            for (axis, after) in window.after.iter_mut().enumerate() {
                let side = graph.shape(x)[1 + axis];
                let windows = (side + 2 * padding - kernel + stride - 1).div_euclid(stride) + 1;
                // A window that would begin in the padding beyond the end is left out.
                let beyond = (windows - 1) * stride >= side + padding;
                let windows = if beyond { windows - 1 } else { windows };
                // As much border as the last window reaches over.
                *after = ((windows - 1) * stride + kernel - side - padding).max(0);
            }
        }
        graph.push(Op::MaxPool(window), &[x])
    }
}

/// The mean under a window; padding counts as zeros.
#[derive(Clone, Copy, Debug)]
pub struct AvgPool {
    /// Side of the window.
    pub kernel: i64,
    /// Step of the window.
    pub stride: i64,
    /// Zeros around the input.
    pub padding: i64,
}

impl Module for AvgPool {
    fn forward(&self, x: &Tensor, _: Mode) -> Tensor {
        x.avg_pool2d([self.kernel; 2], [self.stride; 2], [self.padding; 2], false, true, None::<i64>)
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        graph.push(Op::AveragePool(Window::square(self.kernel, self.stride, self.padding)), &[x])
    }
}

/// The mean over as many windows as give this side: `[N, C, H, W]` -> `[N, C, side, side]`.
#[derive(Clone, Copy, Debug)]
pub struct AdaptiveAvgPool(pub i64);

impl Module for AdaptiveAvgPool {
    fn forward(&self, x: &Tensor, _: Mode) -> Tensor {
        match x.size()[..] {
            // One value to a window, as AlexNet and VGG have it for 224 pixels. A GPU would sum its gradient in any order.
            [.., height, width] if [height, width] == [self.0; 2] => x.shallow_clone(),
            _ => x.adaptive_avg_pool2d([self.0; 2]),
        }
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        graph.push(Op::AdaptiveAveragePool { side: self.0 }, &[x])
    }
}

/// Drops values with this probability in training and scales up the rest (Srivastava et al. 2014).
#[derive(Clone, Copy, Debug)]
pub struct Dropout(pub f64);

impl Module for Dropout {
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        if mode.is_training() { torch_extra::rows::dropout(x, self.0) } else { x.shallow_clone() }
    }

    fn describe(&self, _: &mut Graph, x: Value) -> Value {
        x
    }
}

/// `[N, C, H, W]` -> `[N, C * H * W]`.
#[derive(Clone, Copy, Debug)]
pub struct Flatten;

impl Module for Flatten {
    fn forward(&self, x: &Tensor, _: Mode) -> Tensor {
        x.flatten(1, -1)
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        graph.push(Op::Reshape(vec![-1]), &[x])
    }
}

impl Module for Activation {
    fn forward(&self, x: &Tensor, _: Mode) -> Tensor {
        self.apply(x.shallow_clone())
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        let activation = match self {
            Self::Identity => return x,
            Self::Relu => graph::Activation::Relu,
            Self::Relu6 => graph::Activation::Relu6,
            Self::Silu => graph::Activation::Silu,
            Self::Tanh => graph::Activation::Tanh,
            Self::HardSwish => graph::Activation::HardSwish,
            Self::Gelu => graph::Activation::Gelu,
        };
        graph.push(Op::Activation(activation), &[x])
    }
}
