use tch::Tensor;

use super::init::LinearInit;
use crate::stage::{Mode, Module};
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
        let (weight, bias) = init.draw(inputs, outputs);
        Self { weight: path.parameter("weight", weight), bias: path.parameter("bias", bias) }
    }
}

impl Module for Linear {
    /// `[N, inputs]` -> `[N, outputs]`.
    fn forward(&self, x: &Tensor, _: Mode) -> Tensor {
        x.linear(&self.weight, Some(&self.bias))
    }
}
