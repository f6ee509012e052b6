//! What the works need: programs, photographs, weights, a trained model, and a folder that is gone afterwards.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde::Serialize;
use xtask::process;
use xtask::tools::{self, Kind, Tool};
use xtask::workspace::{Workspace, cache_folder};

use super::python::Python;

/// Images in a batch, on each side.
pub(super) const BATCH: u32 = 16;

/// The example `pixels` of the room `images`: times decoding and augmentation, draws images.
const PIXELS: Kind = Kind {
    what: "the bench of images",
    binary: "pixels",
    build: &["--package", "images", "--example", "pixels"],
    variable: "FINETUNE_PIXELS",
};

/// How weights want their images.
#[derive(Clone, Copy, Serialize)]
pub(super) struct Input {
    resize: u32,
    crop: u32,
    interpolation: &'static str,
    channels: u8,
    mean: [f64; 3],
    std: [f64; 3],
}

pub(super) const IMAGENET: Input = Input {
    resize: 256,
    crop: 224,
    interpolation: "bilinear",
    channels: 3,
    mean: [0.485, 0.456, 0.406],
    std: [0.229, 0.224, 0.225],
};

/// Of the weights that were converted from TensorFlow.
pub(super) const LITE: Input =
    Input { interpolation: "bicubic", mean: [127.0 / 255.0; 3], std: [128.0 / 255.0; 3], ..IMAGENET };

impl Input {
    pub(super) fn to_json(self) -> String {
        serde_json::to_string(&self).unwrap_or_default()
    }

    /// An inline table.
    pub(super) fn to_toml(self) -> String {
        toml::Value::try_from(self).map(|value| value.to_string()).unwrap_or_default()
    }
}

/// All that is there before the first clock starts.
pub(super) struct Materials {
    finetune: PathBuf,
    pub(super) pixels: Tool,
    python: Option<Python>,
    /// `train/` and `val/`.
    pub(super) data: PathBuf,
    /// Names of the classes in label order.
    pub(super) classes: Vec<String>,
    weights: BTreeMap<String, PathBuf>,
    model: Option<PathBuf>,
    /// Photographs to predict, and how many.
    pub(super) folder: PathBuf,
    pub(super) predicted: usize,
    /// `run.precision` of our side.
    pub(super) precision: String,
    remembered: PathBuf,
}

impl Materials {
    pub(super) fn new(
        workspace: &Workspace,
        python: Option<Python>,
        data: &Path,
        precision: &str,
        scratch: &Path,
    ) -> Result<Self> {
        let data = data.canonicalize().with_context(|| {
            format!(
                "{} is not there: `cargo xtask fetch-data dogs_cats_small --from ZIP`, or --data",
                data.display()
            )
        })?;
        let classes = classes(&data)?;
        Ok(Self {
            finetune: tools::finetune(workspace)?.program().to_owned(),
            pixels: tools::built(workspace, &PIXELS)?,
            python,
            data,
            classes,
            weights: BTreeMap::new(),
            model: None,
            folder: scratch.join("photographs"),
            predicted: 0,
            precision: precision.to_owned(),
            remembered: scratch.join("precision.json"),
        })
    }

    /// `finetune` with a cache of its own, empty but for the choices of precision made before.
    pub(super) fn finetune(&self, scratch: &Path) -> Result<Command> {
        let cache = scratch.join("cache");
        let ours = cache.join("finetune-rs");
        fs::create_dir_all(&ours).with_context(|| format!("cannot make {}", ours.display()))?;
        if self.remembered.exists() {
            let to = ours.join("precision.json");
            fs::copy(&self.remembered, &to).with_context(|| format!("cannot write {}", to.display()))?;
        }
        let mut command = Command::new(&self.finetune);
        command.env("XDG_CACHE_HOME", cache);
        Ok(command)
    }

    /// Keeps the choices of precision that a run in `scratch` has made.
    pub(super) fn remember(&self, scratch: &Path) -> Result<()> {
        let made = scratch.join("cache/finetune-rs/precision.json");
        if made.exists() {
            fs::copy(&made, &self.remembered).context("cannot keep the choices of precision")?;
        }
        Ok(())
    }

    pub(super) fn python(&self) -> Result<&Python> {
        self.python.as_ref().context("the peers need a Python")
    }

    pub(super) fn has_peers(&self) -> bool {
        self.python.is_some()
    }

    pub(super) fn versions(&self) -> &str {
        self.python.as_ref().map_or("", |python| &python.versions)
    }

    pub(super) fn weights(&self, arch: &str) -> Result<&Path> {
        self.weights.get(arch).map(PathBuf::as_path).with_context(|| format!("no weights of {arch}"))
    }

    pub(super) fn weights_used(&self) -> impl Iterator<Item = (&str, &Path)> {
        self.weights.iter().map(|(arch, path)| (arch.as_str(), path.as_path()))
    }

