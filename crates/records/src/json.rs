//! How values that JSON cannot hold are written and read all the same.

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Deserializer, Serializer};

/// Reads a number that was written as `null` when it was not finite.
pub(crate) fn number_or_null<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or(f64::NAN))
}

/// [`number_or_null`] for every value of a list.
pub(crate) fn list_of_numbers_or_nulls<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
    let read: Vec<Option<f64>> = Vec::deserialize(from)?;
    Ok(read.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect())
}

/// Value of a number that an older record does not have.
pub(crate) fn unknown() -> f64 {
    f64::NAN
}

/// [`number_or_null`] for every value of a map.
pub(crate) fn numbers_or_nulls<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<BTreeMap<String, f64>, D::Error> {
    let read: BTreeMap<String, Option<f64>> = BTreeMap::deserialize(from)?;
    Ok(read.into_iter().map(|(name, value)| (name, value.unwrap_or(f64::NAN))).collect())
}

/// Writes a path; one odd file name in a data set is no reason to lose the summary of a run.
pub(crate) fn path<S: Serializer>(path: &Path, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&path.to_string_lossy())
}
