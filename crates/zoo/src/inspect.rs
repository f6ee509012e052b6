//! Contents of a checkpoint file, and the networks of the zoo that it fits.

use std::collections::BTreeMap;
use std::path::Path;

use backbone::{LoadReport, WrongShape};
use checkpoint::{Array, Checkpoint, Format};
use pretrained::Catalog;
use serde::Serialize;

use crate::fitting::{Fitted, fitted_to_all};
use crate::source_weights::{metadata, recorded_input};

/// Facts about a checkpoint.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// The file.
    pub path: String,
    /// File format, in words.
    pub form: &'static str,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
    /// The catalog's name of these weights, if the digest is that of one, as `resnet18 IMAGENET1K_V1`.
    pub catalog: Option<String>,
    /// What was removed from the names of its weights and what was left out, in words; empty if nothing.
    pub unwrapped: String,
    /// Names of its classes in label order, where the file has them.
    pub classes: Option<Vec<String>>,
    /// Number of values in floating-point tensors, running statistics aside.
    pub parameters: u64,
    /// Number of tensors of each element type.
    pub element_types: BTreeMap<String, u64>,
    /// Strings and numbers other than tensors.
    pub metadata: BTreeMap<String, String>,
    /// Preparation of images in words, where it is recorded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<String>,
    /// Parts of the file that were not read.
    pub skipped: Vec<String>,
    /// The networks that it fits best, all equally well; empty if it has no tensor in common with any.
    pub fits: Vec<Fit>,
    /// The nearest networks, best first, where it fits none.
    pub nearest: Vec<Fit>,
    /// Every tensor of the file, by its keys joined with dots.
    pub tensors: Vec<TensorFacts>,
}

/// A tensor of the file.
#[derive(Clone, Debug, Serialize)]
pub struct TensorFacts {
    /// Its name in the file.
    pub name: String,
    /// Its extents.
    pub shape: Vec<usize>,
    /// Its element type.
    pub element_type: String,
}

/// How well a checkpoint fits a network.
#[derive(Clone, Debug, Serialize)]
pub struct Fit {
    /// The network.
    pub arch: &'static str,
    /// Whether the file has auxiliary heads of the network.
    pub auxiliary_heads: bool,
    /// Number of outputs of the file's head, if it has one.
    pub classes: Option<i64>,
    /// Number of channels of its images.
    pub channels: i64,
    /// Side of its images in pixels, for a network that is built for one size.
    pub crop: Option<i64>,
    /// Whether it can be fine-tuned from: nothing differs but the head.
    pub usable: bool,
    /// Prefix that was removed from the names in the file.
    pub prefix: String,
    /// Number of tensors that would be loaded.
    pub loaded: u64,
    /// Tensors of the network that the file lacks.
    pub missing: Vec<String>,
    /// Tensors of the file that the network does not have, under the network's names.
    pub unused: Vec<String>,
    /// Tensors in both, in different shapes.
    pub wrong_shape: Vec<ShapeDifference>,
}

/// A tensor whose shape in the file is not the network's.
#[derive(Clone, Debug, Serialize)]
pub struct ShapeDifference {
    /// Its name.
    pub name: String,
    /// Shape in the file.
    pub file: Vec<i64>,
    /// Shape in the network.
    pub network: Vec<i64>,
}

impl Fit {
    /// Whether file and network have the same tensors, in the same shapes.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.missing.is_empty() && self.unused.is_empty() && self.wrong_shape.is_empty()
    }
}

/// Number of networks shown where none fits.
const NEAREST: usize = 3;