    /// A run of the network that is to predict, with a new head.
    pub(super) fn model(&self) -> Result<&Path> {
        self.model.as_deref().context("no model to predict with")
    }

    /// What predicts from now on, and an empty folder for what it is to classify.
    pub(super) fn set_model(&mut self, run: PathBuf, photographs: PathBuf) {
        self.model = Some(run);
        self.folder = photographs;
    }

    /// Finds weights of the network in `weights/`, or has the peers make some at random, once.
    pub(super) fn need_weights(&mut self, workspace: &Workspace, arch: &str) -> Result<()> {
        if self.weights.contains_key(arch) {
            return Ok(());
        }
        let file = match downloaded(&workspace.root.join("weights"), arch) {
            Some(file) => file,
            None => self.random_weights(arch)?,
        };
        self.weights.insert(arch.to_owned(), file);
        Ok(())
    }

    fn random_weights(&self, arch: &str) -> Result<PathBuf> {
        let made = cache_folder()?.join(format!("bench/{arch}-random.pth"));
        if made.exists() {
            return Ok(made);
        }
        ensure!(
            arch != "efficientnet_lite0" && self.has_peers(),
            "no weights of {arch}: `cargo xtask fetch-weights {arch}`, or run the bench with --peers once"
        );
        if let Some(folder) = made.parent() {
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        }
        let mut command = self.python()?.script("make_weights.py");
        command.args(["--arch", arch]).arg("--data").arg(&self.data).arg("--save").arg(&made);
        process::run_as_progress(&mut command)?;
        Ok(made)
    }

    /// Fills the folder to predict with `count` copies of photographs, a folder for each class.
    pub(super) fn copy_photographs(&mut self, count: usize) -> Result<()> {
        let mut originals = Vec::new();
        for class in &self.classes {
            for split in ["train", "val"] {
                originals
                    .extend(files(&self.data.join(split).join(class))?.into_iter().map(|file| (class, file)));
            }
            let to = self.folder.join(class);
            fs::create_dir_all(&to).with_context(|| format!("cannot make {}", to.display()))?;
        }
        ensure!(!originals.is_empty(), "{} holds no photographs", self.data.display());
        // Spread over all classes also where fewer are wanted than there are.
        let step = (originals.len() / count.max(1)).max(1);
        for number in 0..count {
            let (class, file) = &originals[number * step % originals.len()];
            let to = self.folder.join(class).join(format!("{number:05}.jpg"));
            fs::copy(file, &to).with_context(|| format!("cannot copy {}", file.display()))?;
        }
        self.predicted = count;
        Ok(())
    }
}

fn classes(data: &Path) -> Result<Vec<String>> {
    let train = data.join("train");
    ensure!(
        data.join("val").is_dir() && train.is_dir(),
        "{} needs train/ and val/, each with a folder per class",
        data.display()
    );
    let entries = fs::read_dir(&train).with_context(|| format!("cannot list {}", train.display()))?;
    let folders = entries.filter_map(Result::ok).filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> = folders.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    names.sort();
    Ok(names)
}

fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let paths = entries.filter_map(Result::ok).map(|entry| entry.path());
    let photograph = |path: &PathBuf| {
        let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        ["jpg", "jpeg"].contains(&extension.to_ascii_lowercase().as_str())
    };
    let mut found: Vec<PathBuf> = paths.filter(photograph).collect();
    found.sort();
    Ok(found)
}

/// TorchVision's file of the network, as `fetch-weights` leaves it.
fn downloaded(weights: &Path, arch: &str) -> Option<PathBuf> {
    let start =
        if arch == "efficientnet_lite0" { "efficientnet-lite0-".to_owned() } else { format!("{arch}-") };
    let mut found: Vec<PathBuf> =
        fs::read_dir(weights).ok()?.filter_map(Result::ok).map(|entry| entry.path()).collect();
    found.sort();
    found.into_iter().find(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with(&start) && name.ends_with(".pth")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn downloaded_weights_are_found_by_their_network() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["resnet50-11ad3fa6.pth", "resnet50-x.part", "efficientnet-lite0-57934424.pth"] {
            fs::write(folder.path().join(name), "").unwrap();
        }
        let found = |arch| downloaded(folder.path(), arch);
        assert!(found("resnet50").unwrap().ends_with("resnet50-11ad3fa6.pth"));
        assert!(found("efficientnet_lite0").is_some());
        assert_eq!(found("resnet18"), None);
    }

    #[test]
    fn inputs_are_written_in_both_languages() {
        let value: toml::Table = format!("input = {}", LITE.to_toml()).parse().unwrap();
        assert_eq!(value["input"]["interpolation"].as_str(), Some("bicubic"));
        let value: serde_json::Value = serde_json::from_str(&LITE.to_json()).unwrap();
        assert_eq!(value["crop"], 224);
    }
}
