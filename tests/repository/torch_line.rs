//! The crates: what lies above the torch line builds without libtorch, and every arrow between crates points down.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

/// Crates above the line.
const ABOVE: [&str; 25] = [
    "machine-commands",
    "shared-libraries",
    "bundle",
    "graph",
    "serve",
    "onnx",
    "files",
    "pip",
    "ranged",
    "records",
    "statistics",
    "predictions",
    "comparison",
    "search",
    "checkpoint",
    "pretrained",
    "libjpeg",
    "image-file",
    "copies",
    "images",
    "glyphs",
    "report",
    "progress",
    "xtask",
    "experiments",
];

/// The families of networks: none knows another.
const FAMILIES: [&str; 12] = [
    "lenet",
    "alexnet",
    "vgg",
    "inception",
    "resnet",
    "densenet",
    "mobilenet",
    "efficientnet",
    "regnet",
    "vit",
    "swin",
    "convnext",
];

/// The crates from the ground up, those to come too. Each is built from crates of lower floors alone, so that those of one
/// floor know nothing of each other.
const HOUSE: [&[&str]; 17] = [
    &[
        "files",
        "graph",
        "pip",
        "ranged",
        "records",
        "statistics",
        "predictions",
        "libjpeg",
        "shared-libraries",
        "torch-extra",
    ],
    &[
        "checkpoint",
        "pretrained",
        "image-file",
        "glyphs",
        "comparison",
        "search",
        "team",
        "machine-commands",
        "bundle",
    ],
    &["copies", "images", "onnx", "report", "xtask"],
    &["regularize", "progress", "serve"],
    &["backbone"],
    &["conformance"],
    &FAMILIES,
    &["zoo"],
    &["run-config"],
    &["features", "run-folder"],
    &["transferability", "data-parallel"],
    &["training"],
    &["audit", "trained-model", "run-state"],
    &["export"],
    &["model-commands"],
    &["finetune-core"],
    &["experiments"],
];

/// A crate of the workspace.
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) folder: PathBuf,
    /// Crates of the workspace that it is built from.
    needs: BTreeSet<String>,
    /// Those, and the ones that its tests use.
    dependencies: BTreeSet<String>,
}

fn cargo(arguments: &[&str]) -> String {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.current_dir(env!("CARGO_MANIFEST_DIR")).args(arguments).args(["--offline", "--locked"]);
    let output = cargo.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// Names of all crates that a crate is built from, itself included.
fn built_from(name: &str) -> BTreeSet<String> {
    let tree = cargo(&["tree", "-p", name, "-e", "normal,build", "--prefix", "none", "--format", "{p}"]);
    let words = tree.lines().filter_map(|line| line.split_whitespace().next());
    words.map(str::to_owned).collect()
}

/// All crates of the workspace.
pub(crate) fn packages() -> Vec<Package> {
    let metadata = cargo(&["metadata", "--format-version", "1", "--no-deps"]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let name = |value: &Value| value["name"].as_str().unwrap().to_owned();
    let own: BTreeSet<String> = packages.iter().map(name).collect();
    let package = |package: &Value| {
        let dependencies = package["dependencies"].as_array().unwrap();
        let own = |with_tests: bool| {
            let kept = dependencies.iter().filter(|it| with_tests || it["kind"] != "dev");
            kept.map(name).filter(|it| own.contains(it)).collect()
        };
        let folder = Path::new(package["manifest_path"].as_str().unwrap()).parent().unwrap().to_owned();
        Package { name: name(package), folder, needs: own(false), dependencies: own(true) }
    };
    packages.iter().map(package).collect()
}

#[test]
fn nothing_above_the_line_needs_libtorch() {
    let own: BTreeSet<String> = packages().into_iter().map(|package| package.name).collect();
    let above: Vec<&str> = ABOVE.into_iter().filter(|name| own.contains(*name)).collect();
    assert!(above.len() > 6, "{above:?}");
    for name in above {
        let crates = built_from(name);
        assert!(crates.contains(name), "{name}: {crates:?}");
        assert!(!crates.contains("torch-sys") && !crates.contains("tch"), "{name} lies below the torch line");
    }
    // The same look does see what lies below.
    assert!(built_from("lenet").contains("torch-sys"));
}

#[test]
fn network_and_fonts_stay_in_the_tools_that_xtask_runs() {
    for name in ["xtask", "finetune-core"] {
        let crates = built_from(name);
        let found =
            ["ureq", "rustls", "ring", "ab_glyph", "typst-assets"].iter().find(|it| crates.contains(**it));
        assert_eq!(found, None, "{name} is built from it");
    }
    assert!(built_from("glyphs").contains("ab_glyph"));
    let with_fetch =
        cargo(&["tree", "-p", "pretrained", "--features", "fetch", "-e", "normal", "--prefix", "none"]);
    assert!(with_fetch.contains("rustls"));
}

#[test]
fn every_arrow_points_down_the_list() {
    let floor = |name: &str| HOUSE.iter().position(|floor| floor.contains(&name));
    for Package { name, needs, .. } in packages() {
        let own = floor(&name).unwrap_or_else(|| panic!("{name} has no floor in HOUSE"));
        for other in &needs {
            assert!(floor(other).is_some_and(|below| below < own), "{name} imports {other}");
        }
        let known: Option<&[&str]> = match name.as_str() {
            "checkpoint" | "pretrained" | "glyphs" | "report" => {
                Some(&["files", "pip", "ranged", "records", "statistics"])
            }
            "xtask" => Some(&["files", "machine-commands", "pip", "records"]),
            "regularize" => Some(&["ranged", "torch-extra"]),
            "backbone" => Some(&["checkpoint", "graph", "pretrained", "torch-extra"]),
            family if FAMILIES.contains(&family) => {
                Some(&["checkpoint", "graph", "pretrained", "torch-extra", "regularize", "backbone"])
            }
            _ => None,
        };
        let stranger = needs.iter().find(|other| known.is_some_and(|known| !known.contains(&&***other)));
        assert_eq!(stranger, None, "{name} imports what it must not know");
    }
}

/// Cargo refuses a circle of crates that are built from each other, but not one that leads through the crates of a test.
#[test]
fn no_crates_use_each_other_in_a_circle() {
    let mut left: BTreeMap<String, BTreeSet<String>> =
        packages().into_iter().map(|package| (package.name, package.dependencies)).collect();
    while !left.is_empty() {
        let free: Vec<String> =
            left.iter().filter(|(_, others)| others.is_empty()).map(|(name, _)| name.clone()).collect();
        assert!(!free.is_empty(), "a circle goes through {:?}", left.keys());
        left.retain(|name, _| !free.contains(name));
        left.values_mut().for_each(|others| others.retain(|other| !free.contains(other)));
    }
}
