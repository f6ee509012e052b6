//! Where things lie: the workspace, its `.libtorch` link, the user's cache, and which crates need libtorch.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use crate::process;

/// This checkout.
pub struct Workspace {
    /// The folder of the root `Cargo.toml`, absolute.
    pub root: PathBuf,
}

impl Workspace {
    /// The workspace that this xtask belongs to, from wherever inside it `cargo xtask` was called.
    pub fn find() -> Result<Self> {
        let manifest =
            std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let folder = PathBuf::from(manifest);
        let root = folder.parent().context("xtask lies in no workspace: run it as `cargo xtask`")?;
        Ok(Self { root: root.to_owned() })
    }

    /// The link to libtorch that `.cargo/config.toml` names.
    pub fn libtorch_link(&self) -> PathBuf {
        self.root.join(".libtorch")
    }

    /// `cargo`, run at the root, with the environment that a user's own call would have.
    pub fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        command.args(arguments).current_dir(&self.root);
        // Cargo set this one for xtask out of `.cargo/config.toml` and will set it again for its build scripts.
        // Handing it on as if it were the user's could make libtorch's C++ binding compile a second time.
        if std::env::var_os("LIBTORCH").is_some_and(|given| Path::new(&given) == self.libtorch_link()) {
            command.env_remove("LIBTORCH");
        }
        // Likewise the variables that cargo sets for xtask's own package: build scripts that watch it (ring's does) would run again.
        for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_package(&name.to_string_lossy())) {
            command.env_remove(name);
        }
        command
    }

    /// The crates of this workspace by whether they need libtorch, asked of cargo itself.
    pub fn crates(&self) -> Result<Crates> {
        let host = &host()?;
        let command = &mut self.cargo(&["metadata", "--format-version", "1", "--filter-platform", host]);
        let answer = process::ask(command).context("`cargo metadata` failed: run it by hand to see why")?;
        Crates::from_metadata(&answer)
    }
}

/// Returns the platform that cargo builds for, `x86_64-unknown-linux-gnu`.
///
/// # Errors
/// `rustc` does not answer.
pub(crate) fn host() -> Result<String> {
    let rustc = process::ask(Command::new("rustc").arg("-vV")).context("`rustc -vV` failed")?;
    let host = rustc.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("`rustc -vV` names no host")
}

/// Whether cargo sets this variable to describe the package it runs.
fn is_of_package(name: &str) -> bool {
    let about = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"];
    about.iter().any(|prefix| name.starts_with(prefix))
}

/// The folder of this project in the user's cache, as [`files::cache_folder`] has it.
///
/// # Errors
/// There is none.
pub fn cache_folder() -> Result<PathBuf> {
    files::cache_folder().context("neither XDG_CACHE_HOME nor HOME names an absolute folder: set one of them")
}

/// Names of the workspace's crates, each list sorted.
#[derive(Debug, PartialEq, Eq)]
pub struct Crates {
    /// Above the torch line: these build and run without libtorch.
    pub above: Vec<String>,
    /// Below it.
    pub below: Vec<String>,
}

impl Crates {
    fn from_metadata(json: &str) -> Result<Self> {
        let metadata: Metadata =
            serde_json::from_str(json).context("`cargo metadata` answered in an unknown form")?;
        let names: BTreeMap<&str, &str> =
            metadata.packages.iter().map(|package| (&*package.id, &*package.name)).collect();
        let edges: BTreeMap<&str, &[String]> =
            metadata.resolve.nodes.iter().map(|node| (&*node.id, &*node.dependencies)).collect();
        let mut crates = Self { above: Vec::new(), below: Vec::new() };
        for member in &metadata.workspace_members {
            let name = names
                .get(&**member)
                .with_context(|| format!("`cargo metadata` does not describe {member}"))?;
            let needs = closure(member, &edges);
            let torch = needs.iter().any(|id| names.get(id) == Some(&"torch-sys"));
            let side = if torch { &mut crates.below } else { &mut crates.above };
            side.push((*name).to_owned());
        }
        crates.above.sort();
        crates.below.sort();
        Ok(crates)
    }
}

/// Everything that `start` depends on, itself included.
fn closure<'a>(start: &'a str, edges: &BTreeMap<&'a str, &'a [String]>) -> BTreeSet<&'a str> {
    let mut seen = BTreeSet::from([start]);
    let mut open = vec![start];
    while let Some(id) = open.pop() {
        let next = edges.get(id).copied().unwrap_or_default();
        open.extend(next.iter().map(String::as_str).filter(|next| seen.insert(next)));
    }
    seen
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    dependencies: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_is_below_the_line_when_anything_it_uses_needs_torch_sys() {
        let json = r#"{
            "packages": [{"id": "a 1", "name": "a"}, {"id": "b 1", "name": "b"}, {"id": "tch 1", "name": "tch"},
                         {"id": "ts 1", "name": "torch-sys"}, {"id": "c 1", "name": "c"}],
            "workspace_members": ["c 1", "b 1", "a 1"],
            "resolve": {"nodes": [{"id": "a 1", "dependencies": []}, {"id": "b 1", "dependencies": ["a 1", "tch 1"]},
                        {"id": "tch 1", "dependencies": ["ts 1"]}, {"id": "ts 1", "dependencies": []},
                        {"id": "c 1", "dependencies": ["b 1"]}]}}"#;
        let crates = Crates::from_metadata(json).unwrap();
        assert_eq!(crates, Crates { above: vec!["a".into()], below: vec!["b".into(), "c".into()] });
    }

    #[test]
    fn a_spawned_cargo_sees_what_the_users_own_would() {
        assert!(is_of_package("CARGO_PKG_VERSION") && is_of_package("CARGO_MANIFEST_DIR"));
        for users in ["CARGO_TARGET_DIR", "CARGO_HOME", "CARGO_NET_OFFLINE", "CARGO"] {
            assert!(!is_of_package(users), "{users}");
        }
    }

    #[test]
    fn the_upper_rooms_of_this_workspace_need_no_libtorch() {
        let crates = Workspace::find().unwrap().crates().unwrap();
        for room in [
            "checkpoint",
            "experiments",
            "files",
            "glyphs",
            "image-file",
            "images",
            "pip",
            "pretrained",
            "records",
            "report",
            "xtask",
        ] {
            assert!(crates.above.iter().any(|name| name == room), "{room} has come to depend on torch-sys");
        }
    }
}
