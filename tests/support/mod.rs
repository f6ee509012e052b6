//! A user's desk: a folder with generated images and a configuration, where the `finetune` program is run.

mod base;
pub(crate) mod built;
pub(crate) mod key_paths;
pub(crate) mod left;
pub(crate) mod resumable;
pub(crate) mod safetensors;
mod shapes;
pub(crate) mod short_runs;
pub(crate) mod stopped;
pub(crate) mod together;
pub(crate) mod transfer;

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) use shapes::shape_image;

/// LeNet from random weights, one epoch in batches of four, on one thread.
pub(crate) const SCRATCH: &str = r#"[data]
root = "data"

[model]
arch = "lenet5_relu"
weights = "none"

[finetune]
depth = "scratch"

[train]
epochs = 1
batch_size = 4
keep = "last"
[run]
device = "cpu"
threads = 1
workers = 1
"#;

/// A temporary folder in which the program is run. It is removed at the end of the test.
pub(crate) struct Desk(TempDir);

impl Desk {
    /// With the configuration [`SCRATCH`] as `c.toml`, and images of two classes: six each to train on and two each to
    /// validate with.
    pub(crate) fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        desk.write("c.toml", SCRATCH);
        for class in ["bar", "cross"] {
            desk.draw(&format!("data/train/{class}"), class, 0..6);
            desk.draw(&format!("data/val/{class}"), class, 100..102);
        }
        desk
    }

    /// A path on the desk.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a file, and the folders above it.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    /// Draws the images of these numbers into a folder.
    pub(crate) fn draw(&self, folder: &str, shape: &str, numbers: Range<u32>) {
        shapes::draw(&self.path(folder), shape, numbers);
    }

    /// The program, ready to be started here. Weights are found on the desk alone, and a backtrace would be shown.
    pub(crate) fn program(&self) -> Command {
        let mut program = Command::new(env!("CARGO_BIN_EXE_finetune"));
        program.current_dir(self.0.path()).env("RUST_BACKTRACE", "1").env_remove("RUST_LOG");
        program.env("FINETUNE_WEIGHTS", self.path("weights")).env("TORCH_HOME", self.path("no-cache"));
        program.env("XDG_CACHE_HOME", self.path(".cache")).env("HF_HUB_CACHE", self.path("no-cache"));
        program
    }

    /// Runs the program with these arguments, separated by spaces, to its end.
    pub(crate) fn finetune(&self, arguments: &str) -> Ran {
        Ran::of(&self.program().args(arguments.split_whitespace()).output().unwrap())
    }

    /// A JSON file on the desk.
    pub(crate) fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path(name)).unwrap()).unwrap()
    }
}

/// What came of a run of the program.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    pub(crate) fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout.clone()).unwrap(),
            stderr: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }

    /// Asserts the exit code, that stderr holds all of these texts, and that no panic shows.
    #[track_caller]
    pub(crate) fn ends(self, code: i32, says: &[&str]) -> Self {
        let Self { stdout, stderr, .. } = &self;
        assert_eq!(self.code, Some(code), "stdout:\n{stdout}\nstderr:\n{stderr}");
        for text in says {
            assert!(stderr.contains(text), "{text:?} is not said in\n{stderr}");
        }
        for trace in ["panicked", "internal error", "RUST_BACKTRACE", "stack backtrace"] {
            assert!(!stderr.contains(trace), "{stderr}");
        }
        self
    }
}

/// Names of what a folder holds, sorted.
pub(crate) fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}
