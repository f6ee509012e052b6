//! What no checkpoint needs: a pickle that runs commands or code when Python opens it.
//!
//! Nothing of a pickle is ever run here, so this protects nobody from loading weights with this program; it warns whoever
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
//! they are known to build data only ([`standard`]): whoever attacks needs what is there on every machine. Their
//! classes, and whatever belongs to other modules, are harmless unless listed here.
//!
//! Everything else stays a name: classes and functions of any module stored as values, nested classes, methods, enums, paths,
//! dates, namespaces, partials of harmless functions, arrays of numpy. A class that is merely allocated runs no code of
//! its `__init__`. Calls of the named result types of dangerous modules (`os.stat_result`, `socket.AddressFamily`) are harmless too.

mod standard;

use self::standard::is_function_that_acts;
use super::{Id, Made, Object, Pickle, Value};

/// Modules whose functions run commands, load code, or reach the disk or the network.
const MODULES: [&str; 54] = [
    "pip",
    "setuptools",
    "sqlite3",
    "_sqlite3",
    "IPython",
    "paramiko",
    "invoke",
    "sh",
    "multiprocessing",
    "commands",
    "os",
    "posix",
    "nt",
    "subprocess",
    "_posixsubprocess",
    "popen2",
    "pty",
    "sys",
    "runpy",
    "shutil",
    "socket",
    "_socket",
    "importlib",
    "_frozen_importlib",
    "_imp",
    "zipimport",
    "pkgutil",
    "webbrowser",
    "ctypes",
    "_ctypes",
    "codeop",
    "pdb",
    "bdb",
    "timeit",
    "cProfile",
    "doctest",
    "pydoc",
    "marshal",
    "pickle",
    "_pickle",
    "cPickle",
    "shelve",
    "urllib",
    "urllib2",
    "httplib",
    "requests",
    "httpx",
    "aiohttp",
    "ftplib",
    "smtplib",
    "telnetlib",
    "distutils",
    "ensurepip",
    "idlelib",
];

/// Functions of modules that are harmless otherwise, or called as people call their own (`code`, `trace`), by the end of
/// their dotted name.
const FUNCTIONS: [&str; 46] = [
    "logging.FileHandler",
    "logging.handlers.SocketHandler",
    "zipfile.ZipFile",
    "tarfile.TarFile",
    "tempfile.NamedTemporaryFile",
    "code.interact",
    "code.InteractiveInterpreter",
    "code.InteractiveConsole",
    "trace.Trace",
    "profile.run",
    "profile.Profile",
    "imp.load_source",
    "imp.load_module",
    "imp.load_dynamic",
    "asyncio.run",
    "asyncio.create_subprocess_shell",
    "signal.signal",
    "gc.get_objects",
    "torch.load",
    "torch.serialization.load",
    "torch.hub.load",
    "torch.hub.load_state_dict_from_url",
    "torch.hub.download_url_to_file",
    "torch.jit.load",
    "torch.classes.load_library",
    "torch.ops.load_library",
    "cpp_extension.load",
    "cpp_extension.load_inline",
    "joblib.load",
    "numpy.load",
    "numpy.fromfile",
    "runstring",
    "dill.load",
    "dill.loads",
    "cloudpickle.load",
    "cloudpickle.loads",
    "pandas.read_pickle",
    "pandas.eval",
    "platform.popen",
    "io.open",
    "_io.open",
    "io.FileIO",
    "_io.FileIO",
    "codecs.open",
    "types.FunctionType",
    "types.LambdaType",
];

const BUILTINS: [&str; 20] = [
    "eval",
    "exec",
    "execfile",
    "compile",
    "open",
    "file",
    "input",
    "raw_input",
    "__import__",
    "breakpoint",
    "setattr",
    "delattr",
    "globals",
    "locals",
    "vars",
    "help",
    "exit",
    "quit",
    "apply",
    "getattr",
];

/// What modules that are dangerous otherwise call to make a mere record of values.
const RECORDS: [&str; 33] = [
    "stat_result",
    "terminal_size",
    "uname_result",
    "times_result",
    "statvfs_result",
    "sched_param",
    "waitid_result",
    "DirEntry",
    "PathLike",
    "CompletedProcess",
    "CalledProcessError",
    "TimeoutExpired",
    "SubprocessError",
    "AddressFamily",
    "SocketKind",
    "MsgFlag",
    "AddressInfo",
    "SameFileError",
    "ReadError",
    "HTTPStatus",
    "HTTPMethod",
    "ParseResult",
    "SplitResult",
    "ParseResultBytes",
    "DefragResult",
    "Signals",
    "Handlers",
    "Parameter",
    "Signature",
    "_ParameterKind",
    "Version",
    "usage",
    "_ntuple_diskusage",
];

