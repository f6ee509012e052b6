//! A pickle read as data: what would be built, with nothing built, imported or called.
//!
//! Python's unpickler is a stack machine that imports names and calls them. Here a name stays a [`Value::Global`] and a call
//! an [`Object`] with its arguments, so that a state dict is found whatever else lies around it, and what Python would do
//! can be judged ([`hostile`]) before anybody does it.
//!
//! Values lie in one vector and refer to each other by position. So the memory a pickle takes is bounded by the number of its
//! opcodes, however often it repeats itself, and a cycle is nothing special.
//! Source of the opcodes: CPython's `Lib/pickletools.py`.

pub(super) mod hostile;
mod machine;
pub(super) mod stream;

pub(super) use machine::{MAX_OPCODES, parse};

/// Position of a value in its [`Pickle`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Id(u32);

/// All values of a pickle.
#[derive(Debug)]
pub(super) struct Pickle {
    values: Vec<Value>,
    root: Id,
}

/// One value.
#[derive(Debug)]
pub(super) enum Value {
    None,
    Bool(bool),
    Int(i64),
    /// An integer beyond 64 bits.
    Wide,
    Float(f64),
    Text(Box<str>),
    Bytes(Box<[u8]>),
    List(Vec<Id>),
    Tuple(Vec<Id>),
    Set(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// A class or function by name.
    Global(Box<Name>),
    Object(Box<Object>),
    /// Something stored outside the pickle, by its key.
    Persistent(Id),
}

/// Where Python would import a class or function from.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) module: String,
    /// Name in the module, dotted for a nested one.
    pub(super) name: String,
}

/// What a call would return.
#[derive(Debug)]
pub(super) struct Object {
    pub(super) callable: Id,
    /// A tuple of them.
    pub(super) arguments: Id,
    /// How it is made: a class's `__new__` alone runs no code of `__init__`.
    pub(super) made: Made,
    /// What its attributes are set from.
    pub(super) state: Option<Id>,
    /// What is put into it as into a dictionary.
    pub(super) entries: Vec<(Id, Id)>,
    /// What is appended to it as to a list.
    pub(super) items: Vec<Id>,
}

/// The opcode that makes an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Made {
    /// `callable(*arguments)`.
    Called,
    /// `callable.__new__(callable, *arguments)`.
    Allocated,
}

impl Pickle {
    pub(super) fn root(&self) -> Id {
        self.root
    }

    pub(super) fn get(&self, id: Id) -> &Value {
        self.values.get(id.0 as usize).unwrap_or(&Value::None)
    }

    /// Every value, whether or not anything refers to it in the end.
    pub(super) fn all(&self) -> impl Iterator<Item = &Value> {
        self.values.iter()
    }

    /// Position of a value, for marking it.
    pub(super) fn index(id: Id) -> usize {
        id.0 as usize
    }

    /// The value at a position; None beyond what can be counted.
    pub(super) fn id(place: usize) -> Option<Id> {
        u32::try_from(place).ok().map(Id)
    }

