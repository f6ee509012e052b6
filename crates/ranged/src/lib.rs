//! Numbers with a range: refused where they are read, so that nobody who holds one has to check it.
//!
//! A type states its range once, as [`Limits`]. From these come the check, the sentence of the error and the bounds in the
//! JSON Schema. [`ranged!`] makes further types where a crate needs one of its own.

use schemars::Schema;

/// Range of a number. An infinite limit is none; a number is finite in any case.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Exclusive lower bound.
    pub above: f64,
    /// Inclusive lower bound.
    pub at_least: f64,
    /// Exclusive upper bound.
    pub below: f64,
    /// Inclusive upper bound.
    pub at_most: f64,
}

/// A number outside its range.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("must {must}, and this is {value}")]
pub struct OutOfRange {
    /// What is asked of the number, `"be above 0"`.
    pub must: &'static str,
    /// The number.
    pub value: f64,
}

impl Limits {
    /// Every finite number.
    pub const FINITE: Self = Self {
        above: f64::NEG_INFINITY,
        at_least: f64::NEG_INFINITY,
        below: f64::INFINITY,
        at_most: f64::INFINITY,
    };
    /// Numbers above 0.
    pub const POSITIVE: Self = Self { above: 0.0, ..Self::FINITE };
    /// Numbers from 0 on.
    pub const NOT_NEGATIVE: Self = Self { at_least: 0.0, ..Self::FINITE };

    /// Numbers from the lower to the upper bound, both included.
    #[must_use]
    pub const fn between(at_least: f64, at_most: f64) -> Self {
        Self { at_least, at_most, ..Self::FINITE }
    }

    /// Whether a number lies within the range; NaN never does.
    #[must_use]
    pub const fn contain(self, value: f64) -> bool {
        value > self.above && value >= self.at_least && value < self.below && value <= self.at_most
    }

    /// Adds the limits to a JSON Schema.
    #[must_use]
    pub fn describe(self, mut schema: Schema) -> Schema {
        let limits = [
            ("exclusiveMinimum", self.above),
            ("minimum", self.at_least),
            ("exclusiveMaximum", self.below),
            ("maximum", self.at_most),
        ];
        for (keyword, limit) in limits.into_iter().filter(|(_, limit)| limit.is_finite()) {
            schema.insert(keyword.to_owned(), limit.into());
        }
        schema
    }
}

/// Defines a number with a range.
///
/// ```
/// ranged::ranged! {
///     /// Angle in degrees.
///     Angle(f64, "number"): ranged::Limits::between(0.0, 180.0), "lie between 0 and 180";
/// }
/// assert_eq!(Angle::try_from(181.0).unwrap_err().to_string(), "must lie between 0 and 180, and this is 181");
/// ```
#[macro_export]
macro_rules! ranged {
    ($($(#[$doc:meta])* $name:ident($number:ty, $kind:literal): $limits:expr, $must:literal;)+) => { $(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
        pub struct $name($number);

        impl $name {
            /// Range of the number.
            pub const LIMITS: $crate::Limits = $limits;

            /// Makes a constant of a number that is known to lie within the range.
            ///
            /// # Panics
            /// When it does not; in a `const` this is an error of the compiler. For numbers that are read, use `try_from`.
            #[must_use]
            pub const fn of(value: $number) -> Self {
                assert!(Self::LIMITS.contain(value as f64), $must);
                Self(value)
            }

            /// Returns the number.
            #[must_use]
            pub const fn get(self) -> $number {
                self.0
            }
        }

        impl ::std::convert::TryFrom<$number> for $name {
            type Error = $crate::OutOfRange;

            fn try_from(value: $number) -> ::std::result::Result<Self, $crate::OutOfRange> {
                if Self::LIMITS.contain(value as f64) {
                    Ok(Self(value))
                } else {
                    Err($crate::OutOfRange { must: $must, value: value as f64 })
                }
            }
        }

        impl ::std::convert::From<$name> for $number {
            fn from(number: $name) -> $number {
                number.0
            }
        }

        impl ::std::fmt::Display for $name {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(&self.0, f)
            }
        }

        impl $crate::private::Serialize for $name {
            fn serialize<S: $crate::private::Serializer>(&self, to: S) -> ::std::result::Result<S::Ok, S::Error> {
                $crate::private::Serialize::serialize(&self.0, to)
            }
        }

        impl<'de> $crate::private::Deserialize<'de> for $name {
            fn deserialize<D: $crate::private::Deserializer<'de>>(from: D) -> ::std::result::Result<Self, D::Error> {
                let value = <$number as $crate::private::Deserialize>::deserialize(from)?;
                <Self as ::std::convert::TryFrom<$number>>::try_from(value).map_err($crate::private::Error::custom)
            }
        }

        impl $crate::private::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> ::std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut $crate::private::SchemaGenerator) -> $crate::private::Schema {
                Self::LIMITS.describe($crate::private::json_schema!({ "type": $kind }))
            }
        }
    )+ };
}

