//! The data of the tasks as folders with `train` and `test`.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

use anyhow::{Context, Result, bail};
use xtask::recipe::LettersAndSource;
use xtask::workspace::Workspace;

use super::fashion;
use super::tasks::Data;

/// Lays a task's data out, unless they are there, and returns their folder, relative to the workspace.
pub(super) fn lay_out(
    workspace: &Workspace,
    data: &Data,
    letters: &LettersAndSource,
    test_per_class: u32,
) -> Result<String> {
    match data {
        Data::Cyrillic => Ok(letters.cyrillic.clone()),
        Data::Photos(name) => photos(workspace, name),
        Data::Fashion => fashion::images(workspace, test_per_class),
    }
}

/// A folder whose `test` is what the data set calls `val`: nothing is chosen by these images.
fn photos(workspace: &Workspace, name: &str) -> Result<String> {
    let from = workspace.root.join("data").join(name);
    if !from.join("train").is_dir() || !from.join("val").is_dir() {
        bail!("{} is not there: cargo xtask fetch-data {name}", from.display());
    }
    let root = format!("data/regret/{name}");
    let folder = workspace.root.join(&root);
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for (split, called) in [("train", "train"), ("val", "test")] {
        link(&from.join(split), &folder.join(called))?;
    }
    Ok(root)
}

fn link(from: &Path, to: &Path) -> Result<()> {
    match symlink(from, to) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(error).with_context(|| format!("cannot make {}", to.display()))
        }
        _ => Ok(()),
    }
}
