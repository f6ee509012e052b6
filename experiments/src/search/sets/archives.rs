//! Sets out of the user's archives: folders of photographs that are split already.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::sources::{Sources, copy};

/// Dogs and cats: 1,000 of each to draw from, 200 of each for the test.
pub(super) fn dogs_and_cats(sources: &Sources<'_>, into: &Path) -> Result<()> {
    folders(&sources.zip("dogs_cats_2000.zip")?.join("dogs_cats_2000"), "val", into)
}

/// Ants and bees: 244 photographs to draw from, 153 for the test.
pub(super) fn ants_and_bees(sources: &Sources<'_>, into: &Path) -> Result<()> {
    folders(&sources.zip("hymenoptera_data.zip")?.join("hymenoptera_data"), "val", into)
}

/// CIFAR-10 (Krizhevsky 2009), 200 of each class to draw from and 100 for the test.
pub(super) fn cifar10(sources: &Sources<'_>, into: &Path) -> Result<()> {
    folders(&sources.zip("cifar10_small.zip")?.join("cifar10_small"), "test", into)
}

/// Copies `train` and what serves as `test`.
fn folders(from: &Path, test: &str, into: &Path) -> Result<()> {
    for (split, called) in [("train", "train"), (test, "test")] {
        for class in entries(&from.join(split))? {
            for image in entries(&from.join(split).join(&class))? {
                let image = image.as_str();
                copy(
                    &from.join(split).join(&class).join(image),
                    &into.join(called).join(&class).join(image),
                )?;
            }
        }
    }
    Ok(())
}

fn entries(folder: &Path) -> Result<Vec<String>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let names = entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned()));
    let is_image = |name: &Result<String>| {
        // PyTorch's archive of ants and bees has a stray `imageNotFound.gif`.
        !matches!(name, Ok(name) if name.starts_with('.') || name.eq_ignore_ascii_case("imageNotFound.gif"))
    };
    names.filter(is_image).collect()
}
