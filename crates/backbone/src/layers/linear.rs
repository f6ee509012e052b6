use tch::Tensor;

use super::init::LinearInit;
use crate::stage::{Mode, Module};
use crate::trace::Trace;
use crate::variables::Path;

/// A fully connected layer with bias.
#[derive(Debug)]
pub struct Linear {
    weight: Tensor,
    bias: Tensor,
}

impl Linear {
    /// `inputs` to `outputs` features, the variables below `path`.
    #[must_use]
    pub fn new(path: &Path, inputs: i64, outputs: i64, init: LinearInit) -> Self {
        let [weight, bias] =
            path.values([&[outputs, inputs], &[outputs]], || init.draw(inputs, outputs).into());
        Self { weight: path.parameter("weight", weight), bias: path.parameter("bias", bias) }
    }
}

impl Module for Linear {
    /// `[N, inputs]` -> `[N, outputs]`.
    fn forward(&self, x: &Tensor, _: Mode) -> Tensor {
        x.linear(&self.weight, Some(&self.bias))
    }

    fn trace(&self, x: Trace) -> Trace {
        let size = self.weight.size(); // [outputs, inputs]
        let shape = vec![x.shape[0], size[0]];
        x.layer(shape, size[1])
    }
}
