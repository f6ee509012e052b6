//! The rooms of the house: what lies above the torch line builds without libtorch, families know nothing of one another,
//! and nobody imports the recipe.

use std::collections::BTreeSet;
use std::process::Command;

/// Crates above the line.
const ABOVE: [&str; 9] =
    ["xtask", "records", "statistics", "comparison", "report", "pretrained", "libjpeg", "images", "glyphs"];

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

/// Each crate of the workspace with the crates of the workspace that it names itself.
fn rooms() -> Vec<(String, BTreeSet<String>)> {
    let metadata = cargo(&["metadata", "--format-version", "1", "--no-deps"]);
    let metadata: serde_json::Value = serde_json::from_str(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let name = |value: &serde_json::Value| value["name"].as_str().unwrap().to_owned();
    let own: BTreeSet<String> = packages.iter().map(name).collect();
    let dependencies = |package: &serde_json::Value| {
        package["dependencies"].as_array().unwrap().iter().map(name).filter(|d| own.contains(d)).collect()
    };
    packages.iter().map(|package| (name(package), dependencies(package))).collect()
}

#[test]
fn nothing_above_the_line_needs_libtorch() {
    for name in ABOVE {
        let crates = built_from(name);
        assert!(crates.contains(name) && crates.len() > 5, "{name}: {crates:?}");
        assert!(!crates.contains("torch-sys") && !crates.contains("tch"), "{name} lies below the torch line");
    }
    // The same look does see what lies below.
    assert!(built_from("lenet").contains("torch-sys"));
}

#[test]
fn network_and_fonts_stay_in_the_tools_that_xtask_runs() {
    for name in ["xtask", "finetune-core"] {
        let crates = built_from(name);
        let found = ["ureq", "rustls", "ring", "ab_glyph", "typst-assets", "dejavu", "fontdb", "resvg"]
            .iter()
            .find(|it| crates.contains(**it));
        assert_eq!(found, None, "{name} is built from it");
    }
    let glyphs = built_from("glyphs");
    assert!(glyphs.contains("ab_glyph") && glyphs.contains("dejavu"));
    let with_fetch =
        cargo(&["tree", "-p", "pretrained", "--features", "fetch", "-e", "normal", "--prefix", "none"]);
    assert!(with_fetch.contains("rustls"));
}

#[test]
fn nobody_imports_the_recipe_and_no_family_another() {
    let rooms = rooms();
    let families: BTreeSet<&String> = rooms
        .iter()
        .filter(|(name, dependencies)| name != "finetune-core" && dependencies.contains("backbone"))
        .map(|(name, _)| name)
        .collect();
    assert!(families.iter().any(|name| *name == "lenet") && families.iter().any(|name| *name == "resnet"));
    for (name, dependencies) in &rooms {
        assert!(!dependencies.contains("finetune-core"), "{name} imports finetune-core");
        let is_family = families.contains(name);
        let other = dependencies.iter().find(|other| is_family && families.contains(other));
        assert_eq!(other, None, "{name} imports another family");
    }
}

#[test]
fn each_room_knows_only_what_it_may() {
    for (name, dependencies) in rooms() {
        let forbidden: &[&str] = match name.as_str() {
            "pretrained" | "libjpeg" | "glyphs" | "records" | "statistics" | "torch-extra" | "xtask" => {
                assert!(dependencies.is_empty(), "{name} knows no other room, but imports {dependencies:?}");
                &[]
            }
            "comparison" | "report" => {
                let known = BTreeSet::from(["records", "statistics"].map(str::to_owned));
                assert!(dependencies.is_subset(&known), "{name} imports {dependencies:?}");
                &[]
            }
            "regularize" => &["backbone", "images", "pretrained", "report"],
            "backbone" => &["images", "report", "regularize", "glyphs"],
            _ => &[],
        };
        let found = forbidden.iter().find(|room| dependencies.contains(**room));
        assert_eq!(found, None, "{name} imports what it must not know");
    }
}
