//! The object that was saved as a tree of keys, with its tensors as leaves.
//!
//! A dictionary is one by its keys, a list by its numbers, a whole network (a pickled `torch.nn.Module`) by the names
//! that its `state_dict()` would give, and any other object that has tensors by its attributes. So the weights are found under whatever
//! they lie, and [`unwrap`](crate::checkpoint::unwrap) decides where.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};

use super::class_names::Named;
use super::container::Container;
use super::view::{Found, From, InPlace, View, storage_of, torch_dtype, unread_kind, unread_type};
use super::{class_names, nested_storage, numpy};
use crate::checkpoint::content::Leaf;
use crate::checkpoint::pickle::{Id, Object, Pickle, Value};
use crate::checkpoint::{Dtype, classes};

/// Levels of keys that are followed.
const MAX_DEPTH: usize = 100;
/// Values that are visited, those that are referred to repeatedly each time.
const MAX_VISITS: u64 = 4_000_000;
/// Characters of all names together.
const MAX_NAMES: usize = 256 << 20;

/// What was found.
#[derive(Default)]
pub(super) struct Tree {
    pub(super) leaves: Vec<Leaf>,
    /// One for each leaf.
    pub(super) views: Vec<View>,
    /// Strings and numbers at the top.
    pub(super) metadata: BTreeMap<String, String>,
    /// The key under which names of classes stand, and they.
    pub(super) classes: Option<(String, Named)>,
    pub(super) skipped: Vec<String>,
    /// Tensors that cannot be read, by name, and why and what to do.
    pub(super) unread: Vec<(String, String)>,
}

pub(super) fn of(container: &Container) -> Result<Tree, String> {
    let pickle = &container.pickle;
    let open = vec![false; pickle.len()];
    let mut walk = Walk {
        container,
        pickle,
        tree: Tree::default(),
        levels: Vec::new(),
        open,
        visits: 0,
        names: 0,
        nested: RefCell::default(),
    };
    walk.visit(pickle.root())?;
    walk.tree.skipped.sort();
    Ok(walk.tree)
}

struct Walk<'a> {
    container: &'a Container,
    pickle: &'a Pickle,
    tree: Tree,
    levels: Vec<String>,
    /// Which values are being visited, so that a cycle ends.
    open: Vec<bool>,
    visits: u64,
    names: usize,
    /// Element types of storages that lie in the pickle as files of their own.
    nested: RefCell<HashMap<Id, Result<Dtype, String>>>,
}

