//! Configurations as they are written: in both forms, with mistakes, and against what describes them.

mod described;
mod forms;
mod reading;
mod validator;

use super::*;

/// A configuration that lacks nothing; its last line is the seventh.
const GOOD: &str =
    "[data]\nroot = \"d\"\n[model]\narch = \"resnet18\"\nweights = \"none\"\n[train]\nepochs = 3\n";

fn read_text(text: &str, overrides: &[&str]) -> Result<(Config, Source), String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("c.toml");
    std::fs::write(&path, text).unwrap();
    let overrides: Vec<String> = overrides.iter().map(|&o| o.to_owned()).collect();
    let shown = format!("{}/", folder.path().display());
    read(&path, &overrides).map_err(|error| error.to_string().replace(&shown, ""))
}
