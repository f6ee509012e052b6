//! Programs of the real workspace that need no libtorch, built as `cargo xtask` builds them.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

/// The path of the program that `cargo build` with these arguments makes.
pub(crate) fn program(arguments: &[&str]) -> PathBuf {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(["build", "--quiet", "--message-format", "json"]);
    cargo.args(arguments);
    // What cargo says of this test's own package would make build scripts that watch it run again.
    for (name, _) in std::env::vars_os() {
        let is_of_package =
            ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|start| name.to_string_lossy().starts_with(start));
        if is_of_package {
            cargo.env_remove(&name);
        }
    }
    let output = cargo.stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success());
    let messages = String::from_utf8(output.stdout).unwrap();
    let executable = |line: &str| {
        let message: Value = serde_json::from_str(line).unwrap();
        message["executable"].as_str().map(PathBuf::from)
    };
    messages.lines().filter_map(executable).next_back().unwrap()
}
