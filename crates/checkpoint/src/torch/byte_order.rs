//! The order of the bytes of a number: files of big-endian machines are refused.

use crate::pickle::{Pickle, Value};

/// A system's description says `little_endian: True`, or the file is refused.
pub(super) fn check_order(system: &Pickle) -> Result<(), String> {
    let Value::Dict(entries) = system.get(system.root()) else {
        return Err("it does not say on what system it was written".to_owned());
    };
    let order = entries.iter().find(|(key, _)| system.text(*key) == Some("little_endian"));
    match order.map(|&(_, value)| system.get(value)) {
        Some(Value::Bool(true) | Value::Int(1)) => Ok(()),
        Some(Value::Bool(false) | Value::Int(0)) => Err(big_endian()),
        _ => Err("it does not say in which order its bytes are".to_owned()),
    }
}

pub(super) fn big_endian() -> String {
    "it was written on a big-endian machine; load and save it with PyTorch on a usual one".to_owned()
}
