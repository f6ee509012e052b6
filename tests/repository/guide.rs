//! What readers are sent to is there: the pages of the guide, their links, and the configurations that they name.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use crate::root;

/// The files of a folder with this ending.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == ending));
    files.sort();
    files
}

/// Where the links and images of a Markdown text lead within the repository.
fn links(text: &str) -> Vec<&str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.filter(|target| !target.contains("://") && !target.starts_with('#')).collect()
}

#[test]
fn links_lead_somewhere() {
    let mut pages = files("docs", "md");
    pages.extend(["README.md", "ARCHITECTURE.md"].map(|name| root().join(name)));
    let mut followed = 0;
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        for link in links(&text) {
            let target = page.parent().unwrap().join(link.split('#').next().unwrap());
            assert!(target.exists(), "{}: {link} leads nowhere", page.display());
            followed += 1;
        }
    }
    assert!(followed > 20, "{followed}");
}

#[test]
fn every_page_is_in_the_contents_of_the_guide() {
    let contents = fs::read_to_string(root().join("docs/SUMMARY.md")).unwrap();
    let listed: BTreeSet<&str> = links(&contents).into_iter().collect();
    for page in files("docs", "md") {
        let name = page.file_name().unwrap().to_str().unwrap();
        assert!(name == "SUMMARY.md" || listed.contains(name), "{name} is not in docs/SUMMARY.md");
    }
}

#[test]
fn every_configuration_named_in_the_guide_is_there() {
    let mut named = 0;
    for page in files("docs", "md") {
        let text = fs::read_to_string(&page).unwrap();
        for name in text.split("configs/").skip(1).filter_map(|rest| rest.split(".toml").next()) {
            if name.contains(char::is_whitespace) || name.contains('`') {
                continue;
            }
            assert!(
                root().join(format!("configs/{name}.toml")).exists(),
                "{}: configs/{name}.toml",
                page.display()
            );
            named += 1;
        }
    }
    assert!(named > 4, "{named}");
}

#[test]
fn every_configuration_says_how_it_is_run() {
    let mut paths = vec![root().join("dogs_cats.toml")];
    paths.extend(files("configs", "toml"));
    paths.extend(files("configs/claims", "toml"));
    assert!(paths.len() > 8);
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        assert!(text.contains(&format!("--config {name}")), "{name}");
    }
}

#[test]
fn the_configuration_to_copy_is_shown_whole() {
    let text = fs::read_to_string(root().join("dogs_cats.toml")).unwrap();
    let (_, keys) = text.split_once("\n\n").unwrap();
    let page = fs::read_to_string(root().join("docs/data.md")).unwrap();
    assert!(page.contains(&format!("```toml\n{keys}```\n")), "docs/data.md shows another dogs_cats.toml");
}

#[test]
fn the_first_page_is_short_and_begins_with_two_commands() {
    let page = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(page.lines().count() <= 150, "{}", page.lines().count());
    let commands: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("    ")).take(2).collect();
    assert!(commands[0].starts_with("cargo xtask fetch-weights"), "{commands:?}");
    assert!(commands[1].starts_with("cargo run -p finetune-core -- --config dogs_cats.toml"), "{commands:?}");
}
