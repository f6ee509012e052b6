//! Tensors among the objects of a pickle: what PyTorch's functions that rebuild them would return.

use std::cell::RefCell;
use std::collections::HashMap;

use super::container::Container;
use super::view::{Found, From, InPlace, View, storage_of, torch_dtype, unread_kind, unread_type};
use super::{nested_storage, numpy};
use crate::Dtype;
use crate::pickle::{Id, Value};

/// The tensors of a file, by the values of its pickle.
pub(super) struct Tensors<'a> {
    container: &'a Container,
    /// Element types of storages that lie in the pickle as files of their own.
    nested: RefCell<HashMap<Id, Result<Dtype, String>>>,
}

impl<'a> Tensors<'a> {
    pub(super) fn new(container: &'a Container) -> Self {
        Self { container, nested: RefCell::default() }
    }

    /// The tensor that a value is; None where it is none.
    pub(super) fn of(&self, id: Id) -> Option<Found> {
        const DEPTH: u8 = 8;
        self.within(id, DEPTH)
    }

    fn within(&self, id: Id, depth: u8) -> Option<Found> {
        let pickle = &self.container.pickle;
        match pickle.get(id) {
            Value::Persistent(key) => {
                let tensor = self.container.tensors.get(&pickle.key(*key)?)?;
                Some(Ok((tensor.dtype, tensor.shape.clone(), tensor.view.clone())))
            }
            Value::Object(object) => {
                if let Some(array) = numpy::array(pickle, object) {
                    return Some(array);
                }
                self.rebuilt(&pickle.dotted(object.callable)?, pickle.arguments(object), depth)
            }
            _ => None,
        }
    }

    /// What PyTorch's functions that rebuild tensors would return.
    fn rebuilt(&self, function: &str, arguments: &[Id], depth: u8) -> Option<Found> {
        let depth = depth.checked_sub(1)?;
        let pickle = &self.container.pickle;
        match (function, arguments) {
            (
                "torch._utils._rebuild_tensor" | "torch._utils._rebuild_tensor_v2",
                [storage, offset, shape, stride, rest @ ..],
            ) => {
                let found = self.view(*storage, *offset, *shape, *stride, None)?;
                Some(found.and_then(|found| self.with_metadata(found, rest.get(2))))
            }
            ("torch._utils._rebuild_tensor_v3", [storage, offset, shape, stride, _, _, dtype, rest @ ..]) => {
                let name = pickle.global(*dtype).map_or("an unknown type", |(_, name)| name);
                match torch_dtype(name) {
                    Some(dtype) => {
                        let found = self.view(*storage, *offset, *shape, *stride, Some(dtype))?;
                        Some(found.and_then(|found| self.with_metadata(found, rest.first())))
                    }
                    None => Some(Err(unread_type(name))),
                }
            }
            ("torch._tensor._rebuild_from_type_v2", [function, _, arguments, ..]) => {
                self.rebuilt(&pickle.dotted(*function)?, pickle.items(*arguments)?, depth)
            }
            ("torch._utils._rebuild_device_tensor_from_numpy", [array, ..])
            | (
                "torch._utils._rebuild_parameter" | "torch._utils._rebuild_parameter_with_state",
                [array, ..],
            )
            | ("torch.nn.parameter.Parameter" | "torch.autograd.variable.Variable", [array, ..]) => {
                self.within(*array, depth)
            }
            (function, _) if function.starts_with("torch._utils._rebuild_") => {
                let kind = function.rsplit("_rebuild_").next().unwrap_or_default();
                Some(Err(unread_kind(kind)))
            }
            _ => None,
        }
    }

    /// What a tensor's metadata say of its values: `neg`, the other sign, and `conj`, which only complex ones have.
    fn with_metadata(&self, found: InPlace, metadata: Option<&Id>) -> Found {
        let (dtype, shape, mut view) = found;
        for (key, value) in metadata.and_then(|&id| self.container.pickle.dictionary(id)).unwrap_or_default()
        {
            if matches!(self.container.pickle.get(value), Value::Bool(false) | Value::None | Value::Int(0)) {
                continue;
            }
            match self.container.pickle.text(key) {
                Some("neg") if dtype.is_float() => view.negated = true,
                Some(key @ ("neg" | "conj")) => {
                    let advice = "save it with .resolve_neg() or .resolve_conj()";
                    return Err(format!("{dtype} values seen through a view ({key}); {advice}"));
                }
                _ => {}
            }
        }
        Ok((dtype, shape, view))
    }

    fn view(&self, storage: Id, offset: Id, shape: Id, stride: Id, dtype: Option<Dtype>) -> Option<Found> {
        let pickle = &self.container.pickle;
        let unreadable = || Some(Err("its description is not as torch.save writes it".to_owned()));
        let sizes = (pickle.size(offset), pickle.sizes(shape), pickle.sizes(stride));
        let (Some(offset), Some(shape), Some(stride)) = sizes else { return unreadable() };
        let nested = |id: Id| match pickle.get(id) {
            Value::Object(object) if pickle.dotted(object.callable)? == "torch.storage._load_from_bytes" => {
                pickle.arguments(object).first().copied()
            }
            _ => None,
        };
        if let Some(bytes) = nested(storage) {
            let read = || nested_storage(self.container, bytes).map(|(dtype, _)| dtype);
            return match self.nested.borrow_mut().entry(bytes).or_insert_with(read).clone() {
                Ok(dtype) => {
                    let view =
                        View { from: From::Nested(bytes), offset, stride, swapped: false, negated: false };
                    Some(Ok((dtype, shape, view)))
                }
                Err(reason) => Some(Err(reason)),
            };
        }
        match storage_of(pickle, storage) {
            Some(Ok(storage)) => {
                let Some(dtype) = dtype.or(storage.dtype) else { return unreadable() };
                let Some(offset) = offset.checked_add(storage.offset) else { return unreadable() };
                let view =
                    View { from: From::Storage(storage.key), offset, stride, swapped: false, negated: false };
                Some(Ok((dtype, shape, view)))
            }
            Some(Err(reason)) => Some(Err(reason)),
            None => unreadable(),
        }
    }
}
