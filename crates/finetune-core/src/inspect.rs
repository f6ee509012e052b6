//! What a checkpoint file holds, and which network of the zoo it fits.

use std::collections::BTreeMap;
use std::path::Path;

use backbone::{LoadReport, WrongShape};
use checkpoint::{Array, Checkpoint, Format};
use pretrained::Catalog;
use serde::Serialize;
use zoo::fitting::{Fitted, fitted_to_all};
use zoo::source_weights::{metadata, recorded_input};

use crate::Error;

/// A checkpoint as facts.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// The file.
    pub path: String,
    /// The form it is written in, in words.
    pub form: &'static str,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: String,
    /// The catalog's name of these weights, if the digest is that of one, as `resnet18 IMAGENET1K_V1`.
    pub catalog: Option<String>,
    /// What was taken off the names of its weights and what was left, in words; empty where there was nothing.
    pub unwrapped: String,
    /// Names of its classes in label order, where the file has them.
    pub classes: Option<Vec<String>>,
    /// Values in all floating-point tensors but running statistics.
    pub parameters: u64,
    /// Tensors of each element type.
    pub element_types: BTreeMap<String, u64>,
    /// Strings and numbers beside the tensors.
    pub metadata: BTreeMap<String, String>,
    /// How images are prepared for it, where it says so, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub images: Option<String>,
    /// What else there was, and was not read.
    pub skipped: Vec<String>,
    /// The networks that it fits best, all equally well; none if it has no tensor in common with any.
    pub fits: Vec<Fit>,
    /// The networks that come nearest, the best first, where it fits none of them.
    pub nearest: Vec<Fit>,
    /// Every tensor of the file, by the keys that lead to it.
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
    /// Whether the auxiliary heads of the network, if it has some, are in the file.
    pub auxiliary_heads: bool,
    /// Classes that the file's head tells apart, if it has one.
    pub classes: Option<i64>,
    /// Channels of the images it reads.
    pub channels: i64,
    /// Side of the images it reads in pixels, for a network that is built for one size.
    pub crop: Option<i64>,
    /// Whether it can be fine-tuned from: nothing differs but the head.
    pub usable: bool,
    /// What was taken off the names in the file to find the network's.
    pub prefix: String,
    /// Tensors that would be loaded.
    pub loaded: u64,
    /// Tensors of the network that the file lacks.
    pub missing: Vec<String>,
    /// Tensors of the file that the network has no use for, under the network's names.
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
    /// Whether every tensor of the one is in the other, in its shape.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.missing.is_empty() && self.unused.is_empty() && self.wrong_shape.is_empty()
    }
}

/// Networks shown where none fits.
const NEAREST: usize = 3;

/// Reads a checkpoint and compares it with every network of the zoo.
///
/// # Errors
/// When the file is no checkpoint, or a damaged one.
pub fn inspect(path: &Path) -> Result<Inspection, Error> {
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
        parameters: weights
            .tensors
            .iter()
            .filter(|(name, array)| is_parameter(name, array))
            .map(|(_, array)| size(array))
            .sum(),
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

/// The form of a file, in words.
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

fn size(array: &Array) -> u64 {
    array.shape.iter().map(|&side| side as u64).product()
}

impl From<checkpoint::Described> for TensorFacts {
    fn from(tensor: checkpoint::Described) -> Self {
        Self { name: tensor.path, shape: tensor.shape, element_type: tensor.dtype.to_string() }
    }
}

/// The networks with the largest share of tensors in common, by name and shape, of all in that order.
fn best_fits(all: &[Fitted]) -> Vec<&Fitted> {
    let first = all.first().map_or(0.0, |fitted| share(&fitted.report));
    let best: Vec<&Fitted> =
        all.iter().filter(|fitted| first > 0.0 && share(&fitted.report) >= first).collect();
    // Networks with the same tensors: the file's own word decides, where it has one.
    let named = |fitted: &&&Fitted| {
        fitted.checkpoint.metadata.get(metadata::ARCH).map(String::as_str) == Some(fitted.network.name)
    };
    match best.iter().find(named) {
        Some(&named) => vec![named],
        None => best,
    }
}

/// Tensors in common, by name and shape, among all of the file's and the network's.
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