    pub(super) fn len(&self) -> usize {
        self.values.len()
    }

    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.get(id) {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// A string or an integer as a key.
    pub(super) fn key(&self, id: Id) -> Option<String> {
        match self.get(id) {
            Value::Text(text) => Some(text.to_string()),
            Value::Int(number) => Some(number.to_string()),
            _ => None,
        }
    }

    pub(super) fn size(&self, id: Id) -> Option<usize> {
        match self.get(id) {
            Value::Int(number) => usize::try_from(*number).ok(),
            _ => None,
        }
    }

    /// The items of a tuple, a list, or of a call with one such argument (`torch.Size([2, 3])`).
    pub(super) fn items(&self, id: Id) -> Option<&[Id]> {
        match self.get(id) {
            Value::List(items) | Value::Tuple(items) | Value::Set(items) => Some(items),
            Value::Object(object) if object.state.is_none() && object.entries.is_empty() => {
                match self.arguments(object) {
                    [] => Some(&object.items),
                    [only] => match self.get(*only) {
                        Value::List(items) | Value::Tuple(items) => Some(items),
                        _ => None,
                    },
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The entries of a dictionary, an `OrderedDict` included.
    pub(super) fn dictionary(&self, id: Id) -> Option<Vec<(Id, Id)>> {
        match self.get(id) {
            Value::Dict(entries) => Some(entries.clone()),
            Value::Object(object) => {
                let mut entries = object.entries.clone();
                let pairs =
                    self.arguments(object).first().and_then(|&pairs| self.items(pairs)).unwrap_or_default();
                entries.extend(pairs.iter().filter_map(|&pair| match self.items(pair)? {
                    [key, value] => Some((*key, *value)),
                    _ => None,
                }));
                Some(entries)
            }
            _ => None,
        }
    }

    /// Extents or strides, as far as a tensor can have them.
    pub(super) fn sizes(&self, id: Id) -> Option<Vec<usize>> {
        const MAX_RANK: usize = 64;
        let items = self.items(id).filter(|items| items.len() <= MAX_RANK)?;
        items.iter().map(|&item| self.size(item)).collect()
    }

    /// What a call is given. Where that is no tuple but an object that would be unpacked, the object.
    pub(super) fn arguments<'a>(&'a self, object: &'a Object) -> &'a [Id] {
        match self.get(object.arguments) {
            Value::Tuple(items) | Value::List(items) => items,
            _ => std::slice::from_ref(&object.arguments),
        }
    }

    pub(super) fn global(&self, id: Id) -> Option<(&str, &str)> {
        match self.get(id) {
            Value::Global(name) => Some((&name.module, &name.name)),
            _ => None,
        }
    }

    /// The dotted name of a class or function, where it is a plain one, taken from a class (`getattr(Outer, "Inner")`, as
    /// Python pickles nested classes), or from a module by way of cloudpickle or dill.
    pub(super) fn dotted(&self, id: Id) -> Option<String> {
        self.dotted_within(id, 16)
    }

    fn dotted_within(&self, id: Id, depth: u8) -> Option<String> {
        let depth = depth.checked_sub(1)?;
        match self.get(id) {
            Value::Global(name) => Some(format!("{}.{}", name.module, name.name)),
            Value::Persistent(key) => match self.items(*key)? {
                // A legacy file keeps a module's class with its source text.
                [kind, class, ..] if self.text(*kind) == Some("module") => self.dotted_within(*class, depth),
                _ => None,
            },
            Value::Object(object) => {
                let called = self.global(object.callable)?;
                match (called, self.arguments(object)) {
                    (("builtins" | "__builtin__", "getattr"), [of, name]) => {
                        Some(format!("{}.{}", self.dotted_within(*of, depth)?, self.text(*name)?))
                    }
                    (
                        ("dill._dill" | "dill.dill", "_import_module")
                        | ("cloudpickle.cloudpickle" | "cloudpickle", "subimport"),
                        [name, ..],
                    ) => self.text(*name).map(str::to_owned),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The type of a value in Python's words, for messages.
    pub(super) fn type_name(&self, id: Id) -> String {
        let plain = match self.get(id) {
            Value::None => "NoneType",
            Value::Bool(_) => "bool",
            Value::Int(_) | Value::Wide => "int",
            Value::Float(_) => "float",
            Value::Text(_) => "str",
            Value::Bytes(_) => "bytes",
            Value::List(_) => "list",
            Value::Tuple(_) => "tuple",
            Value::Set(_) => "set",
            Value::Dict(_) => "dict",
            Value::Persistent(_) => "storage",
            Value::Global(_) => return self.dotted(id).unwrap_or_default(),
            Value::Object(object) => {
                return self
                    .dotted(id)
                    .or_else(|| self.class_of(object))
                    .unwrap_or_else(|| "object".to_owned());
            }
        };
        plain.to_owned()
    }

    /// The class that an object is made of.
    pub(super) fn class_of(&self, object: &Object) -> Option<String> {
        let called = self.dotted(object.callable)?;
        match (called.as_str(), self.arguments(object).first()) {
            // Protocols before 2 make any object so.
            ("copyreg._reconstructor" | "copy_reg._reconstructor" | "copyreg.__newobj__", Some(&class)) => {
                self.dotted(class)
            }
            ("builtins.getattr" | "__builtin__.getattr", Some(&of)) => match self.get(of) {
                Value::Object(inner) => {
                    let name = self.arguments(object).get(1).and_then(|&name| self.text(name));
                    Some(format!("{}.{}", self.class_of(inner)?, name?))
                }
                _ => Some(called),
            },
            _ => Some(called),
        }
    }
}
