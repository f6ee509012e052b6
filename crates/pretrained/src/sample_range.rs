use std::fmt;

use serde::{Deserialize, Serialize};

/// Largest value of the data in images of 16 bits, 1 to 65,535: 4,095 where a camera of 12 bits wrote them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "u16")]
pub struct SampleRange(u16);

/// A largest value that 16 bits cannot have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the range of 16-bit data is its largest value, from 1 to 65535 (4095 for 12 bits), and not {0}")]
pub struct NoSampleRange(i64);

impl SampleRange {
    /// The largest value.
    #[must_use]
    pub fn largest(self) -> u16 {
        self.0
    }
}

#[cfg(feature = "schema")]
impl schemars::JsonSchema for SampleRange {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SampleRange".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "integer", "minimum": 1, "maximum": 65535 })
    }
}

impl TryFrom<i64> for SampleRange {
    type Error = NoSampleRange;

    fn try_from(largest: i64) -> Result<Self, NoSampleRange> {
        u16::try_from(largest).ok().filter(|&largest| largest > 0).map(Self).ok_or(NoSampleRange(largest))
    }
}

impl From<SampleRange> for u16 {
    fn from(range: SampleRange) -> u16 {
        range.0
    }
}

impl fmt::Display for SampleRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_sixteen_bits() {
        for wrong in [0, -1, 65_536] {
            assert!(SampleRange::try_from(wrong).unwrap_err().to_string().contains("1 to 65535"));
        }
    }
}
