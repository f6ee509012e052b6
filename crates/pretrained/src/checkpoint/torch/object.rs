//! The object that was saved, without the values of its arrays: a state dict, or a dictionary that holds one.

use std::collections::BTreeMap;
use std::path::Path;

use pytorch_reader::PickleValue;

use super::damaged;
use crate::Error;

/// Keys under which training scripts put the state dict, the likeliest first.
const WRAPPERS: [&str; 6] = ["state_dict", "model_state_dict", "model", "net", "network", "weights"];

/// Modules that no checkpoint needs, and whose functions a hostile pickle calls.
const HOSTILE_MODULES: [&str; 12] = [
    "os",
    "posix",
    "nt",
    "subprocess",
    "sys",
    "runpy",
    "shutil",
    "pty",
    "socket",
    "importlib",
    "webbrowser",
    "ctypes",
];
const HOSTILE_BUILTINS: [&str; 9] =
    ["eval", "exec", "compile", "open", "getattr", "__import__", "execfile", "input", "breakpoint"];

/// Refuses an object which Python would have built by running a command. Here it stayed a name.
pub(super) fn refuse_hostile(path: &Path, root: &PickleValue) -> Result<(), Error> {
    let mut found = None;
    walk(root, &mut Vec::new(), &mut |_, value| {
        if let PickleValue::Unsupported(callable) = value
            && is_hostile(callable)
        {
            found = Some(callable.clone());
        }
    });
    match found {
        Some(callable) => Err(Error::Hostile { path: path.to_path_buf(), callable }),
        None => Ok(()),
    }
}

fn is_hostile(callable: &str) -> bool {
    let (module, name) = callable.split_once('.').unwrap_or(("", callable));
    match module {
        "builtins" | "__builtin__" => HOSTILE_BUILTINS.contains(&name),
        _ => HOSTILE_MODULES.contains(&module),
    }
}

/// The key under which the state dict lies, if the object is more than a state dict: it has no array of its own, and
/// the dictionary under the key has.
pub(super) fn wrapper_of(root: &PickleValue) -> Option<&'static str> {
    let PickleValue::Dict(entries) = root else {
        return None;
    };
    if holds_arrays(root) {
        return None;
    }
    let wraps = |key: &&str| entries.get(*key).is_some_and(holds_arrays);
    WRAPPERS.iter().copied().find(wraps)
}

fn holds_arrays(value: &PickleValue) -> bool {
    matches!(value, PickleValue::Dict(entries) if entries.values().any(is_array))
}

fn is_array(value: &PickleValue) -> bool {
    matches!(value, PickleValue::Unsupported(kind) if kind == "torch.Tensor")
}

/// Two arrays can end under one name only if a key holds a dot that is not a level; then one would vanish.
pub(super) fn check_names(
    path: &Path,
    root: &PickleValue,
    wrapper: Option<&str>,
    found: usize,
) -> Result<(), Error> {
    let state = match (root, wrapper) {
        (PickleValue::Dict(entries), Some(key)) => entries.get(key).unwrap_or(root),
        _ => root,
    };
    let mut saved = 0;
    walk(state, &mut Vec::new(), &mut |_, value| saved += usize::from(is_array(value)));
    if saved == found {
        return Ok(());
    }
    Err(damaged(path, format!("it saves {saved} arrays under {found} names")))
}

/// Strings and numbers at the top level, and whatever else is no array.
pub(super) fn beside(root: &PickleValue) -> (BTreeMap<String, String>, Vec<String>) {
    let (mut metadata, mut skipped) = (BTreeMap::new(), Vec::new());
    walk(root, &mut Vec::new(), &mut |names, value| {
        let text = match value {
            PickleValue::String(text) => text.clone(),
            PickleValue::Bool(value) => value.to_string(),
            PickleValue::Int(value) => value.to_string(),
            PickleValue::Float(value) => value.to_string(),
            PickleValue::Unsupported(kind) if !is_array(value) => {
                skipped.push(format!("{}: {kind}", names.join(".")));
                return;
            }
            _ => return,
        };
        if let [name] = names {
            metadata.insert(name.clone(), text);
        }
    });
    skipped.sort();
    (metadata, skipped)
}

/// Calls `visit` with every value that is no container, and the keys that lead to it.
fn walk(value: &PickleValue, names: &mut Vec<String>, visit: &mut impl FnMut(&[String], &PickleValue)) {
    match value {
        PickleValue::Dict(entries) => {
            for (name, inner) in entries {
                names.push(name.clone());
                walk(inner, names, visit);
                names.pop();
            }
        }
        PickleValue::List(items) => {
            for (index, inner) in items.iter().enumerate() {
                names.push(index.to_string());
                walk(inner, names, visit);
                names.pop();
            }
        }
        leaf => visit(names, leaf),
    }
}
