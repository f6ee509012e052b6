use ranged::Limits;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

/// Two numbers that are not an interval of their kind.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("must be [smallest, largest], {range}, and this is [{smallest}, {largest}]")]
pub struct NoInterval {
    range: &'static str,
    smallest: f64,
    largest: f64,
}

/// Defines an interval within limits, read and written as `[smallest, largest]`.
macro_rules! interval {
    ($($(#[$doc:meta])* $name:ident: $limits:expr, $range:literal;)+) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(try_from = "[f64; 2]", into = "[f64; 2]")]
        pub struct $name {
            smallest: f64,
            largest: f64,
        }

        impl $name {
            const LIMITS: Limits = $limits;

            /// Makes a constant of two numbers that are known to fit.
            ///
            /// # Panics
            /// When they do not; in a `const` this is an error of the compiler. For numbers that are read, use `try_from`.
            #[must_use]
            pub const fn of(smallest: f64, largest: f64) -> Self {
                assert!(Self::fits(smallest, largest), $range);
                Self { smallest, largest }
            }

            const fn fits(smallest: f64, largest: f64) -> bool {
                Self::LIMITS.contain(smallest) && Self::LIMITS.contain(largest) && smallest <= largest
            }

            /// Returns the smallest number.
            #[must_use]
            pub const fn smallest(self) -> f64 {
                self.smallest
            }

            /// Returns the largest number.
            #[must_use]
            pub const fn largest(self) -> f64 {
                self.largest
            }
        }

        impl TryFrom<[f64; 2]> for $name {
            type Error = NoInterval;

            fn try_from([smallest, largest]: [f64; 2]) -> Result<Self, NoInterval> {
                if Self::fits(smallest, largest) {
                    Ok(Self { smallest, largest })
                } else {
                    Err(NoInterval { range: $range, smallest, largest })
                }
            }
        }

        impl From<$name> for [f64; 2] {
            fn from(interval: $name) -> [f64; 2] {
                [interval.smallest, interval.largest]
            }
        }

        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                let number = Self::LIMITS.describe(json_schema!({ "type": "number" }));
                json_schema!({ "type": "array", "items": number, "minItems": 2, "maxItems": 2 })
            }
        }
    )+ };
}

interval! {
    /// Smallest and largest share of an image's area: above 0, at most 1.
    AreaShares: Limits { above: 0.0, at_most: 1.0, ..Limits::FINITE }, "above 0 and at most 1";
    /// Smallest and largest ratio of two sides: above 0.
    SideRatios: Limits::POSITIVE, "above 0";
    /// Smallest and largest standard deviation of a blur's kernel in pixels: above 0, at most 100.
    BlurSigma: Limits { above: 0.0, at_most: 100.0, ..Limits::FINITE }, "above 0 and at most 100";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_rise_within_their_limits() {
        assert_eq!(AreaShares::try_from([0.1, 0.1]), Ok(AreaShares::of(0.1, 0.1)));
        for wrong in [[0.0, 1.0], [0.5, 0.1], [0.5, 1.1], [f64::NAN, 1.0], [0.1, f64::NAN]] {
            assert!(AreaShares::try_from(wrong).is_err(), "{wrong:?}");
        }
        for wrong in [[0.0, 1.0], [2.0, 1.0], [0.5, f64::INFINITY]] {
            assert!(SideRatios::try_from(wrong).is_err(), "{wrong:?}");
        }
        assert!(BlurSigma::try_from([0.1, 100.0]).is_ok());
        let message = BlurSigma::try_from([0.1, 101.0]).unwrap_err().to_string();
        assert_eq!(message, "must be [smallest, largest], above 0 and at most 100, and this is [0.1, 101]");
    }
}
