//! The shape of the sources: no circle between modules, no crate and no file too long, no parameter that is a tuple.
//!
//! `allowed.txt` lists what does not keep to it yet. It may only become shorter: an entry that is no longer needed fails the
//! test, too.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::modules::{Modules, roots};
use crate::root;
use crate::sources::{functions_with_tuples, lines, rust_files};
use crate::torch_line::packages;

/// Lines in `src` that a crate may have.
const CRATE: usize = 8000;

/// Lines that xtask may have: its first call waits for its build.
const XTASK: usize = 5500;

/// Lines that a file may have.
const FILE: usize = 400;

/// Asserts that what offends against a rule is what `allowed.txt` lists for it.
#[track_caller]
fn only_allowed(rule: &str, offenders: impl IntoIterator<Item = String>) {
    let list = fs::read_to_string(root().join("tests/repository/allowed.txt")).unwrap();
    let listed = list.lines().filter_map(|line| line.split_once(' ')).filter(|(of, _)| *of == rule);
    let listed: BTreeSet<String> = listed.map(|(_, name)| name.to_owned()).collect();
    let found: BTreeSet<String> = offenders.into_iter().collect();
    let more: Vec<_> = found.difference(&listed).collect();
    let mended: Vec<_> = listed.difference(&found).collect();
    assert!(more.is_empty(), "{rule}: {more:#?}");
    assert!(mended.is_empty(), "{rule}: take these out of allowed.txt, they are mended: {mended:#?}");
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().display().to_string()
}

#[test]
fn no_modules_of_a_crate_use_each_other_in_a_circle() {
    let mut read = 0;
    let mut circles = Vec::new();
    for package in packages() {
        for file in roots(&package.folder.join("src")) {
            read += 1;
            let modules = Modules::read(&file);
            for circle in modules.circles() {
                eprintln!("{}: a circle of {}", package.name, circle.join(", "));
                eprintln!("  {}", modules.arrows_among(&circle).join("\n  "));
                circles.push(package.name.clone());
            }
        }
    }
    assert!(read > 15, "{read}");
    only_allowed("circle", circles);
}

#[test]
fn no_crate_is_too_long() {
    let long = packages().into_iter().filter(|package| {
        let lines: usize = rust_files(&package.folder.join("src")).iter().map(|file| lines(file)).sum();
        assert!(lines > 0, "{}", package.name);
        lines > if package.name == "xtask" { XTASK } else { CRATE }
    });
    only_allowed("crate", long.map(|package| package.name));
}

#[test]
fn no_file_is_too_long() {
    let files = rust_files(&root());
    assert!(files.len() > 300, "{}", files.len());
    only_allowed("file", files.iter().filter(|file| lines(file) > FILE).map(|file| relative(file)));
}

#[test]
fn no_parameter_is_a_tuple() {
    let mut found = Vec::new();
    for package in packages() {
        for file in rust_files(&package.folder.join("src")) {
            let functions = functions_with_tuples(&fs::read_to_string(&file).unwrap());
            found.extend(functions.into_iter().map(|function| format!("{} {function}", package.name)));
        }
    }
    only_allowed("tuple", found);
}
