//! Arrays and scalars of numpy in a pickle.

use super::view::{Found, From, View};
use crate::Dtype;
use crate::pickle::{Id, Object, Pickle, Value};

/// An array's element type, shape, and where its values are; None where the object is no array.
pub(super) fn array(pickle: &Pickle, object: &Object) -> Option<Found> {
    let name = pickle.dotted(object.callable)?;
    if !matches!(name.as_str(), "numpy.core.multiarray._reconstruct" | "numpy._core.multiarray._reconstruct")
    {
        return None;
    }
    let parts = pickle.items(object.state?)?;
    let [.., shape, dtype, fortran, bytes] = parts else { return None };
    let shape = pickle.sizes(*shape)?;
    let Some((dtype, swapped)) = element_type(pickle, *dtype) else {
        return Some(Err("its elements are no plain numbers".to_owned()));
    };
    let fortran = matches!(pickle.get(*fortran), Value::Bool(true) | Value::Int(1));
    let stride = strides(&shape, fortran)?;
    let from = From::Inline(*bytes);
    Some(Ok((dtype, shape, View { from, offset: 0, stride, swapped, negated: false })))
}

/// Strides of an array without gaps; None where its elements cannot be counted.
pub(super) fn strides(shape: &[usize], first_fastest: bool) -> Option<Vec<usize>> {
    let mut stride = vec![0; shape.len()];
    let mut step = 1_usize;
    let mut set = |place: usize| {
        stride[place] = step;
        step = step.checked_mul(shape[place].max(1))?;
        Some(())
    };
    if first_fastest {
        (0..shape.len()).try_for_each(&mut set)?;
    } else {
        (0..shape.len()).rev().try_for_each(&mut set)?;
    }
    Some(stride)
}

/// A scalar as text: `numpy.core.multiarray.scalar(dtype, bytes)`.
pub(super) fn scalar(pickle: &Pickle, object: &Object) -> Option<String> {
    let name = pickle.dotted(object.callable)?;
    if !matches!(name.as_str(), "numpy.core.multiarray.scalar" | "numpy._core.multiarray.scalar") {
        return None;
    }
    let [dtype, value] = pickle.arguments(object) else { return None };
    let (dtype, swapped) = element_type(pickle, *dtype)?;
    let mut data = bytes(pickle, *value)?;
    if swapped {
        data.reverse();
    }
    let array = crate::Array::new(Vec::new(), dtype, data).ok()?;
    match dtype {
        Dtype::F64 => Some(f64::from_le_bytes(array.data.try_into().ok()?).to_string()),
        _ => match array.to_f32() {
            Ok(values) => values.first().map(ToString::to_string),
            Err(_) => array.to_i64().ok()?.first().map(ToString::to_string),
        },
    }
}

/// An array of strings: of a fixed width, or of Python's objects.
pub(super) fn texts(pickle: &Pickle, id: Id) -> Option<Vec<String>> {
    let Value::Object(object) = pickle.get(id) else { return None };
    let name = pickle.dotted(object.callable)?;
    if !matches!(name.as_str(), "numpy.core.multiarray._reconstruct" | "numpy._core.multiarray._reconstruct")
    {
        return None;
    }
    let [.., shape, dtype, _, values] = pickle.items(object.state?)? else { return None };
    let [count] = pickle.sizes(*shape)?[..] else { return None };
    let names: Vec<String> = match pickle.get(*values) {
        Value::List(items) => {
            items.iter().map(|&item| pickle.text(item).map(str::to_owned)).collect::<Option<_>>()?
        }
        _ => fixed_width(pickle, *dtype, &bytes(pickle, *values)?)?,
    };
    (names.len() == count && count > 0).then_some(names)
}

