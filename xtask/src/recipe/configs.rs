//! The configs that `finetune` is run with.

use anyhow::{Context, Result};
use serde::Serialize;
use std::collections::BTreeMap;

use super::letters::Letters;

/// The network of the experiment: LeNet-5 in its modern form.
pub(super) const ARCH: &str = "lenet5_relu";

/// How large the experiment is.
pub(super) struct Plan {
    /// Ends the names of data folders and weights, so that a quick trial and the full one do not mix.
    pub(super) suffix: &'static str,
    /// Training pictures of each Latin letter.
    pub(super) latin_per_class: u32,
    /// Training pictures of each Cyrillic letter to choose from.
    pub(super) cyrillic_per_class: u32,
    /// Validation pictures of each letter; every epoch looks at all of them, so they are few.
    pub(super) validation_per_class: u32,
    source_epochs: u32,
    head_epochs: u32,
    target_epochs: u32,
    target_steps: u32,
    images_per_class: &'static [u32],
    seeds: &'static [u64],
}

impl Plan {
    pub(super) fn full() -> Self {
        Self {
            suffix: "",
            latin_per_class: 400,
            cyrillic_per_class: 120,
            validation_per_class: 2,
            source_epochs: 12,
            head_epochs: 120,
            target_epochs: 25,
            target_steps: 300,
            images_per_class: &[1, 3, 5, 10, 30],
            seeds: &[0, 1, 2],
        }
    }

    pub(super) fn quick() -> Self {
        Self {
            suffix: "-quick",
            latin_per_class: 60,
            cyrillic_per_class: 20,
            validation_per_class: 2,
            source_epochs: 2,
            head_epochs: 8,
            target_epochs: 4,
            target_steps: 20,
            images_per_class: &[1, 5],
            seeds: &[0, 1],
        }
    }
}

/// One way to hold letters back: the target data, and the weights of the source task held back in the same way.
pub(super) struct Variant {
    pub(super) name: &'static str,
    pub(super) root: String,
    pub(super) weights: String,
    /// The classes that look like no Latin letter.
    pub(super) unshared: Vec<String>,
}

/// The config that trains source weights on each of these Latin alphabets.
pub(super) fn source(plan: &Plan, latin: &[&Letters]) -> Result<String> {
    let first = latin.first().context("there is nothing to train on")?;
    let variant = |letters: &&'_ Letters| CompareVariant {
        name: letters.name.clone(),
        root: Some(letters.root.clone()),
        weights: None,
    };
    let config = Config {
        data: Data { root: &first.root, input: INPUT, groups: None },
        model: Model { arch: ARCH, weights: "none" },
        finetune: Finetune { depth: "scratch", head_epochs: None, rate_scale: None },
        train: Train { epochs: plan.source_epochs, min_steps: None, batch_size: 64, learning_rate: 2e-3 },
        compare: Some(Compare {
            images_per_class: &[],
            methods: &["scratch"],
            seeds: &[0],
            judge_on: None,
            variant: latin.iter().map(variant).collect(),
        }),
        run: Run { name: "source", seed: 0, threads: 1, checkpoints: "none" },
    };
    written("Source task: typed Latin letters, from random weights.", &config)
}

/// Where, below its results, [`source`] leaves the run on these letters.
pub(super) fn source_cell(letters: &Letters) -> String {
    format!("cells/{}-all-images-scratch-seed-0", letters.name)
}

/// The config that compares the methods on Cyrillic letters; the first variant is the base, the others follow.
pub(super) fn comparison(plan: &Plan, variants: &[Variant]) -> Result<String> {
    let base = variants.first().context("there is nothing to compare")?;
    let others = variants.iter().skip(1);
    let rows = std::iter::once(CompareVariant { name: base.name.to_owned(), root: None, weights: None })
        .chain(others.map(|other| CompareVariant {
            name: other.name.to_owned(),
            root: Some(other.root.clone()),
            weights: Some(other.weights.clone()),
        }));
    let config = Config {
        data: Data {
            root: &base.root,
            input: INPUT,
            groups: Some(BTreeMap::from([(UNSHARED, &*base.unshared)])),
        },
        model: Model { arch: ARCH, weights: &base.weights },
        finetune: Finetune { depth: "all", head_epochs: Some(plan.head_epochs), rate_scale: Some(0.5) },
        train: Train {
            epochs: plan.target_epochs,
            // With one image per class an epoch is two steps.
            min_steps: Some(plan.target_steps),
            batch_size: 32,
            learning_rate: 2e-3,
        },
        compare: Some(Compare {
            images_per_class: plan.images_per_class,
            methods: &["scratch", "head", "fine-tune"],
            seeds: plan.seeds,
            judge_on: Some(UNSHARED),
            variant: rows.collect(),
        }),
        run: Run { name: "letters", seed: 0, threads: 1, checkpoints: "none" },
    };
    written("Target task: Cyrillic capitals, from few images; compares three methods.", &config)
}

