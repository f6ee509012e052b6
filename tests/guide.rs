//! What readers are sent to is there: the pages of the guide, their links, and the configurations that they name.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use run_config::{self, Config};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The files of a folder with this ending.
fn files(folder: &str, ending: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(root().join(folder)).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == ending));
    files.sort();
    files
}

/// Where the links and pictures of a Markdown text lead within the repository.
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
fn every_configuration_of_the_repository_is_one() {
    let mut paths = vec![root().join("dogs_cats.toml")];
    paths.extend(files("configs", "toml"));
    paths.extend(files("configs/claims", "toml"));
    assert!(paths.len() > 8);
    for path in paths {
        let (config, _) = config::read(&path, &[]).unwrap_or_else(|error| panic!("{error}"));
        for setting in config.compare.iter().flat_map(|compare| &compare.settings) {
            let changed = config::overlay(&config, &setting.set);
            changed.unwrap_or_else(|error| panic!("{}: {}: {error}", path.display(), setting.name));
        }
        // Each says how it is run.
        let text = fs::read_to_string(&path).unwrap();
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        assert!(text.contains(&format!("--config {name}")), "{name}");
    }
}

#[test]
fn the_configuration_to_copy_is_shown_whole() {
    let text = fs::read_to_string(root().join("dogs_cats.toml")).unwrap();
    let (_, keys) = text.split_once("\n\n").unwrap();
    let page = fs::read_to_string(root().join("README.md")).unwrap();
    assert!(page.contains(&format!("```toml\n{keys}```\n")), "README.md shows another dogs_cats.toml");
}

/// Every key that has a default, once the tables are there that a file has to name.
fn defaults() -> Vec<(String, toml::Value)> {
    let optional = "[train.sgd]\n[train.adam]\n[train.rmsprop]\n[train.step]\n[train.one_cycle]\n[train.plateau]\n\
                    [augment.resized_crop]\n[augment.randaugment]\n[augment.color_jitter]\n[augment.blur]\n[augment.erasing]\n\
                    [regularize.l2_sp]\n[regularize.delta]\n[regularize.spectral_shrinkage]\n[regularize.co_tuning]\n\
                    [compare]\n";
    let config: Config = toml::from_str(&format!("{REQUIRED}{optional}")).unwrap();
    let mut keys = Vec::new();
    leaves("", toml::Value::try_from(config).unwrap(), &mut keys);
    keys
}

const REQUIRED: &str = "[data]\nroot = \"d\"\n[model]\narch = \"a\"\nweights = \"w\"\n";

fn leaves(prefix: &str, value: toml::Value, keys: &mut Vec<(String, toml::Value)>) {
    match value {
        toml::Value::Table(table) => {
            for (key, value) in table {
                let key = if prefix.is_empty() { key } else { format!("{prefix}.{key}") };
                leaves(&key, value, keys);
            }
        }
        value => keys.push((prefix.to_owned(), value)),
    }
}

#[test]
fn the_reference_of_keys_has_each_of_them_with_its_default() {
    let page = fs::read_to_string(root().join("docs/configuration.md")).unwrap();
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let rows: BTreeMap<&str, &str> = rows
        .map(|row| {
            let mut cells = row.split(" | ");
            (cells.next().unwrap().trim_end_matches('`'), cells.next().unwrap().trim_matches('`'))
        })
        .collect();
    let defaults = defaults();
    assert!(defaults.len() > 70, "{}", defaults.len());
    for (key, value) in &defaults {
        let shown = rows.get(key.as_str()).unwrap_or_else(|| panic!("{key} is not in docs/configuration.md"));
        if *shown != "required" {
            let shown: toml::Table =
                format!("shown = {shown}").parse().unwrap_or_else(|_| panic!("{key}: {shown}"));
            assert_eq!(shown["shown"], *value, "{key}");
        }
    }
    // And none that there is not: what is refused here is refused for its type.
    for (key, shown) in rows {
        let known = defaults.iter().any(|(known, _)| known == key);
        assert!(known || shown == "–", "{key} has no default {shown}");
        let mut table: toml::Table = REQUIRED.parse().unwrap();
        let mut parts = key.split('.').peekable();
        let mut place = &mut table;
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                place.insert(part.to_owned(), toml::Value::Datetime("1979-05-27".parse().unwrap()));
                break;
            }
            let below = place.entry(part).or_insert_with(|| toml::Value::Table(toml::Table::new()));
            place = below.as_table_mut().unwrap();
        }
        if let Err(error) = toml::Value::Table(table).try_into::<Config>() {
            assert!(!error.to_string().contains("unknown field"), "{key}: {error}");
        }
    }
}
