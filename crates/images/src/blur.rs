use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use ranged::Probability;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::BlurSigma;
use crate::operations::Operation;

/// Gaussian blur of a random strength: TorchVision's `GaussianBlur`, applied with a probability (Chen et al., "A Simple
/// Framework for Contrastive Learning of Visual Representations", 2020, appendix A).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, expecting = "write a table such as { probability = 0.5 }")]
pub struct Blur {
    /// Probability that an image is blurred.
    pub probability: Probability,
    /// Side of the square kernel in pixels of the network's input: odd, 3 to 99.
    pub kernel: BlurKernel,
    /// Smallest and largest standard deviation of the kernel, in the same pixels.
    pub sigma: BlurSigma,
}

/// Side of a blur's kernel in pixels: odd, 3 to 99.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "u32")]
pub struct BlurKernel(u32);

/// A kernel without a middle, or too large.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be odd, from 3 to 99, and this is {0}")]
pub struct NoKernel(i64);

impl Default for Blur {
    /// TorchVision's sigma and SimCLR's probability; the kernel reaches two of the largest sigma.
    fn default() -> Self {
        Self { probability: Probability::of(0.5), kernel: BlurKernel(9), sigma: BlurSigma::of(0.1, 2.0) }
    }
}

impl Blur {
    /// Hands the operation for one image to `perform`, if there is one.
    pub(crate) fn draw(&self, rng: &mut ChaCha8Rng, perform: impl FnOnce(Operation)) {
        if rng.random::<f64>() < self.probability.get() {
            let sigma = rng.random_range(self.sigma.smallest()..=self.sigma.largest());
            perform(Operation::Blur { kernel: self.kernel.0, sigma });
        }
    }
}

impl TryFrom<i64> for BlurKernel {
    type Error = NoKernel;

    fn try_from(side: i64) -> Result<Self, NoKernel> {
        match u32::try_from(side) {
            Ok(odd @ 3..=99) if odd % 2 == 1 => Ok(Self(odd)),
            _ => Err(NoKernel(side)),
        }
    }
}

impl From<BlurKernel> for u32 {
    fn from(kernel: BlurKernel) -> u32 {
        kernel.0
    }
}

impl JsonSchema for BlurKernel {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "BlurKernel".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let sides: Vec<u32> = (3..=99).step_by(2).collect();
        json_schema!({ "type": "integer", "minimum": 3, "maximum": 99, "enum": sides })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_odd() {
        for side in [3, 9, 99] {
            assert_eq!(BlurKernel::try_from(side).map(u32::from), Ok(u32::try_from(side).unwrap()));
        }
        for side in [-3, 0, 1, 4, 101] {
            assert_eq!(BlurKernel::try_from(side), Err(NoKernel(side)));
        }
    }
}