/// The group of classes that look like no Latin letter.
pub(super) const UNSHARED: &str = "unshared";

/// Letters are 28 pixels wide, white on black, in grayscale.
const INPUT: Input =
    Input { resize: 28, crop: 28, interpolation: "bilinear", channels: 1, mean: [0.5], std: [0.5] };

fn written(title: &str, config: &Config<'_>) -> Result<String> {
    Ok(format!("# {title}\n# Written by `cargo xtask recipe`.\n\n{}", toml::to_string(config)?))
}

#[derive(Serialize)]
struct Config<'a> {
    data: Data<'a>,
    model: Model<'a>,
    finetune: Finetune<'a>,
    train: Train,
    #[serde(skip_serializing_if = "Option::is_none")]
    compare: Option<Compare<'a>>,
    run: Run<'a>,
}

#[derive(Serialize)]
struct Data<'a> {
    root: &'a str,
    input: Input,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<BTreeMap<&'a str, &'a [String]>>,
}

#[derive(Serialize)]
struct Input {
    resize: u32,
    crop: u32,
    interpolation: &'static str,
    channels: u8,
    mean: [f64; 1],
    std: [f64; 1],
}

#[derive(Serialize)]
struct Model<'a> {
    arch: &'a str,
    weights: &'a str,
}

#[derive(Serialize)]
struct Finetune<'a> {
    depth: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    head_epochs: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_scale: Option<f64>,
}

#[derive(Serialize)]
struct Train {
    epochs: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_steps: Option<u32>,
    batch_size: u32,
    learning_rate: f64,
}

#[derive(Serialize)]
struct Compare<'a> {
    images_per_class: &'a [u32],
    methods: &'a [&'a str],
    seeds: &'a [u64],
    #[serde(skip_serializing_if = "Option::is_none")]
    judge_on: Option<&'a str>,
    variant: Vec<CompareVariant>,
}

#[derive(Serialize)]
struct CompareVariant {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    root: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    weights: Option<String>,
}

#[derive(Serialize)]
struct Run<'a> {
    name: &'a str,
    seed: u64,
    /// One: on pictures this small, more threads wait for each other longer than they compute.
    threads: u32,
    checkpoints: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_source_config_trains_on_each_alphabet() {
        let letters = |name: &str| Letters {
            name: name.to_owned(),
            root: format!("data/letters/{name}"),
            digest: String::new(),
            unshared: Vec::new(),
        };
        let (faces, families) = (letters("latin-faces"), letters("latin-families"));
        let config: toml::Table = source(&Plan::full(), &[&faces, &families]).unwrap().parse().unwrap();
        assert_eq!(config["data"]["root"].as_str(), Some("data/letters/latin-faces"));
        assert_eq!(config["data"]["input"]["channels"].as_integer(), Some(1));
        assert_eq!(config["finetune"]["depth"].as_str(), Some("scratch"));
        let variants = config["compare"]["variant"].as_array().unwrap();
        assert_eq!(variants.len(), 2);
        assert_eq!(variants[1]["root"].as_str(), Some("data/letters/latin-families"));
        assert!(variants[1].get("weights").is_none(), "from random weights");
    }

    #[test]
    fn the_comparison_names_every_size_method_seed_and_variant() {
        let variant = |name, root: &str| Variant {
            name,
            root: root.to_owned(),
            weights: format!("weights/{root}.safetensors"),
            unshared: vec!["capital-Ж".to_owned()],
        };
        let text =
            comparison(&Plan::full(), &[variant("held-out faces", "a"), variant("held-out families", "b")])
                .unwrap();
        let config: toml::Table = text.parse().unwrap();
        assert_eq!(config["data"]["root"].as_str(), Some("a"));
        assert_eq!(config["data"]["groups"]["unshared"], toml::Value::from(vec!["capital-Ж"]));
        assert_eq!(config["model"]["weights"].as_str(), Some("weights/a.safetensors"));
        let compare = &config["compare"];
        assert_eq!(compare["images_per_class"], toml::Value::from(vec![1, 3, 5, 10, 30]));
        assert_eq!(compare["seeds"].as_array().unwrap().len(), 3);
        assert_eq!(compare["judge_on"].as_str(), Some("unshared"));
        let variants = compare["variant"].as_array().unwrap();
        assert_eq!(variants[0].as_table().unwrap().len(), 1, "the base stands for itself");
        assert_eq!(variants[1]["weights"].as_str(), Some("weights/b.safetensors"));
    }
}
