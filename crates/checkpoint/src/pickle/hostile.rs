//! What no checkpoint needs: a pickle that runs commands or code when Python opens it.
//!
//! Nothing of a pickle is ever run here, so this protects nobody from loading weights with this program; it warns those who
//! might open the same file with Python. The rule is about what Python would **do**, not about names that merely occur:
//!
//! 1. *A call of something dangerous* is hostile: `os.system("...")`, `eval`, `subprocess.Popen(...)`, whether it is named
//!    outright, through another module (`torch.serialization.os.system`), or with `getattr`.
//! 2. *Something dangerous handed to a call* is hostile, because the callee may call it: `map(os.system, [...])`. Only
//!    `functools.partial` just keeps it, until the partial itself is called or handed on.
//! 3. *A call of what a call returned* is hostile, because it cannot be known before: `partial(...)()`,
//!    `attrgetter("system")(...)`. Exempt is the way in which Python names what is nested: `getattr(Outer, "Inner")`, if the
//!    name is given as it stands and is none of those that lead out of a class (`__globals__`, `__subclasses__`, ...).
//! 4. *Attributes set on a class or module*, any `setattr`, and attributes that later opcodes would call (`__setstate__`,
//!    `append`), are hostile.
//! 5. *A file within the file* (`torch.storage._load_from_bytes`) is judged by the same rules.
//!
//! What is dangerous to call? An allow list of all that only builds data cannot be had, because checkpoints hold objects of anybody's
//! classes. So it goes by whose the name is. Of **Python's own library and of PyTorch** functions are dangerous unless
//! they are known to build data only ([`standard`]): an attack needs what is there on every machine. Their
//! classes, and whatever belongs to other modules, are harmless unless listed ([`names`]).
//!
//! Everything else stays a name: classes and functions of any module stored as values, nested classes, methods, enums, paths,
//! dates, namespaces, partials of harmless functions, arrays of numpy. A class that is merely allocated runs no code of
//! its `__init__`. Calls of the named result types of dangerous modules (`os.stat_result`, `socket.AddressFamily`) are harmless too.

mod names;
mod standard;

use self::names::{is_class, is_dangerous, leads_out};
use super::{Id, Made, Object, Pickle, Value};

/// Methods by which an instance reaches the disk or runs something.
const METHODS: [&str; 20] = [
    "unlink",
    "rmdir",
    "mkdir",
    "touch",
    "rename",
    "replace",
    "chmod",
    "symlink_to",
    "hardlink_to",
    "write_text",
    "write_bytes",
    "open",
    "system",
    "popen",
    "run",
    "call",
    "load",
    "loads",
    "exec_module",
    "load_module",
];

/// The dotted name of the first thing that makes a pickle hostile.
pub(crate) fn hostile_call(pickle: &Pickle) -> Option<String> {
    let objects = pickle.all().filter_map(|value| match value {
        Value::Object(object) => Some(object),
        _ => None,
    });
    objects.into_iter().find_map(|object| judged(pickle, object))
}

fn judged(pickle: &Pickle, object: &Object) -> Option<String> {
    let arguments = pickle.arguments(object);
    if let Some(name) = pickle.dotted(object.callable) {
        if is_getattr(&name) {
            return computed_attribute(pickle, arguments);
        }
        if let Some(key) = called_later(pickle, object) {
            return Some(format!("the attribute {key} of a {name}"));
        }
        if is_dangerous(&name) && !(object.made == Made::Allocated && is_class(&name)) {
            return Some(name);
        }
    } else if let Value::Object(inner) = pickle.get(object.callable)
        && let Some(name) = unknown_callable(pickle, inner)
    {
        return Some(name);
    }
    if is_partial(pickle, object) {
        return None;
    }
    let given = arguments.iter().chain(&object.items);
    given.into_iter().find_map(|&argument| dangerous_within(pickle, argument, 4))
}

/// An attribute set on an object that later opcodes call: `__setstate__` for its state, `append`, `extend` and `add` for its items.
fn called_later(pickle: &Pickle, object: &Object) -> Option<String> {
    let state = object.state?;
    let parts = match pickle.get(state) {
        Value::Tuple(parts) => parts.as_slice(),
        _ => std::slice::from_ref(&state),
    };
    let tables = parts.iter().filter_map(|&part| match pickle.get(part) {
        Value::Dict(entries) => Some(entries),
        _ => None,
    });
    tables.flatten().find_map(|&(key, value)| {
        let key = pickle.text(key)?;
        let is_code = matches!(pickle.get(value), Value::Global(_) | Value::Object(_));
        let called = matches!(key, "__setstate__" | "append" | "extend" | "add") && is_code;
        called.then(|| key.to_owned())
    })
}

/// `getattr` names what is nested, if the name stands there and does not lead out.
fn computed_attribute(pickle: &Pickle, arguments: &[Id]) -> Option<String> {
    let [_, name] = arguments else { return Some("builtins.getattr".to_owned()) };
    match pickle.text(*name) {
        Some(name) if leads_out(name) => Some(format!("builtins.getattr(..., {name:?})")),
        Some(_) => None,
        None => Some("builtins.getattr".to_owned()),
    }
}

/// A call of what the call `inner` returned, unless that is known to be harmless.
fn unknown_callable(pickle: &Pickle, inner: &Object) -> Option<String> {
    let called = pickle.dotted(inner.callable);
    let arguments = pickle.arguments(inner);
    match called.as_deref() {
        // A method of an instance.
        Some(name) if is_getattr(name) => {
            let method = arguments.get(1).and_then(|&name| pickle.text(name))?;
            METHODS.contains(&method).then(|| format!("the method {method}"))
        }
        // cloudpickle and dill name types of the interpreter so, to make functions that nothing calls yet.
        Some(name) if name.ends_with("._builtin_type") || name.ends_with("._load_type") => None,
        Some(name) if name.ends_with("._make_skeleton_class") || name.ends_with("._create_type") => None,
        Some(name) => Some(format!("what {name} returns")),
        None => Some("what a call returns".to_owned()),
    }
}

/// Something dangerous among what a call is given, in tuples and lists too.
fn dangerous_within(pickle: &Pickle, id: Id, depth: u8) -> Option<String> {
    const FEW: usize = 64;
    if let Some(name) = pickle.dotted(id) {
        return (is_dangerous(&name) && !is_getattr(&name) && !is_class(&name)).then_some(name);
    }
    let depth = depth.checked_sub(1)?;
    match pickle.get(id) {
        Value::List(items) | Value::Tuple(items) | Value::Set(items) => {
            items.iter().take(FEW).find_map(|&item| dangerous_within(pickle, item, depth))
        }
        Value::Dict(entries) => {
            entries.iter().take(FEW).find_map(|&(_, value)| dangerous_within(pickle, value, depth))
        }
        Value::Object(object) if is_partial(pickle, object) => {
            let mut kept = pickle.arguments(object).iter();
            kept.find_map(|&argument| dangerous_within(pickle, argument, depth))
        }
        Value::Object(object) => {
            // What looks attributes up when it is called.
            let name = pickle.dotted(object.callable)?;
            matches!(name.as_str(), "operator.attrgetter" | "operator.methodcaller").then_some(name)
        }
        _ => None,
    }
}

fn is_partial(pickle: &Pickle, object: &Object) -> bool {
    pickle.dotted(object.callable).is_some_and(|name| name == "functools.partial")
}

fn is_getattr(name: &str) -> bool {
    matches!(name, "builtins.getattr" | "__builtin__.getattr")
}
