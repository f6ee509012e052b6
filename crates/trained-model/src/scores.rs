//! Scores and probabilities of images, as numbers.

use backbone::Backbone;
use tch::{Device, Kind, TchError, Tensor};

/// Scores of `N` images, row by row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scores {
    /// Before the softmax, `[N, classes]`.
    pub logits: Vec<f32>,
    /// Softmax of the logits at a temperature, `[N, classes]`.
    pub probabilities: Vec<f64>,
}

impl Scores {
    /// Reads logits `[N, classes]`; the probabilities are those at this temperature.
    ///
    /// # Errors
    /// When a libtorch call fails.
    pub fn of(logits: &Tensor, temperature: f64) -> Result<Self, TchError> {
        let logits = logits.f_to_kind(Kind::Float)?.f_to_device(Device::Cpu)?;
        let scaled = logits.f_to_kind(Kind::Double)?.f_div_scalar(temperature)?;
        let probabilities = scaled.f_softmax(-1, Kind::Double)?; // [N, classes]
        Ok(Self {
            logits: Vec::try_from(logits.f_flatten(0, -1)?)?,
            probabilities: Vec::try_from(probabilities.f_flatten(0, -1)?)?,
        })
    }

    /// Adds the probabilities of another view of the same images, whose logits take the place of these.
    pub(crate) fn and(self, other: Self) -> Self {
        if self.probabilities.is_empty() {
            return other;
        }
        let sums = self.probabilities.iter().zip(&other.probabilities).map(|(sum, more)| sum + more);
        Self { logits: other.logits, probabilities: sums.collect() }
    }

    /// Returns the mean of probabilities that are sums over views. Of several views the logits are its logarithms.
    pub(crate) fn mean_of(self, views: usize) -> Self {
        if views <= 1 {
            return self;
        }
        let probabilities: Vec<f64> = self.probabilities.iter().map(|sum| sum / views as f64).collect();
        let is_finite = self.logits.iter().all(|logit| logit.is_finite());
        // What is not finite stays so, to be refused.
        let least = f64::from(f32::MIN_POSITIVE);
        let logarithms = probabilities.iter().map(|share| share.max(least).ln() as f32);
        Self { logits: if is_finite { logarithms.collect() } else { self.logits }, probabilities }
    }
}

/// Returns what the head reads of what passes into it, `[N, ..]`, as rows of float32.
///
/// # Errors
/// When a libtorch call fails.
pub fn features(backbone: &Backbone, output: &Tensor) -> Result<Vec<f32>, TchError> {
    let rows = backbone.head().input(output).f_to_kind(Kind::Float)?.f_to_device(Device::Cpu)?;
    Vec::try_from(rows.f_flatten(0, -1)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_count_alike_in_probability_and_not_in_logits() {
        let of = |logits: [f32; 2]| Scores::of(&Tensor::from_slice(&logits).view([1, 2]), 1.0).unwrap();
        let (sure, unsure) = (of([8.0, 0.0]), of([0.0, 1.0]));
        let expected = (sure.probabilities[0] + unsure.probabilities[0]) / 2.0;
        let one = Scores::default().and(sure.clone()).mean_of(1);
        assert_eq!(one, sure);
        let mean = Scores::default().and(sure).and(unsure).mean_of(2);
        assert!((mean.probabilities[0] - expected).abs() < 1e-12 && (expected - 0.634).abs() < 1e-3);
        assert!((f64::from(mean.logits[0]).exp() - expected).abs() < 1e-6);
        let broken = of([f32::NAN, 0.0]);
        assert!(broken.clone().and(broken).mean_of(2).logits[0].is_nan());
    }

    #[test]
    fn a_temperature_divides_logits() {
        let logits = Tensor::from_slice(&[2.0f32, 0.0]).view([1, 2]);
        let halved = Scores::of(&(&logits / 2.0), 1.0).unwrap().probabilities;
        assert_eq!(Scores::of(&logits, 2.0).unwrap().probabilities, halved);
    }
}
