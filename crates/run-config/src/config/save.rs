use std::fmt;

use ranged::NotNegative;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// `run.save_seconds`
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SaveInterval {
    /// No states are saved.
    Off,
    /// Seconds from one state to the next; 0 for one after every step.
    Seconds(NotNegative),
}

impl Default for SaveInterval {
    fn default() -> Self {
        Self::Seconds(NotNegative::of(60.0))
    }
}

const OFF: &str = "off";

impl Serialize for SaveInterval {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Off => to.serialize_str(OFF),
            Self::Seconds(seconds) => seconds.serialize(to),
        }
    }
}

impl<'de> Deserialize<'de> for SaveInterval {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct NumberOrOff;

        impl Visitor<'_> for NumberOrOff {
            type Value = SaveInterval;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of seconds or \"off\"")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<SaveInterval, E> {
                match text {
                    OFF => Ok(SaveInterval::Off),
                    other => Err(E::invalid_value(de::Unexpected::Str(other), &self)),
                }
            }

            fn visit_f64<E: de::Error>(self, seconds: f64) -> Result<SaveInterval, E> {
                NotNegative::try_from(seconds).map(SaveInterval::Seconds).map_err(E::custom)
            }

            fn visit_i64<E: de::Error>(self, seconds: i64) -> Result<SaveInterval, E> {
                self.visit_f64(seconds as f64)
            }

            fn visit_u64<E: de::Error>(self, seconds: u64) -> Result<SaveInterval, E> {
                self.visit_f64(seconds as f64)
            }
        }
        from.deserialize_any(NumberOrOff)
    }
}

impl JsonSchema for SaveInterval {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "SaveInterval".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let seconds = NotNegative::json_schema(generator);
        json_schema!({ "anyOf": [{ "type": "string", "enum": [OFF] }, seconds] })
    }
}
