//! Names of classes and functions by what calling them does.

use super::standard::is_function_that_acts;

/// Whether calling something of this dotted name runs commands or code. A module may be reached through another
/// (`torch.serialization.os.system`), so every level counts.
pub(super) fn is_dangerous(name: &str) -> bool {
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

/// Whether an attribute, or part of a dotted one, leads from a harmless object to everything else.
pub(super) fn leads_out(attribute: &str) -> bool {
    attribute.split('.').any(|part| WAYS_OUT.contains(&part))
}

/// Whether a name is that of a class, by Python's custom.
pub(super) fn is_class(name: &str) -> bool {
    let last = name.rsplit('.').next().unwrap_or(name);
    last.trim_start_matches('_').starts_with(char::is_uppercase)
        && !matches!(last, "FunctionType" | "LambdaType" | "Popen" | "CDLL" | "FileIO")
}

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

/// Modules that others import, so that they can be reached through them.
const REACHED: [&str; 9] =
    ["os", "posix", "sys", "subprocess", "shutil", "socket", "importlib", "ctypes", "builtins"];

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
