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

    /// A value of 16 bits as one of 8: `value * 255 / range`, rounded to the nearest, and 255 beyond the range.
    #[must_use]
    pub fn to_byte(self, value: u16) -> u8 {
        let (value, range) = (u32::from(value.min(self.0)), u32::from(self.0));
        // At most 255, because the value is at most the range.
        ((value * 255 + range / 2) / range) as u8
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

    fn range(largest: i64) -> SampleRange {
        SampleRange::try_from(largest).unwrap()
    }

    #[test]
    fn values_are_spread_over_a_byte_and_clipped() {
        // round(value * 255 / range)
        for (largest, value, byte) in [
            (4095, 0, 0),
            (4095, 2048, 128),
            (4095, 4095, 255),
            (4095, 65535, 255),
            (1023, 511, 127),
            (16383, 8192, 128),
            (65535, 65535, 255),
            (65535, 128, 0),
            (65535, 129, 1),
            (1, 1, 255),
        ] {
            assert_eq!(range(largest).to_byte(value), byte, "{value} of {largest}");
        }
        // Eight bits stay what they are.
        assert!((0..=255).all(|value| range(255).to_byte(value) == value as u8));
    }

    #[test]
    fn a_range_has_sixteen_bits() {
        for wrong in [0, -1, 65_536] {
            assert!(SampleRange::try_from(wrong).unwrap_err().to_string().contains("1 to 65535"));
        }
    }
}
