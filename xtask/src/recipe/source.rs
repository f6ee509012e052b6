//! The source weights: trained once, kept under `weights/`, and found again by what they were trained from.
//!
//! `weights/trained.toml` holds for each file the digest of its recipe (config and images) and its own digest. A file
//! that is gone or was changed is trained again.

use std::fs;
use std::io;
use std::path::Path;

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::configs;
use super::letters::Letters;
use super::plan::Plan;
use crate::process::{self, say};
use crate::tools::Tool;
use crate::workspace::Workspace;

const LEDGER: &str = "trained.toml";

/// What was trained here.
#[derive(Default, Serialize, Deserialize)]
struct Ledger {
    #[serde(default)]
    trained: Vec<Trained>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Trained {
    /// Digest over the config's text and the images' digest.
    recipe: String,
    /// File name under `weights/`.
    file: String,
    /// Digest of that file.
    sha256: String,
}

/// The weights trained on each of `latin`, relative to the workspace; those that are not there are trained side by side.
pub(super) fn weights(
    finetune: &Tool,
    workspace: &Workspace,
    plan: &Plan,
    latin: &[&Letters],
    folder: &Path,
) -> Result<Vec<String>> {
    let weights = workspace.root.join("weights");
    let mut missing = Vec::new();
    for letters in latin {
        match find(&weights, &recipe(plan, letters)?)? {
            Some(file) => say(format!("Source weights found again: weights/{file}")),
            None => missing.push(*letters),
        }
    }
    if !missing.is_empty() {
        let path = folder.join("source.toml");
        super::write(&path, &configs::source(plan, &missing)?)?;
        let runs = folder.join("source");
        process::run_as_progress(&mut super::finetune(finetune, workspace, &path, &runs))?;
        for letters in missing {
            let model = runs.join(configs::source_cell(letters)).join("model.safetensors");
            let file = keep(&weights, &recipe(plan, letters)?, &letters.name, &model)?;
            say(format!("Source weights kept: weights/{file}"));
        }
    }
    latin
        .iter()
        .map(|letters| {
            let file = find(&weights, &recipe(plan, letters)?)?;
            file.map(|file| format!("weights/{file}"))
                .with_context(|| format!("weights/ lost the weights of {}", letters.name))
        })
        .collect()
}

/// What decides the weights: the config that trains them alone, and the images.
fn recipe(plan: &Plan, letters: &Letters) -> Result<String> {
    Ok(digest_of(&[configs::source(plan, &[letters])?.as_bytes(), letters.digest.as_bytes()]))
}

/// The file that this recipe gave, if it is there and unchanged.
fn find(weights: &Path, recipe: &str) -> Result<Option<String>> {
    let Some(trained) = read(weights)?.trained.into_iter().find(|trained| trained.recipe == recipe) else {
        return Ok(None);
    };
    let path = weights.join(&trained.file);
    if path.is_file() && sha256_of_file(&path)? == trained.sha256 {
        return Ok(Some(trained.file));
    }
    say(format!("{} is gone or was changed: it is trained again.", path.display()));
    Ok(None)
}

/// Copies a trained model to its place under a name that carries its digest, and notes it.
fn keep(weights: &Path, recipe: &str, name: &str, model: &Path) -> Result<String> {
    let sha256 = sha256_of_file(model)?;
    let file = format!("{}-{name}-{}.safetensors", configs::ARCH, &sha256[..8]);
    let path = weights.join(&file);
    let mut trained = fs::File::open(model).with_context(|| format!("cannot read {}", model.display()))?;
    files::write_with(&path, |file| io::copy(&mut trained, file).map(drop))?;
    let mut ledger = read(weights)?;
    ledger.trained.retain(|trained| trained.recipe != recipe);
    ledger.trained.push(Trained { recipe: recipe.to_owned(), file: file.clone(), sha256 });
    let text = format!(
        "# Written by `cargo xtask recipe`: which weights it trained, and from what.\n\n{}",
        toml::to_string(&ledger)?
    );
    files::write(&weights.join(LEDGER), &text)?;
    Ok(file)
}

fn read(weights: &Path) -> Result<Ledger> {
    let path = weights.join(LEDGER);
    match fs::read_to_string(&path) {
        Ok(text) => {
            toml::from_str(&text).with_context(|| format!("{} is damaged: delete it", path.display()))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Ledger::default()),
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn sha256_of_file(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(hex::encode(Sha256::digest(bytes)))
}

/// SHA-256 of several byte strings, each after its length, so that two lists differ in more than where they are cut.
fn digest_of(parts: &[&[u8]]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hex::encode(hasher.finalize())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_is_its_config_and_its_images() {
        assert_ne!(digest_of(&[b"ab", b"c"]), digest_of(&[b"a", b"bc"]));
        assert_eq!(digest_of(&[b"ab", b"c"]), digest_of(&[b"ab", b"c"]));
    }

    #[test]
    fn kept_weights_are_found_by_recipe_until_the_file_changes() {
        let folder = tempfile::tempdir().unwrap();
        let weights = folder.path().join("weights");
        let model = folder.path().join("model.safetensors");
        fs::write(&model, "abc").unwrap();
        assert_eq!(find(&weights, "r1").unwrap(), None);
        let file = keep(&weights, "r1", "latin-faces", &model).unwrap();
        // printf abc | sha256sum | head -c 8
        assert_eq!(file, "lenet5_relu-latin-faces-ba7816bf.safetensors");
        keep(&weights, "r2", "latin-families", &model).unwrap();
        assert_eq!(find(&weights, "r1").unwrap().as_deref(), Some(&*file));
        assert_eq!(find(&weights, "another").unwrap(), None);
        fs::write(weights.join(&file), "abd").unwrap();
        assert_eq!(find(&weights, "r1").unwrap(), None);
        assert!(find(&weights, "r2").unwrap().is_some());
    }
}