/// Reads a checkpoint and compares it with every network of the zoo.
///
/// # Errors
/// When the file is not a checkpoint, or damaged.
pub fn inspect(path: &Path) -> Result<Inspection, checkpoint::Error> {
    let opened = checkpoint::open(path)?;
    let sha256 = opened.sha256()?;
    let bytes = std::fs::metadata(path).map_or(0, |file| file.len());
    let entry = Catalog::builtin().entries().iter().find(|entry| entry.digest().accepts(&sha256));
    let mut all = fitted_to_all(&opened);
    all.sort_by(|a, b| share(&b.report).total_cmp(&share(&a.report)));
    let best = best_fits(&all);
    let weights = best.first().map_or_else(|| opened.outline(None), |fitted| fitted.checkpoint.clone());
    let images = match recorded_input(&weights) {
        Ok(input) => input.map(|input| input.to_string()),
        Err(unknown) => Some(format!("not understood: {}", unknown.reason)),
    };
    let tensors: Vec<TensorFacts> = opened.tensors().into_iter().map(TensorFacts::from).collect();
    let mut element_types = BTreeMap::new();
    for tensor in &tensors {
        *element_types.entry(tensor.element_type.clone()).or_default() += 1;
    }
    let usable = best.iter().any(|fitted| fitted.usable);
    let nearest = all.iter().filter(|fitted| !fitted.report.loaded.is_empty() && !usable);
    Ok(Inspection {
        path: path.to_string_lossy().into_owned(),
        form: form(opened.format),
        bytes,
        catalog: entry.map(|entry| format!("{} {}", entry.arch, entry.name)),
        parameters: parameters(&weights),
        element_types,
        nearest: nearest.take(NEAREST).map(Fit::from).collect(),
        fits: best.iter().map(|fitted| Fit::from(*fitted)).collect(),
        tensors,
        sha256,
        unwrapped: weights.unwrapped.in_words(),
        classes: weights.classes,
        images,
        metadata: weights.metadata,
        skipped: weights.skipped,
    })
}

/// Returns a file format in words.
fn form(format: Format) -> &'static str {
    match format {
        Format::SafeTensors => "safetensors",
        Format::TorchZip => "torch.save, zip archive (torch 1.6 and later)",
        Format::TorchLegacy => "torch.save, legacy pickle (torch 0.1.10 to 1.5)",
        Format::TorchTar => "torch.save, tar archive (before torch 0.1.10)",
        Format::Pickle => "pickle.dump",
    }
}

fn is_parameter(name: &str, array: &Array) -> bool {
    let buffer = ["running_mean", "running_var", "num_batches_tracked"];
    let is_float = array.dtype.to_string().contains("float");
    is_float && !buffer.iter().any(|end| name.ends_with(end))
}

/// Returns the number of values in the parameters of a checkpoint.
fn parameters(checkpoint: &Checkpoint) -> u64 {
    let parameters = checkpoint.tensors.iter().filter(|(name, array)| is_parameter(name, array));
    parameters.map(|(_, array)| array.shape.iter().map(|&extent| extent as u64).product::<u64>()).sum()
}

impl From<checkpoint::Described> for TensorFacts {
    fn from(tensor: checkpoint::Described) -> Self {
        Self { name: tensor.path, shape: tensor.shape, element_type: tensor.dtype.to_string() }
    }
}

/// Returns the networks with the largest share of common tensors; `all` begins with the largest.
fn best_fits(all: &[Fitted]) -> Vec<&Fitted> {
    let first = all.first().map_or(0.0, |fitted| share(&fitted.report));
    let best: Vec<&Fitted> =
        all.iter().filter(|fitted| first > 0.0 && share(&fitted.report) >= first).collect();
    // Between networks with the same tensors the file's metadata decides, if it names one.
    let named = |fitted: &&&Fitted| {
        fitted.checkpoint.metadata.get(metadata::ARCH).map(String::as_str) == Some(fitted.network.name)
    };
    match best.iter().find(named) {
        Some(&named) => vec![named],
        None => best,
    }
}

/// Returns the share of common tensors, by name and shape, among all of the file's and the network's, in `0..=1`.
fn share(report: &LoadReport) -> f64 {
    let common = report.loaded.len();
    let others = report.missing.len() + report.unused.len() + 2 * report.wrong_shape.len();
    common as f64 / (common + others).max(1) as f64
}

impl From<&Fitted> for Fit {
    fn from(fitted: &Fitted) -> Self {
        let difference = |wrong: &WrongShape| ShapeDifference {
            name: wrong.name.clone(),
            file: wrong.file.clone(),
            network: wrong.network.clone(),
        };
        let Checkpoint { unwrapped, .. } = &fitted.checkpoint;
        Self {
            arch: fitted.network.name,
            auxiliary_heads: fitted.auxiliary_heads,
            classes: fitted.classes,
            channels: fitted.channels,
            crop: fitted.fixed_size.then_some(fitted.size),
            usable: fitted.usable,
            prefix: unwrapped.prefix.clone(),
            loaded: fitted.report.loaded.len() as u64,
            missing: fitted.report.missing.clone(),
            unused: fitted.report.unused.clone(),
            wrong_shape: fitted.report.wrong_shape.iter().map(difference).collect(),
        }
    }
}
