//! The pretrained weights that exist, embedded from `weights/catalog.toml`.
//!
//! `weights/make_catalog.py` writes that file from TorchVision's own sources.

mod toml_form;

use std::collections::HashSet;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};

use crate::{Digest, Error, InputSpec};

/// The weights that exist, in the order of the file: by family, then by size.
#[derive(Clone, Debug, PartialEq)]
pub struct Catalog {
    entries: Vec<Entry>,
}

/// One file of pretrained weights.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Architecture, under TorchVision's name for it: `"resnet50"`.
    pub arch: String,
    /// Name of these weights, unique within the architecture: `"IMAGENET1K_V1"`.
    pub name: String,
    /// File name, which PyTorch's cache uses too.
    pub file: String,
    /// Where the file comes from.
    pub origin: Origin,
    /// The file's whole SHA-256, where it is known.
    pub sha256: Option<String>,
    /// The first hex digits of it, from the file name where that has them.
    pub sha256_prefix: String,
    /// The classes its head tells apart, `"imagenet-1k"`; `None` where only the features are of use and the whole
    /// classifier must be replaced.
    pub classes: Option<String>,
    /// Parameters of the network, auxiliary heads as TorchVision counts them.
    pub parameters: u64,
    /// Size of the file in MiB, rounded.
    pub mebibytes: f64,
    /// Top-1 accuracy on ImageNet's validation set in percent, as published.
    pub acc1: Option<f64>,
    /// Top-5 accuracy, likewise.
    pub acc5: Option<f64>,
    /// SPDX name of the licence the file is published under.
    pub licence: String,
    /// What else a user should know.
    pub note: Option<String>,
    /// How images are prepared for these weights.
    pub input: InputSpec,
    /// Whether these are the architecture's default, TorchVision's `DEFAULT`.
    pub is_default: bool,
}

/// Where a file of weights is published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// On a web server, under this address.
    Url(String),
    /// Inside a Python package.
    Pip(PipFile),
}

/// A file inside a Python package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PipFile {
    /// Name of the package.
    pub package: String,
    /// Version of the package.
    pub version: String,
    /// Path of the file inside the package's wheel.
    pub member: String,
}

impl Catalog {
    /// The catalog that is built into this crate.
    #[must_use]
    pub fn builtin() -> &'static Self {
        static BUILTIN: LazyLock<Catalog> = LazyLock::new(|| {
            // The text is fixed at compile time and a test parses it, so this cannot fail for a user.
            Catalog::parse(include_str!("../../../weights/catalog.toml"))
                .unwrap_or_else(|error| unreachable!("{error}"))
        });
        &BUILTIN
    }

    /// Reads a catalog in the form of `weights/catalog.toml`.
    ///
    /// # Errors
    /// [`Error::Catalog`] for a text that is not TOML, an unknown or missing key, a name given twice, a file name that
    /// contradicts its digest, an [`InputSpec`] that cannot be.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let entries = toml_form::parse(text)?;
        Ok(Self { entries })
    }

    /// Every entry, in the order of the file.
    #[must_use]
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Names of the architectures that have weights, in the order of the file.
    #[must_use]
    pub fn archs(&self) -> Vec<&str> {
        let mut seen = HashSet::new();
        let archs = self.entries.iter().map(|entry| &*entry.arch);
        archs.filter(|arch| seen.insert(*arch)).collect()
    }

    /// The weights called `name` for `arch`.
    ///
    /// # Errors
    /// [`Error::UnknownArch`] with the nearest known names; [`Error::UnknownWeights`] with the names `arch` has.
    pub fn find(&self, arch: &str, name: &str) -> Result<&Entry, Error> {
        let of_arch = self.of_arch(arch)?;
        let found = of_arch.iter().find(|entry| entry.name == name);
        found.copied().ok_or_else(|| Error::UnknownWeights {
            arch: arch.to_owned(),
            name: name.to_owned(),
            known: of_arch.iter().map(|entry| entry.name.clone()).collect(),
        })
    }

    /// The weights TorchVision calls `DEFAULT` for `arch`.
    ///
    /// # Errors
    /// [`Error::UnknownArch`] with the nearest known names.
    pub fn default_for(&self, arch: &str) -> Result<&Entry, Error> {
        let of_arch = self.of_arch(arch)?;
        let default = of_arch.iter().find(|entry| entry.is_default);
        default.copied().ok_or_else(|| self.unknown_arch(arch))
    }

    /// All weights of `arch`, at least one.
    ///
    /// # Errors
    /// [`Error::UnknownArch`] with the nearest known names.
    pub fn of_arch(&self, arch: &str) -> Result<Vec<&Entry>, Error> {
        let found: Vec<&Entry> = self.entries.iter().filter(|e| e.arch == arch).collect();
        if found.is_empty() {
            return Err(self.unknown_arch(arch));
        }
        Ok(found)
    }

    /// The weights of `arch` that a file holds, recognised by its SHA-256 (64 hex digits).
    #[must_use]
    pub fn recognise(&self, arch: &str, sha256: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.arch == arch && entry.digest().accepts(sha256))
    }

    fn unknown_arch(&self, arch: &str) -> Error {
        const SHOWN: usize = 5;
        let distance = |known: &str| strsim::damerau_levenshtein(known, &arch.to_lowercase());
        let mut nearest: Vec<String> = self.archs().into_iter().map(str::to_owned).collect();
        nearest.sort_by_key(|known| distance(known));
        nearest.truncate(SHOWN);
        Error::UnknownArch { arch: arch.to_owned(), nearest }
    }
}

impl Entry {
    /// Names of the classes that the weights' head tells apart, in the order of its outputs; `None` where only the
    /// features are of use.
    ///
    /// The 1,000 of ImageNet are TorchVision's (`_IMAGENET_CATEGORIES` in torchvision/models/_meta.py), word for word.
    #[must_use]
    pub fn class_names(&self) -> Option<Vec<&'static str>> {
        match self.classes.as_deref() {
            Some("imagenet-1k") => Some(include_str!("imagenet_classes.txt").lines().collect()),
            _ => None,
        }
    }

    /// What the file's SHA-256 must be: whole where known, else its start.
    #[must_use]
    pub fn digest(&self) -> Digest {
        match &self.sha256 {
            Some(whole) => Digest::Sha256(whole.clone()),
            None => Digest::Sha256Prefix(self.sha256_prefix.clone()),
        }
    }
}
