//! The configs that `finetune` is run with.

use anyhow::{Context, Result};

use super::letters::Letters;
use super::plan::Plan;

/// The network of the experiment: LeNet-5 in its modern form.
pub(super) const ARCH: &str = "lenet5_relu";

/// One way to hold letters back: the target data, and the weights of the source task held back in the same way.
pub(super) struct Variant {
    pub(super) name: &'static str,
    pub(super) root: String,
    pub(super) weights: String,
    /// Classes that differ from every Latin letter.
    pub(super) unshared: Vec<String>,
}

/// The config that trains source weights on each of these Latin alphabets.
pub(super) fn source(plan: &Plan, latin: &[&Letters]) -> Result<String> {
    let first = latin.first().context("there is nothing to train on")?;
    let variants: String = latin
        .iter()
        .map(|letters| variant(&letters.name) + &format!("root = {}\n", quoted(&letters.root)))
        .collect();
    Ok(format!(
        "# Source task: typed Latin letters, from random weights.
# Written by `cargo xtask recipe`.

[data]
root = {root}
{INPUT}
[model]
arch = \"{ARCH}\"
weights = \"none\"

[finetune]
depth = \"scratch\"

[train]
epochs = {epochs}
batch_size = 64
learning_rate = 0.002

[compare]
images_per_class = []
methods = [\"scratch\"]
seeds = [0]
{variants}
[run]
name = \"source\"
{RUN}",
        root = quoted(&first.root),
        epochs = plan.source_epochs,
    ))
}

/// Where, below its results, [`source`] leaves the run on these letters.
pub(super) fn source_cell(letters: &Letters) -> String {
    format!("cells/{}-all-images-scratch-seed-0", letters.name)
}

/// The config that compares the methods on Cyrillic letters; the first variant is the base, the others follow.
pub(super) fn comparison(plan: &Plan, variants: &[Variant]) -> Result<String> {
    let base = variants.first().context("there is nothing to compare")?;
    let others: String = variants[1..]
        .iter()
        .map(|other| {
            let (root, weights) = (quoted(&other.root), quoted(&other.weights));
            variant(other.name) + &format!("root = {root}\nweights = {weights}\n")
        })
        .collect();
    Ok(format!(
        "# Target task: Cyrillic capitals, from few images; compares three methods.
# Written by `cargo xtask recipe`.

[data]
root = {root}
{INPUT}
[data.groups]
{UNSHARED} = {unshared}

[model]
arch = \"{ARCH}\"
weights = {weights}

[finetune]
depth = \"all\"
head_epochs = {head_epochs}
rate_scale = 0.5

[train]
epochs = {epochs}
min_steps = {steps}
keep = \"last\"                # chosen by nothing: the comparison asks what training does
batch_size = 32
learning_rate = 0.002

[compare]
images_per_class = {images_per_class:?}
methods = [\"scratch\", \"head\", \"fine-tune\"]
seeds = {seeds:?}
judge_on = \"{UNSHARED}\"
{base_variant}{others}
[run]
name = \"letters\"
{RUN}",
        root = quoted(&base.root),
        unshared = toml::Value::from(base.unshared.clone()),
        weights = quoted(&base.weights),
        head_epochs = plan.head_epochs,
        epochs = plan.target_epochs,
        // With one image per class an epoch is two steps.
        steps = plan.target_steps,
        images_per_class = plan.images_per_class,
        seeds = plan.seeds,
        base_variant = variant(base.name),
    ))
}

/// Name of the group of classes that differ from every Latin letter.
pub(super) const UNSHARED: &str = "unshared";

/// Letters are 28 pixels wide, white on black, in grayscale.
const INPUT: &str = "
[data.input]
resize = 28
crop = 28
interpolation = \"bilinear\"
channels = 1
mean = [0.5]
std = [0.5]
";

/// One thread: on images this small, more threads wait for each other longer than they compute.
const RUN: &str = "seed = 0
threads = 1
checkpoints = \"none\"
";

/// The beginning of a variant, to which its own keys are added.
fn variant(name: &str) -> String {
    format!("\n[[compare.variant]]\nname = {}\n", quoted(name))
}

fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

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

    /// A changed text would have the source weights trained again on every machine that has them.
    #[test]
    fn the_text_of_the_source_config_is_what_it_was() {
        let letters = Letters {
            name: "latin-faces".to_owned(),
            root: "data/letters/latin-faces".to_owned(),
            digest: String::new(),
            unshared: Vec::new(),
        };
        let text = source(&Plan::full(), &[&letters]).unwrap();
        // Made by this test, from the text that version 0.1.0 wrote.
        let expected = "e0da0cd00dbbc6fc50e361f6411f037409c4ce786bde2eef752a86e343feca72";
        assert_eq!(hex::encode(Sha256::digest(&text)), expected, "{text}");
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
