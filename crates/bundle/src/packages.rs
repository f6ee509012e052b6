//! The crates that a program is made of, out of what `cargo metadata` says.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

/// A crate.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Package {
    /// Its name.
    pub(crate) name: String,
    /// Its version.
    pub(crate) version: String,
    /// Its licence, as an SPDX expression.
    pub(crate) license: Option<String>,
    /// Where it comes from; `None` for crates of this workspace.
    pub(crate) source: Option<String>,
    manifest_path: PathBuf,
    id: String,
}

impl Package {
    /// The folder of its sources.
    pub(crate) fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(&self.manifest_path)
    }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<Kind>,
}

#[derive(Deserialize)]
struct Kind {
    /// `None` for what is linked, `build` and `dev` for what is not.
    kind: Option<String>,
}

/// Reads a file of metadata; returns the crates named and all that is linked into them, sorted.
pub(crate) fn read(file: &Path, roots: &[&str]) -> Result<Vec<Package>> {
    let text = fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    linked(&text, roots).with_context(|| format!("{} is not what `cargo metadata` writes", file.display()))
}

fn linked(json: &str, roots: &[&str]) -> Result<Vec<Package>> {
    let metadata: Metadata = serde_json::from_str(json)?;
    let edges: BTreeMap<&str, &[Dependency]> =
        metadata.resolve.nodes.iter().map(|node| (node.id.as_str(), node.deps.as_slice())).collect();
    let is_root = |package: &&Package| package.source.is_none() && roots.contains(&package.name.as_str());
    let mut open: Vec<&str> =
        metadata.packages.iter().filter(is_root).map(|package| package.id.as_str()).collect();
    ensure!(open.len() == roots.len(), "not all of {roots:?} are in it");
    let mut seen = BTreeSet::new();
    while let Some(id) = open.pop() {
        if seen.insert(id) {
            let of_node = edges.get(id).copied().unwrap_or_default().iter();
            let linked =
                of_node.filter(|dependency| dependency.dep_kinds.iter().any(|kind| kind.kind.is_none()));
            open.extend(linked.map(|dependency| dependency.pkg.as_str()));
        }
    }
    let mut packages: Vec<Package> =
        metadata.packages.iter().filter(|package| seen.contains(package.id.as_str())).cloned().collect();
    packages.sort();
    Ok(packages)
}

/// Returns the version of one of them.
pub(crate) fn version(packages: &[Package], name: &str) -> Result<String> {
    let package = packages.iter().find(|package| package.name == name);
    Ok(package.with_context(|| format!("there is no {name}"))?.version.clone())
}

/// Crates in short, for tests.
#[cfg(test)]
pub(crate) fn package(name: &str, license: Option<&str>, folder: &Path) -> Package {
    Package {
        name: name.to_owned(),
        version: "1.0.0".to_owned(),
        license: license.map(str::to_owned),
        source: Some("registry+test".to_owned()),
        manifest_path: folder.join("Cargo.toml"),
        id: name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_linked_is_found_through_others_and_tools_of_the_build_are_not() {
        let crate_of = |name: &str, source: &str| {
            format!(
                r#"{{"id": "{name}", "name": "{name}", "version": "1.2.3", "license": "MIT", "source": {source}, "manifest_path": "/{name}/Cargo.toml"}}"#
            )
        };
        let to = |pkg: &str, kind: &str| format!(r#"{{"pkg": "{pkg}", "dep_kinds": [{{"kind": {kind}}}]}}"#);
        let node = |id: &str, deps: &[String]| format!(r#"{{"id": "{id}", "deps": [{}]}}"#, deps.join(","));
        let text = format!(
            r#"{{"packages": [{}], "resolve": {{"nodes": [{}]}}}}"#,
            [
                crate_of("finetune-core", "null"),
                crate_of("tch", "\"registry\""),
                crate_of("half", "\"registry\""),
                crate_of("cc", "\"registry\"")
            ]
            .join(","),
            [
                node("finetune-core", &[to("tch", "null"), to("cc", "\"build\"")]),
                node("tch", &[to("half", "null")]),
                node("half", &[]),
                node("cc", &[]),
            ]
            .join(",")
        );
        let packages = linked(&text, &["finetune-core"]).unwrap();
        let names: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
        assert_eq!(names, ["finetune-core", "half", "tch"]);
        assert_eq!(version(&packages, "tch").unwrap(), "1.2.3");
        assert_eq!(packages[0].folder(), Path::new("/finetune-core"));
        assert!(linked(&text, &["finetune-core", "elsewhere"]).is_err());
    }
}
