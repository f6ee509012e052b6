use serde::{Deserialize, Serialize};

/// A probability, 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd, Serialize, Deserialize)]
#[serde(try_from = "f64", into = "f64")]
pub struct Probability(f64);

/// A number that is not a probability.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("a probability must lie between 0 and 1, and this is {0}")]
pub struct NoProbability(f64);

impl Probability {
    /// The number.
    #[must_use]
    pub const fn get(self) -> f64 {
        self.0
    }

    /// As likely as not.
    pub const HALF: Self = Self(0.5);
}

impl TryFrom<f64> for Probability {
    type Error = NoProbability;

    fn try_from(value: f64) -> Result<Self, NoProbability> {
        if (0.0..=1.0).contains(&value) { Ok(Self(value)) } else { Err(NoProbability(value)) }
    }
}

impl From<Probability> for f64 {
    fn from(probability: Probability) -> f64 {
        probability.0
    }
}
