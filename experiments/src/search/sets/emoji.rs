//! Emoji of Twemoji, 64 x 64, by category and by subgroup.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::drawing::shuffled_by_name;
use super::sources::{Sources, copy};

const PACKAGE: &str = "emoji-datasource-twitter@16.0.0";

/// An entry of `emoji.json`; skin tones are further images below it and left out.
#[derive(Deserialize)]
struct Emoji {
    image: String,
    category: String,
    subcategory: String,
    has_img_twitter: bool,
}

/// Eight categories; flags, which are one thing each, and components aside. A third is for the test.
pub(super) fn categories(sources: &Sources<'_>, into: &Path) -> Result<()> {
    make(sources, into, 3, 1, |emoji| emoji.category.clone())
}

/// Subgroups of at least 25 images, of which two of five are for the test.
pub(super) fn subgroups(sources: &Sources<'_>, into: &Path) -> Result<()> {
    make(sources, into, 5, 2, |emoji| emoji.subcategory.clone())
}

/// Lays out the classes of at least 25 images; of each `of` images `test` are for the test.
fn make(
    sources: &Sources<'_>,
    into: &Path,
    of: usize,
    test: usize,
    class: impl Fn(&Emoji) -> String,
) -> Result<()> {
    let package = sources.npm(PACKAGE, &["package/emoji.json", "package/img/twitter/64"])?.join("package");
    let path = package.join("emoji.json");
    let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let emoji: Vec<Emoji> = serde_json::from_slice(&text).context("emoji.json is of an unknown form")?;
    let mut classes: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let counts = |one: &&Emoji| one.has_img_twitter && one.category != "Flags" && one.category != "Component";
    for one in emoji.iter().filter(counts) {
        classes.entry(class(one)).or_default().push(one.image.clone());
    }
    classes.retain(|_, images| images.len() >= 25);
    ensure!(classes.len() >= 8, "{PACKAGE} has {} classes of at least 25 images", classes.len());
    for (class, images) in classes {
        let folder = class.replace(" & ", "-and-").replace(' ', "-").to_lowercase();
        for (place, image) in shuffled_by_name(images).iter().enumerate() {
            let split = if place % of < test { "test" } else { "train" };
            copy(&package.join("img/twitter/64").join(image), &into.join(split).join(&folder).join(image))?;
        }
    }
    Ok(())
}
