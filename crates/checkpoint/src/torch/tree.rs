//! The object that was saved as a tree of keys, with its tensors as leaves.
//!
//! A dictionary is one by its keys, a list by its numbers, a whole network (a pickled `torch.nn.Module`) by the names
//! that its `state_dict()` would give, and any other object that has tensors by its attributes. So the weights are found under
//! whatever they lie, and [`unwrap`](crate::unwrap) decides where.

use std::collections::BTreeMap;

use super::class_names::{self, Named};
use super::container::Container;
use super::module::Tables;
use super::numpy;
use super::tensors::Tensors;
use super::view::{Found, View};
use crate::classes;
use crate::content::Leaf;
use crate::pickle::{Id, Object, Pickle, Value};

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
        pickle,
        tensors: Tensors::new(container),
        tree: Tree::default(),
        levels: Vec::new(),
        open,
        visits: 0,
        names: 0,
    };
    walk.visit(pickle.root())?;
    walk.tree.skipped.sort();
    Ok(walk.tree)
}

struct Walk<'a> {
    pickle: &'a Pickle,
    tensors: Tensors<'a>,
    tree: Tree,
    levels: Vec<String>,
    /// Which values are being visited, so that a cycle ends.
    open: Vec<bool>,
    visits: u64,
    names: usize,
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
        if let Some(found) = self.tensors.of(id) {
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
                let named = class_names::of(self.pickle, value, &self.tensors);
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
            if let Some(tables) = Tables::of(pickle, &attributes) {
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
                match self.tensors.of(value) {
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
            if let Some(inner) = Tables::of(pickle, &attributes) {
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
}
