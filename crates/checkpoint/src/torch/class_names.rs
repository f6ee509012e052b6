//! Names of classes among the objects of a pickle: lists, and dictionaries from names to numbers or from numbers to names, whose
//! strings and numbers may be Python's, numpy's or PyTorch's.

use super::container::Container;
use super::tensors::Tensors;
use super::view::{From, InPlace};
use super::{nested_storage, numpy};
use crate::Array;
use crate::content::Leaf;
use crate::pickle::{Id, Pickle, Value};

/// Names as a file gives them.
pub(super) enum Named {
    /// In their order.
    Listed(Vec<String>),
    /// Each with its number.
    Numbered(Vec<(Number, String)>),
}

/// A class's number.
pub(super) enum Number {
    Known(i64),
    /// A tensor of one number, which is not read yet.
    Stored(InPlace),
}

/// The names that a value holds; None where it holds something else. Their numbers may be tensors.
pub(super) fn of(pickle: &Pickle, id: Id, tensors: &Tensors<'_>) -> Option<Named> {
    if let Value::List(items) | Value::Tuple(items) = pickle.get(id) {
        let names: Option<Vec<String>> = items.iter().map(|&item| text(pickle, item)).collect();
        return names.filter(|names| !names.is_empty()).map(Named::Listed);
    }
    if let Some(names) = numpy::texts(pickle, id) {
        return Some(Named::Listed(names));
    }
    let number = |id: Id| -> Option<Number> {
        match pickle.get(id) {
            Value::Int(number) => Some(Number::Known(*number)),
            Value::Object(object) => match numpy::scalar(pickle, object) {
                Some(scalar) => scalar.parse().ok().map(Number::Known),
                None => {
                    let place = tensors.of(id)?.ok()?;
                    (!place.0.is_float() && place.1.iter().product::<usize>() == 1)
                        .then_some(Number::Stored(place))
                }
            },
            _ => None,
        }
    };
    let numbered = pickle.dictionary(id)?.into_iter().map(|(key, value)| {
        match (text(pickle, key), text(pickle, value)) {
            (Some(number), Some(name)) => Some((Number::Known(number.parse().ok()?), name)),
            (Some(name), None) => Some((number(value)?, name)),
            (None, Some(name)) => Some((number(key)?, name)),
            (None, None) => None,
        }
    });
    let numbered: Vec<(Number, String)> = numbered.collect::<Option<_>>()?;
    (!numbered.is_empty()).then_some(Named::Numbered(numbered))
}

/// The numbers read from their tensors; None where one cannot be.
pub(super) fn numbered(
    container: &mut Container,
    named: Vec<(Number, String)>,
) -> Option<Vec<(i64, String)>> {
    let read = named.into_iter().map(|(number, name)| match number {
        Number::Known(number) => Some((number, name)),
        Number::Stored((dtype, shape, view)) => {
            let leaf = Leaf { levels: Vec::new(), shape, dtype };
            let bytes = match &view.from {
                From::Storage(key) => container.storage(key).ok()?,
                From::Inline(id) => numpy::bytes(&container.pickle, *id)?,
                From::Nested(id) => nested_storage(container, *id).ok()?.1,
            };
            let mut data = view.gather(&leaf, &bytes).ok()?;
            view.finish(&leaf, &mut data);
            let values = Array::new(leaf.shape, dtype, data).ok()?.to_i64().ok()?;
            Some((*values.first()?, name))
        }
    });
    read.collect()
}

fn text(pickle: &Pickle, id: Id) -> Option<String> {
    pickle.text(id).map(str::to_owned).or_else(|| numpy::text_scalar(pickle, id))
}
