//! The numbers of a saved state, as they are written.

use std::collections::BTreeMap;

use records::EpochRecord;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A number written by its bits in hexadecimal digits: JSON has neither infinity nor NaN.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bits(pub f64);

impl Serialize for Bits {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(&format_args!("{:016x}", self.0.to_bits()))
    }
}

impl<'de> Deserialize<'de> for Bits {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let digits = String::deserialize(from)?;
        let bits = u64::from_str_radix(&digits, 16).map_err(serde::de::Error::custom)?;
        Ok(Self(f64::from_bits(bits)))
    }
}

/// Every number of a [`TrainingState`](crate::TrainingState).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainingNumbers {
    /// Optimizer steps of the phases that are over.
    pub steps_before: u64,
    /// Every epoch that is over, of all phases.
    pub epochs: Vec<EpochRecord>,
    /// The best weights of the run.
    pub best: Option<BestNumbers>,
    /// Name of the phase at hand.
    pub phase: String,
    /// Epoch at hand, from 1.
    pub epoch: u32,
    /// The pass over its images that is under way.
    pub pass: Option<PassNumbers>,
    /// Optimizer steps of this phase.
    pub steps: u64,
    /// Steps taken with each trained parameter, by its name.
    pub optimizer: BTreeMap<String, i32>,
    /// Number of weights in the average.
    pub averaged: u32,
    /// Whether the weights that the phase began with are kept.
    pub begin: bool,
    /// What early stopping has seen.
    pub early_stopping: SeenNumbers,
    /// What the plateau has seen, and the factor that it came down to.
    pub plateau: Option<PlateauNumbers>,
    /// The loss scale.
    pub scaler: Option<ScalerNumbers>,
    /// Gradient norms that are in no record yet.
    pub gradient_flow: FlowNumbers,
    /// How the phase ended, if it did by itself.
    pub ended: Option<Ended>,
}

/// How a phase ended that was not interrupted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// All epochs were run.
    Complete,
    /// Early stopping ended it.
    StoppedEarly,
}

/// When the best weights were the model, and their figures.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BestNumbers {
    /// Name of the phase.
    pub phase: String,
    /// Epoch within it; 0 before the first.
    pub epoch: u32,
    /// Number of weights of which they are the average.
    pub averaged: u32,
    /// Loss, accuracy, balanced accuracy and macro F1 on the validation images.
    pub figures: [Bits; 4],
}

/// A pass over the training images.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PassNumbers {
    /// Optimizer steps of the phase before this epoch.
    pub steps_before: u64,
    /// Sum of the losses of the images.
    pub loss_sum: Bits,
    /// Images predicted correctly.
    pub correct: i64,
    /// Images seen.
    pub images: i64,
    /// Learning rate of the last step.
    pub learning_rate: Bits,
    /// Seconds spent waiting for the data loader.
    pub waited: f64,
    /// Seconds spent on the epoch.
    pub elapsed: f64,
}

/// The lowest figure, and epochs since.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SeenNumbers {
    /// The lowest figure.
    pub best: Bits,
    /// Epochs since.
    pub since_best: u32,
}

/// A plateau's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlateauNumbers {
    /// The lowest validation loss.
    pub best: Bits,
    /// Epochs since.
    pub since_best: u32,
    /// Factor of the learning rate.
    pub factor: Bits,
}

/// A loss scale's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScalerNumbers {
    /// What the loss is multiplied by.
    pub scale: Bits,
    /// Steps with finite gradients since it last changed.
    pub good: u32,
}

/// Gradient norms that are in no record yet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlowNumbers {
    /// Steps seen.
    pub steps: u64,
    /// Measurements, in order.
    pub pending: Vec<NormNumbers>,
}

/// The gradient norms of a step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NormNumbers {
    /// Step within the phase, from 1.
    pub step: u64,
    /// Name of each live stage, in order, with the norm.
    pub norms: Vec<(String, Bits)>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_survives_being_written() {
        for number in [0.1, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::MIN_POSITIVE, f64::NAN, 1e300] {
            let text = serde_json::to_string(&Bits(number)).unwrap();
            let read: Bits = serde_json::from_str(&text).unwrap();
            assert_eq!(read.0.to_bits(), number.to_bits(), "{text}");
        }
        assert!(serde_json::from_str::<Bits>("\"0.5\"").is_err());
    }
}
