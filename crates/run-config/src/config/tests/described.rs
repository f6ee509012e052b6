//! The page and the schema are those of the types, and every configuration of the repository fits.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::validator::validate;
use super::*;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn same_as(file: &str, made: &str, option: &str) {
    let kept = fs::read_to_string(root().join(file)).unwrap_or_default();
    assert!(
        kept == made,
        "{file} is not that of the types; write it with: finetune config --{option} > {file}"
    );
}

/// The configurations of the repository, each with its path.
fn configurations() -> Vec<PathBuf> {
    let mut paths = vec![root().join("dogs_cats.toml")];
    for folder in ["configs", "configs/claims"] {
        let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().path());
        paths.extend(entries.filter(|path| path.extension().is_some_and(|ending| ending == "toml")));
    }
    paths
}

/// Configurations that pages show, with what they leave out.
fn shown() -> Vec<(String, String)> {
    let pages =
        ["README.md", "docs/comparing.md", "docs/data.md", "docs/regularization.md", "docs/capacity.md"];
    let mut shown = Vec::new();
    for page in pages {
        let text = fs::read_to_string(root().join(page)).unwrap();
        for block in text.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()) {
            // A list of images to leave out is no configuration.
            if block.contains("[[exclude]]") {
                continue;
            }
            let required = [
                ("[data]", "[data]\nroot = \"d\"\n"),
                ("[model]", "[model]\narch = \"resnet18\"\nweights = \"none\"\n"),
            ];
            let lacking = required.iter().filter(|(table, _)| !block.contains(table)).map(|(_, text)| *text);
            shown.push((page.to_owned(), format!("{}{block}", lacking.collect::<String>())));
        }
    }
    shown
}

fn json(text: &str) -> Value {
    serde_json::to_value(text.parse::<toml::Table>().unwrap()).unwrap()
}

#[test]
fn the_page_and_the_schema_are_those_of_the_types() {
    same_as("docs/configuration.md", &reference(), "reference");
    same_as("configs/schema.json", &(serde_json::to_string_pretty(&schema()).unwrap() + "\n"), "schema");
}

#[test]
fn every_configuration_fits_the_schema_and_resolves() {
    let schema = schema();
    let paths = configurations();
    assert!(paths.len() > 8, "{}", paths.len());
    for path in paths {
        let text = fs::read_to_string(&path).unwrap();
        validate(&schema, &json(&text), "").unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let cpu = ["run.device=cpu".to_owned()];
        let (config, source) = read(&path, &cpu).unwrap_or_else(|error| panic!("{error}"));
        assert!(source.hints().is_empty(), "{:?}", source.hints());
        let settings = config.compare.as_ref().map_or(Vec::new(), |compare| compare.settings.clone());
        let run = crate::resolve(config, source).unwrap_or_else(|error| panic!("{error}"));
        for setting in settings {
            run.with_overrides(&setting).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
        // What is kept of it is read alike, and fits too.
        let kept = toml::to_string(&run.config).unwrap();
        assert_eq!(parse(&kept).unwrap(), run.config, "{}", path.display());
        validate(&schema, &json(&kept), "").unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

#[test]
fn every_configuration_that_a_page_shows_fits_the_schema_and_is_read() {
    let schema = schema();
    let shown = shown();
    assert!(shown.len() > 2, "{}", shown.len());
    for (page, text) in shown {
        validate(&schema, &json(&text), "").unwrap_or_else(|error| panic!("{page}: {error}\n{text}"));
        read_text(&text, &[]).unwrap_or_else(|error| panic!("{page}: {error}\n{text}"));
    }
}

#[test]
fn the_schema_refuses_what_reading_refuses() {
    let schema = schema();
    for (lines, fits) in [
        ("optimizer = \"sgd\"", true),
        ("optimizer = { name = \"sgd\", momentum = 0.8 }", true),
        ("optimizer = { name = \"sgd\", beta1 = 0.8 }", false),
        ("optimizer = { name = \"sgd\", momentum = 1.0 }", false),
        ("optimizer = { momentum = 0.8 }", false),
        ("optimizer = \"sgdd\"", false),
        ("schedule = \"cosine\"", true),
        ("schedule = { name = \"cosine\" }", true),
        ("schedule = { name = \"cosine\", every = 2 }", false),
        ("schedule = { name = \"one-cycle\", momentum = [0.7, 0.8] }", true),
        ("schedule = { name = \"one-cycle\", momentum = [0.7] }", false),
        ("learning_rate = 1", true),
        ("learning_rate = 0", false),
        ("epoch = 3", false),
        ("clip_norm = 0.0", false),
        ("class_weights = \"balanced\"", true),
        ("class_weights = { cat = -1 }", false),
        ("[train.sgd]", false),
        ("[finetune]\ndepth = \"last:2\"", true),
        ("[finetune]\ndepth = \"last:0\"", false),
        ("[finetune]\nrates = { layer1 = 0 }", false),
        ("[finetune]\nlora = {}", true),
        ("[finetune]\nlora = { rank = 4, alpha = 0.5 }", true),
        ("[finetune]\nlora = { rank = 0 }", false),
        ("[finetune]\nlora = { rank = 257 }", false),
        ("[finetune]\nlora = { alpha = 0 }", false),
        ("[augment]\npolicy = { name = \"randaugment\", operations = 3 }", true),
        ("[augment]\npolicy = { name = \"randaugment\", operations = 101 }", false),
        ("[augment]\nblur = { kernel = 4 }", false),
        ("[augment]\nblur = { kernel = 5, sigma = [0.1, 1] }", true),
        ("[augment]\ncolor_jitter = { hue = 0.6 }", false),
        ("[regularize]\ndropout = 1.0", false),
        ("[regularize]\nl2_sp = {}", true),
        ("[regularize]\nl2_sp = { gamma = 1 }", false),
        ("[run]\nprecision = \"half\"", false),
    ] {
        let text = format!("{GOOD}{lines}\n");
        let validated = validate(&schema, &json(&text), "");
        assert_eq!(validated.is_ok(), fits, "{lines}: {validated:?}");
        assert!(lines.starts_with("[train.sgd]") || read_text(&text, &[]).is_ok() == fits, "{lines}");
    }
}

#[test]
fn every_key_has_its_row() {
    let page = reference();
    let schema = schema();
    let mut keys = 0;
    for (section, table) in schema["properties"].as_object().unwrap() {
        for (key, property) in table["properties"].as_object().unwrap() {
            assert!(page.contains(&format!("| `{section}.{key}` | ")), "{section}.{key}");
            assert!(!property["description"].as_str().unwrap_or_default().is_empty(), "{section}.{key}");
            keys += 1;
        }
    }
    assert!(keys > 75, "{keys}");
}