/// A string as numpy has it: `numpy.core.multiarray.scalar(dtype("U3"), bytes)`.
pub(super) fn text_scalar(pickle: &Pickle, id: Id) -> Option<String> {
    let Value::Object(object) = pickle.get(id) else { return None };
    let name = pickle.dotted(object.callable)?;
    if !matches!(name.as_str(), "numpy.core.multiarray.scalar" | "numpy._core.multiarray.scalar") {
        return None;
    }
    let [dtype, value] = pickle.arguments(object) else { return None };
    match fixed_width(pickle, *dtype, &bytes(pickle, *value)?)?.as_slice() {
        [text] => Some(text.clone()),
        _ => None,
    }
}

/// Strings of a fixed number of characters of four bytes each (`U5`) or one (`S5`), filled up with zeros.
fn fixed_width(pickle: &Pickle, dtype: Id, data: &[u8]) -> Option<Vec<String>> {
    let Value::Object(object) = pickle.get(dtype) else { return None };
    if pickle.dotted(object.callable)? != "numpy.dtype" {
        return None;
    }
    let kind = pickle.text(*pickle.arguments(object).first()?)?;
    let order = object.state.and_then(|state| pickle.items(state)?.get(1).copied());
    let big = order.and_then(|order| pickle.text(order)) == Some(">");
    let width = |digits: &str| digits.parse::<usize>().ok().filter(|&width| width > 0);
    if let Some(width) = kind.strip_prefix('S').and_then(width) {
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
        return data.chunks(width).map(|part| Some(text(part)?.trim_end_matches('\0').to_owned())).collect();
    }
    let width = kind.strip_prefix('U').and_then(width)?.checked_mul(4)?;
    let letter = |bytes: &[u8; 4]| {
        let number = if big { u32::from_be_bytes(*bytes) } else { u32::from_le_bytes(*bytes) };
        char::from_u32(number)
    };
    let text = |part: &[u8]| part.as_chunks::<4>().0.iter().map(letter).collect::<Option<String>>();
    data.chunks(width).map(|part| Some(text(part)?.trim_end_matches('\0').to_owned())).collect()
}

/// Bytes, also as protocol 2 writes them: `_codecs.encode("...", "latin1")`, or a string of Python 2.
pub(super) fn bytes(pickle: &Pickle, id: Id) -> Option<Vec<u8>> {
    let of_text = |text: &str| text.chars().map(|letter| u8::try_from(u32::from(letter)).ok()).collect();
    match pickle.get(id) {
        Value::Bytes(bytes) => Some(bytes.to_vec()),
        Value::Text(text) => of_text(text),
        Value::Object(object) => {
            let arguments = pickle.arguments(object);
            match (pickle.dotted(object.callable)?.as_str(), arguments) {
                ("_codecs.encode", [text, ..]) => of_text(pickle.text(*text)?),
                ("builtins.bytes" | "__builtin__.bytes", []) => Some(Vec::new()),
                ("builtins.bytearray" | "__builtin__.bytearray", [inner, ..]) => match pickle.get(*inner) {
                    Value::Object(_) => None,
                    _ => bytes(pickle, *inner),
                },
                _ => None,
            }
        }
        _ => None,
    }
}

/// Element type and whether its bytes are big endian: `numpy.dtype("f4", ...)` with a state that holds the order.
fn element_type(pickle: &Pickle, id: Id) -> Option<(Dtype, bool)> {
    let Value::Object(object) = pickle.get(id) else { return None };
    if pickle.dotted(object.callable)? != "numpy.dtype" {
        return None;
    }
    let dtype = match pickle.text(*pickle.arguments(object).first()?)? {
        "f2" => Dtype::F16,
        "f4" => Dtype::F32,
        "f8" => Dtype::F64,
        "i1" => Dtype::I8,
        "i2" => Dtype::I16,
        "i4" => Dtype::I32,
        "i8" => Dtype::I64,
        "u1" => Dtype::U8,
        "u2" => Dtype::U16,
        "u4" => Dtype::U32,
        "u8" => Dtype::U64,
        "b1" => Dtype::Bool,
        _ => return None,
    };
    let order = object.state.and_then(|state| pickle.items(state)?.get(1).copied());
    Some((dtype, order.and_then(|order| pickle.text(order)) == Some(">")))
}