impl Walk<'_> {
    fn visit(&mut self, id: Id) -> Result<(), String> {
        self.visits += 1;
        if self.visits > MAX_VISITS {
            return Err(format!("its objects refer to each other more than {MAX_VISITS} times"));
        }
        let place = Pickle::index(id);
        if self.levels.len() >= MAX_DEPTH || self.open.get(place).copied().unwrap_or(true) {
            return Ok(());
        }
        self.open[place] = true;
        let visited = self.visit_open(id);
        self.open[place] = false;
        visited
    }

    fn visit_open(&mut self, id: Id) -> Result<(), String> {
        if let Some(found) = self.tensor(id, 8) {
            return self.leaf(id, found);
        }
        let pickle = self.pickle;
        match pickle.get(id) {
            Value::Dict(entries) => self.entries(entries),
            Value::List(items) | Value::Tuple(items) | Value::Set(items) => self.numbered(items),
            Value::Object(object) => self.object(id, object),
            Value::Text(text) => self.scalar(text.to_string()),
            Value::Bool(value) => self.scalar(value.to_string()),
            Value::Int(value) => self.scalar(value.to_string()),
            Value::Float(value) => self.scalar(value.to_string()),
            Value::None | Value::Wide | Value::Bytes(_) => Ok(()),
            Value::Global(_) | Value::Persistent(_) => self.skip(&pickle.type_name(id)),
        }
    }

    fn below(&mut self, key: String, id: Id) -> Result<(), String> {
        self.levels.push(key);
        let visited = self.visit(id);
        self.levels.pop();
        visited
    }

    fn entries(&mut self, entries: &[(Id, Id)]) -> Result<(), String> {
        for &(key, value) in entries {
            let name = match self.pickle.get(key) {
                Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                _ => self.pickle.key(key).unwrap_or_else(|| self.pickle.type_name(key)),
            };
            if classes::is_key(&name) && self.tree.classes.is_none() {
                let named = class_names::of(self.pickle, value, &|id| self.tensor(id, 8));
                self.tree.classes = named.map(|named| (name.clone(), named));
            }
            self.below(name, value)?;
        }
        Ok(())
    }

    fn numbered(&mut self, items: &[Id]) -> Result<(), String> {
        items.iter().enumerate().try_for_each(|(place, &item)| self.below(place.to_string(), item))
    }

    fn object(&mut self, id: Id, object: &Object) -> Result<(), String> {
        let pickle = self.pickle;
        let before = self.tree.leaves.len();
        let called = pickle.dotted(object.callable).unwrap_or_default();
        if let Some(number) = numpy::scalar(pickle, object) {
            return self.scalar(number);
        }
        let dictionary = called.starts_with("collections.");
        if let Some(state) = object.state.filter(|_| !dictionary) {
            let attributes = self.attributes(state);
            self.visits += attributes.len() as u64;
            if let Some(tables) = tables_of(pickle, &attributes) {
                return self.module(&tables, "");
            }
            let skipped = self.tree.skipped.len();
            self.entries(&attributes)?;
            if self.tree.leaves.len() == before {
                // Nothing of use: one line, not one for each attribute.
                self.tree.skipped.truncate(skipped);
            }
        }
        let skipped = self.tree.skipped.len();
        self.entries(&object.entries)?;
        self.numbered(&object.items)?;
        let known = matches!(
            called.as_str(),
            "collections.OrderedDict" | "collections.defaultdict" | "collections.Counter"
        );
        let set = matches!(
            called.as_str(),
            "builtins.set" | "builtins.frozenset" | "__builtin__.set" | "__builtin__.frozenset"
        );
        for (place, &argument) in pickle.arguments(object).iter().enumerate() {
            match (known, pickle.get(argument)) {
                // OrderedDict([(key, value), ...])
                (true, Value::List(pairs) | Value::Tuple(pairs)) => {
                    let pairs = pairs.iter().filter_map(|&pair| match pickle.items(pair)? {
                        [key, value] => Some((*key, *value)),
                        _ => None,
                    });
                    self.entries(&pairs.collect::<Vec<_>>())?;
                }
                (true, Value::Dict(entries)) => self.entries(entries)?,
                (true, _) => {}
                (
                    false,
                    Value::Text(_) | Value::Int(_) | Value::Float(_) | Value::Bool(_) | Value::Global(_),
                ) => {}
                (false, _) => self.below(place.to_string(), argument)?,
            }
        }
        if self.tree.leaves.len() == before && !known && !set {
            self.tree.skipped.truncate(skipped);
            return self.skip(&pickle.type_name(id));
        }
        Ok(())
    }

    /// An object's attributes: a dictionary, or one and another for slots.
    fn attributes(&self, state: Id) -> Vec<(Id, Id)> {
        match self.pickle.get(state) {
            Value::Dict(entries) => entries.clone(),
            Value::Tuple(parts) if parts.len() == 2 => parts
                .iter()
                .flat_map(|&part| match self.pickle.get(part) {
                    Value::Dict(entries) => entries.as_slice(),
                    _ => &[],
                })
                .copied()
                .collect(),
            _ => Vec::new(),
        }
    }

    /// A whole network, under the names of its `state_dict()`: parameters, buffers that last, and its parts.
    fn module(&mut self, tables: &Tables, prefix: &str) -> Result<(), String> {
        let pickle = self.pickle;
        self.visits += (tables.parameters.len() + tables.buffers.len()) as u64;
        let passing = |name: &str| tables.passing.iter().any(|&passing| pickle.text(passing) == Some(name));
        for (table, buffers) in [(&tables.parameters, false), (&tables.buffers, true)] {
            for &(key, value) in table {
                let Some(name) = pickle.key(key).filter(|name| !(buffers && passing(name))) else { continue };
                match self.tensor(value, 8) {
                    Some(found) => {
                        self.levels.push(format!("{prefix}{name}"));
                        let leaf = self.leaf(value, found);
                        self.levels.pop();
                        leaf?;
                    }
                    None => continue,
                }
            }
        }
        for &(key, value) in &tables.modules {
            let Some(name) = pickle.key(key) else { continue };
            self.visits += 1;
            let place = Pickle::index(value);
            let deep = prefix.bytes().filter(|&byte| byte == b'.').count() >= MAX_DEPTH;
            if self.visits > MAX_VISITS || deep || self.open.get(place).copied().unwrap_or(true) {
                continue;
            }
            let Value::Object(object) = pickle.get(value) else { continue };
            let Some(state) = object.state else { continue };
            let attributes = self.attributes(state);
            self.visits += attributes.len() as u64;
            if let Some(inner) = tables_of(pickle, &attributes) {
                self.open[place] = true;
                let visited = self.module(&inner, &format!("{prefix}{name}."));
                self.open[place] = false;
                visited?;
            }
        }
        Ok(())
    }

    fn leaf(&mut self, id: Id, found: Found) -> Result<(), String> {
        match found {
            Ok((dtype, shape, view)) => {
                let levels =
                    if self.levels.is_empty() { vec!["tensor".to_owned()] } else { self.levels.clone() };
                self.names += levels.iter().map(String::len).sum::<usize>();
                if self.names > MAX_NAMES {
                    return Err(
                        "the names of its tensors take more memory than any checkpoint needs".to_owned()
                    );
                }
                self.tree.leaves.push(Leaf { levels, shape, dtype });
                self.tree.views.push(view);
                Ok(())
            }
            Err(reason) => {
                if self.names <= MAX_NAMES && !self.levels.is_empty() {
                    self.tree.unread.push((self.levels.join("."), reason.clone()));
                }
                let kind = self.pickle.type_name(id);
                self.skip(&format!("{kind} ({reason})"))
            }
        }
    }

    fn scalar(&mut self, text: String) -> Result<(), String> {
        if let [name] = self.levels.as_slice() {
            self.tree.metadata.insert(name.clone(), text);
        }
        Ok(())
    }

    fn skip(&mut self, kind: &str) -> Result<(), String> {
        let path = self.levels.join(".");
        self.names += path.len() + kind.len();
        if self.names > MAX_NAMES {
            return Err("the names in it take more memory than any checkpoint needs".to_owned());
        }
        self.tree.skipped.push(if path.is_empty() { kind.to_owned() } else { format!("{path}: {kind}") });
        Ok(())
    }

    /// A tensor that the value is; None where it is none.
    fn tensor(&self, id: Id, depth: u8) -> Option<Found> {
        let pickle = self.pickle;
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
        let pickle = self.pickle;
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
                self.tensor(*array, depth)
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
        for (key, value) in metadata.and_then(|&id| dictionary(self.pickle, id)).unwrap_or_default() {
            if matches!(self.pickle.get(value), Value::Bool(false) | Value::None | Value::Int(0)) {
                continue;
            }
            match self.pickle.text(key) {
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
        let pickle = self.pickle;
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

/// The tables that a `torch.nn.Module` keeps among its attributes.
struct Tables {
    parameters: Vec<(Id, Id)>,
    buffers: Vec<(Id, Id)>,
    modules: Vec<(Id, Id)>,
    /// Names of buffers that its state dict leaves out.
    passing: Vec<Id>,
}

/// The tables of a module, if the attributes are those of one. Its class is not looked at: it is the user's own.
fn tables_of(pickle: &Pickle, attributes: &[(Id, Id)]) -> Option<Tables> {
    let table = |name: &str| {
        let (_, value) = attributes.iter().find(|(key, _)| pickle.text(*key) == Some(name))?;
        dictionary(pickle, *value)
    };
    let passing = attributes.iter().find(|(key, _)| pickle.text(*key) == Some("_non_persistent_buffers_set"));
    let passing = passing.and_then(|(_, value)| pickle.items(*value)).map(<[Id]>::to_vec).unwrap_or_default();
    Some(Tables {
        parameters: table("_parameters")?,
        buffers: table("_buffers")?,
        modules: table("_modules")?,
        passing,
    })
}

/// The entries of a dictionary, an `OrderedDict` included.
pub(super) fn dictionary(pickle: &Pickle, id: Id) -> Option<Vec<(Id, Id)>> {
    match pickle.get(id) {
        Value::Dict(entries) => Some(entries.clone()),
        Value::Object(object) => {
            let mut entries = object.entries.clone();
            let pairs =
                pickle.arguments(object).first().and_then(|&pairs| pickle.items(pairs)).unwrap_or_default();
            entries.extend(pairs.iter().filter_map(|&pair| match pickle.items(pair)? {
                [key, value] => Some((*key, *value)),
                _ => None,
            }));
            Some(entries)
        }
        _ => None,
    }
}