/// Attributes that lead from a harmless object to everything else.
const WAYS_OUT: [&str; 18] = [
    "__globals__",
    "__builtins__",
    "__subclasses__",
    "__bases__",
    "__base__",
    "__mro__",
    "mro",
    "__code__",
    "__import__",
    "__loader__",
    "__spec__",
    "__dict__",
    "__getattribute__",
    "__getattr__",
    "__setattr__",
    "__init_subclass__",
    "__call__",
    "__func__",
];

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
pub(in crate::checkpoint) fn hostile_call(pickle: &Pickle) -> Option<String> {
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

/// Whether calling something of this dotted name runs commands or code. A module may be reached through another
/// (`torch.serialization.os.system`), so every level counts.
fn is_dangerous(name: &str) -> bool {
    let parts: Vec<&str> = name.split('.').collect();
    let Some((last, before)) = parts.split_last() else { return false };
    if parts.iter().any(|part| leads_out(part)) {
        return true;
    }
    if RECORDS.contains(last)
        || matches!(parts.as_slice(), ["urllib", "parse", ..] | ["os" | "posix", "path", ..])
    {
        return false;
    }
    let ends_with = |function: &&str| name == *function || name.ends_with(&format!(".{function}"));
    match before {
        [.., "builtins" | "__builtin__" | "__builtins__"] => BUILTINS.contains(last),
        [first, ..] if MODULES.contains(first) => true,
        [_, inner @ ..] if inner.iter().any(|module| REACHED.contains(module)) => true,
        _ => FUNCTIONS.iter().any(ends_with) || is_function_that_acts(&parts),
    }
}

/// Modules that others import, so that they can be reached through them.
const REACHED: [&str; 9] =
    ["os", "posix", "sys", "subprocess", "shutil", "socket", "importlib", "ctypes", "builtins"];

fn leads_out(attribute: &str) -> bool {
    attribute.split('.').any(|part| WAYS_OUT.contains(&part))
}

/// Whether a name is that of a class, by Python's custom.
fn is_class(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    last.trim_start_matches('_').starts_with(char::is_uppercase)
        && !matches!(last, "FunctionType" | "LambdaType" | "Popen" | "CDLL" | "FileIO")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_judged_by_where_they_lead() {
        for name in [
            "os.system",
            "posix.system",
            "nt.popen",
            "builtins.eval",
            "__builtin__.exec",
            "subprocess.Popen",
            "torch.serialization.os.system",
            "numpy.testing._private.utils.runstring",
            "importlib.import_module",
            "ctypes.CDLL",
            "my.Class.__subclasses__",
            "urllib.request.urlopen",
            "pathlib.Path.touch",
            "pathlib._local.PosixPath.write_text",
            "sqlite3.connect",
            "pip.main",
            "pip._internal.main",
            "torch.fx.graph_module._exec_with_source",
            "torch.fx.graph_module.reduce_graph_module",
            "logging.config.dictConfig",
            "logging.config.fileConfig",
            "gzip.open",
            "fileinput.input",
            "linecache.getline",
            "test.support.script_helper.assert_python_ok",
            "torch.utils.collect_env.run",
            "torch._dynamo.something",
        ] {
            assert!(is_dangerous(name), "{name}");
        }
        for name in [
            "os.stat_result",
            "posixpath.join",
            "os.path.join",
            "socket.AddressFamily",
            "urllib.parse.ParseResult",
            "builtins.set",
            "builtins.slice",
            "codename.code",
            "mymodel.os_utils.build",
            "torch._utils._rebuild_tensor_v2",
            "collections.OrderedDict",
            "pathlib.PosixPath",
            "pathlib._local.PosixPath",
            "datetime.timedelta",
            "re._compile",
            "logging.getLogger",
            "torch.nn.modules.loss.CrossEntropyLoss",
            "torch.serialization._get_layout",
            "torch.device",
            "mylib.build_model",
            "_codecs.encode",
            "array._array_reconstructor",
            "uuid.UUID",
            "enum.Flag",
            "zoneinfo.ZoneInfo._unpickle",
            "operator.itemgetter",
            "numpy.random._pickle.__bit_generator_ctor",
        ] {
            assert!(!is_dangerous(name), "{name}");
        }
    }
}
