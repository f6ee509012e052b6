//! L2 regularization as weight decay (Krogh and Hertz, "A Simple Weight Decay Can Improve Generalization", 1991).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tch::Tensor;

/// Which parameters are pulled towards zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Decay {
    /// All of them, as PyTorch's optimizers do when nothing else is said.
    All,
    /// Only matrices and filters: biases and the scales of a normalisation have one dimension each and few values, and
    /// pulling them to zero costs accuracy without limiting capacity (Goyal et al. 2017; He et al. 2019, "Bag of
    /// Tricks").
    #[default]
    Weights,
}

impl Decay {
    /// Whether this parameter is pulled.
    #[must_use]
    pub fn covers(self, parameter: &Tensor) -> bool {
        self == Self::All || parameter.dim() > 1
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn one_dimensional_parameters_are_exempt_by_default() {
        let filter = Tensor::zeros([4, 3, 3, 3], (Kind::Float, Device::Cpu));
        let bias = Tensor::zeros([4], (Kind::Float, Device::Cpu));
        assert!(Decay::Weights.covers(&filter) && !Decay::Weights.covers(&bias));
        assert!(Decay::All.covers(&bias));
    }
}