/// What [`ranged!`] expands to.
#[doc(hidden)]
pub mod private {
    pub use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
    pub use serde::de::Error;
    pub use serde::{Deserialize, Deserializer, Serialize, Serializer};
}

ranged! {
    /// A number above 0.
    Positive(f64, "number"): Limits::POSITIVE, "be above 0";
    /// A number of at least 0.
    NotNegative(f64, "number"): Limits::NOT_NEGATIVE, "be at least 0";
    /// Part of a whole, 0 to 1.
    Share(f64, "number"): Limits::between(0.0, 1.0), "lie between 0 and 1";
    /// Chance of something random, 0 to 1.
    Probability(f64, "number"): Limits::between(0.0, 1.0), "lie between 0 and 1";
    /// Part of a whole that is never all of it: at least 0 and below 1.
    Fraction(f64, "number"): Limits { at_least: 0.0, below: 1.0, ..Limits::FINITE }, "be at least 0 and below 1";
    /// Part of a whole that is neither nothing nor all of it: above 0 and below 1.
    ProperFraction(f64, "number"): Limits { above: 0.0, below: 1.0, ..Limits::FINITE },
        "lie between 0 and 1, both excluded";
}

impl NotNegative {
    /// Nothing.
    pub const ZERO: Self = Self::of(0.0);
}

impl Default for NotNegative {
    fn default() -> Self {
        Self::ZERO
    }
}

impl Default for Probability {
    /// Never.
    fn default() -> Self {
        Self::of(0.0)
    }
}

impl Default for Fraction {
    /// Nothing.
    fn default() -> Self {
        Self::of(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_belong_to_a_range_where_it_says_so() {
        for (fits, value) in [(false, -0.1), (true, 0.0), (true, 0.5), (true, 1.0), (false, 1.1)] {
            assert_eq!(Share::try_from(value).is_ok(), fits, "{value}");
            assert_eq!(Fraction::try_from(value).is_ok(), fits && value < 1.0, "{value}");
            assert_eq!(ProperFraction::try_from(value).is_ok(), value == 0.5, "{value}");
            assert_eq!(Positive::try_from(value).is_ok(), value > 0.0, "{value}");
            assert_eq!(NotNegative::try_from(value).is_ok(), value >= 0.0, "{value}");
        }
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert!(NotNegative::try_from(value).is_err() && Positive::try_from(value).is_err());
        }
    }

    #[test]
    fn numbers_are_read_written_and_described_alike() {
        assert_eq!(serde_json::from_str::<Positive>("3").unwrap().get(), 3.0);
        assert_eq!(serde_json::to_string(&Positive::of(0.001)).unwrap(), "0.001");
        let message = serde_json::from_str::<Positive>("-1").unwrap_err().to_string();
        assert!(message.contains("must be above 0, and this is -1"), "{message}");
        let schema = serde_json::to_value(schemars::schema_for!(Fraction)).unwrap();
        assert_eq!(schema["type"], "number");
        assert_eq!((schema["minimum"].as_f64(), schema["exclusiveMaximum"].as_f64()), (Some(0.0), Some(1.0)));
        assert!(schema.get("maximum").is_none());
    }
}
