use std::fmt;

use serde::{Deserialize, Serialize};

/// Where a network ends and what its head reads, where that is not the family's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndingRecord {
    /// The last stage.
    pub cut: String,
    /// The stages that the head reads, pooled, joined and standardised; empty where it reads the last one, pooled.
    pub taps: Vec<String>,
    /// Number of values that the head reads of an image.
    pub features: u64,
}

impl fmt::Display for EndingRecord {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cut, taps, features } = self;
        write!(formatter, "ends after {cut}; its head reads ")?;
        match taps.as_slice() {
            [] => write!(formatter, "the mean over positions, {features} features"),
            taps => write!(formatter, "{}, {features} features, standardised", taps.join(" + ")),
        }
    }
}
