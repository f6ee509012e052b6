//! Where a run starts from: a catalog entry, a file, or nothing.

use std::path::{Path, PathBuf};

use pretrained::{Catalog, Checkpoint, Entry, InputSpec, checkpoint};

use crate::Error;

/// The keys of a saved model's metadata.
pub mod metadata {
    /// TorchVision's name of the network.
    pub const ARCH: &str = "arch";
    /// The constructor's arguments in TorchVision, as JSON.
    pub const ARGUMENTS: &str = "arguments";
    /// Class names in label order, as a JSON list.
    pub const CLASSES: &str = "classes";
    /// The [`pretrained::InputSpec`], as JSON.
    pub const INPUT: &str = "input";
    /// SHA-256 of the weights it was trained from.
    pub const SOURCE: &str = "source_sha256";
    /// The framework whose layout the tensors follow.
    pub const FORMAT: &str = "format";
}

/// Source weights that were found, not yet read.
#[derive(Clone, Debug)]
pub struct SourceWeights {
    /// As named in the configuration.
    pub label: String,
    place: Place,
}

#[derive(Clone, Debug)]
enum Place {
    Catalog(&'static Entry),
    File(PathBuf),
}

impl SourceWeights {
    /// What `weights` means for this network: `None` for `"none"`.
    ///
    /// # Errors
    /// When it is neither a catalog name of this network nor a path.
    pub fn find(arch: &str, weights: &str) -> Result<Option<Self>, Error> {
        if weights == "none" {
            return Ok(None);
        }
        let place = match Catalog::builtin().find(arch, weights) {
            Ok(entry) => Place::Catalog(entry),
            Err(_) if looks_like_a_path(weights) => Place::File(PathBuf::from(weights)),
            Err(unknown) => return Err(unknown.into()),
        };
        Ok(Some(Self { label: weights.to_owned(), place }))
    }

    /// Reads the file, its digest checked where one is known.
    ///
    /// # Errors
    /// When it is not there (the message names the command that fetches it), is not what its digest says, or is no
    /// checkpoint.
    pub fn read(&self) -> Result<Checkpoint, Error> {
        let path = match &self.place {
            Place::File(path) => path.clone(),
            Place::Catalog(entry) => pretrained::locate(entry, &weights_folders())?,
        };
        Ok(checkpoint::read(&path)?)
    }

    /// How images are prepared for these weights, as far as the catalog knows.
    #[must_use]
    pub fn catalog_input(&self) -> Option<InputSpec> {
        match &self.place {
            Place::Catalog(entry) => Some(entry.input.clone()),
            Place::File(_) => None,
        }
    }
}

/// How images are prepared for a model that a run saved: from its own metadata.
#[must_use]
pub fn recorded_input(checkpoint: &Checkpoint) -> Option<InputSpec> {
    serde_json::from_str(checkpoint.metadata.get(metadata::INPUT)?).ok()
}

/// Folders that hold weights, nearest first: `$FINETUNE_WEIGHTS`, then `weights/` here and in each folder above.
#[must_use]
pub fn weights_folders() -> Vec<PathBuf> {
    let named = std::env::var_os("FINETUNE_WEIGHTS").map(PathBuf::from);
    let here = std::env::current_dir().unwrap_or_default();
    let above = here.ancestors().map(|folder| folder.join("weights"));
    named.into_iter().chain(above).filter(|folder| folder.is_dir()).collect()
}

fn looks_like_a_path(weights: &str) -> bool {
    let path = Path::new(weights);
    path.components().count() > 1 || path.extension().is_some() || path.exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_paths_and_none_are_told_apart() {
        assert!(SourceWeights::find("resnet18", "none").unwrap().is_none());
        let named = SourceWeights::find("resnet18", "IMAGENET1K_V1").unwrap().unwrap();
        assert_eq!(named.catalog_input(), Some(InputSpec::imagenet()));
        let file = SourceWeights::find("resnet18", "some/where.pth").unwrap().unwrap();
        assert_eq!(file.catalog_input(), None);
        let unknown = SourceWeights::find("resnet18", "IMAGENET1K_V9").unwrap_err().to_string();
        assert!(unknown.contains("IMAGENET1K_V1"), "{unknown}");
    }
}
