use rand::RngExt;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::Probability;
use crate::operations::Operation;

/// Gaussian blur of a random strength: TorchVision's `GaussianBlur`, applied with a probability (Chen et al., "A Simple
/// Framework for Contrastive Learning of Visual Representations", 2020, appendix A).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, expecting = "write a table such as { probability = 0.5 }")]
pub struct Blur {
    /// The probability that an image is blurred.
    pub probability: Probability,
    /// Side of the square kernel, in pixels of the network's input.
    pub kernel: BlurKernel,
    /// Least and greatest standard deviation of the kernel, in the same pixels.
    pub sigma: BlurSigma,
}

/// Side of a blur's kernel in pixels: odd, 3 to 99.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "u32")]
pub struct BlurKernel(u32);

/// Least and greatest standard deviation of a blur's kernel in pixels: rising, above 0 and up to 100.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "[f64; 2]", into = "[f64; 2]")]
pub struct BlurSigma {
    least: f64,
    greatest: f64,
}

/// A blur that there is not.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum NoBlur {
    /// A kernel without a middle, or too large.
    #[error("a blur's kernel must be odd, from 3 to 99, and this is {0}")]
    Kernel(i64),
    /// Standard deviations that do not rise, or lie out of bounds.
    #[error("a blur's sigma is [smallest, largest], above 0 and up to 100, and this is [{0}, {1}]")]
    Sigma(f64, f64),
}

impl Default for Blur {
    /// TorchVision's sigma and SimCLR's probability; the kernel reaches two of the largest sigma.
    fn default() -> Self {
        Self {
            probability: Probability::HALF,
            kernel: BlurKernel(9),
            sigma: BlurSigma { least: 0.1, greatest: 2.0 },
        }
    }
}

impl Blur {
    /// Hands the operation for one image to `perform`, if there is one.
    pub(crate) fn draw(&self, rng: &mut ChaCha8Rng, perform: impl FnOnce(Operation)) {
        if rng.random::<f64>() < self.probability.get() {
            let sigma = rng.random_range(self.sigma.least..=self.sigma.greatest);
            perform(Operation::Blur { kernel: self.kernel.0, sigma });
        }
    }
}

impl TryFrom<i64> for BlurKernel {
    type Error = NoBlur;

    fn try_from(side: i64) -> Result<Self, NoBlur> {
        match u32::try_from(side) {
            Ok(odd @ 3..=99) if odd % 2 == 1 => Ok(Self(odd)),
            _ => Err(NoBlur::Kernel(side)),
        }
    }
}

impl From<BlurKernel> for u32 {
    fn from(kernel: BlurKernel) -> u32 {
        kernel.0
    }
}

impl TryFrom<[f64; 2]> for BlurSigma {
    type Error = NoBlur;

    fn try_from([least, greatest]: [f64; 2]) -> Result<Self, NoBlur> {
        if least > 0.0 && least <= greatest && greatest <= 100.0 {
            Ok(Self { least, greatest })
        } else {
            Err(NoBlur::Sigma(least, greatest))
        }
    }
}

impl From<BlurSigma> for [f64; 2] {
    fn from(sigma: BlurSigma) -> [f64; 2] {
        [sigma.least, sigma.greatest]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_are_odd_and_sigmas_rise() {
        for side in [3, 9, 99] {
            assert_eq!(BlurKernel::try_from(side).map(u32::from), Ok(u32::try_from(side).unwrap()));
        }
        for side in [-3, 0, 1, 4, 101] {
            assert_eq!(BlurKernel::try_from(side), Err(NoBlur::Kernel(side)));
        }
        assert!(BlurSigma::try_from([0.1, 0.1]).is_ok());
        for sigma in [[0.0, 1.0], [2.0, 1.0], [0.1, 101.0], [f64::NAN, 1.0], [0.1, f64::NAN]] {
            assert!(BlurSigma::try_from(sigma).is_err(), "{sigma:?}");
        }
    }
}
