//! What a checkpoint file holds, and which network of the zoo it fits.

use std::collections::BTreeMap;
use std::path::Path;

use backbone::{Auxiliary, LoadReport, Network, Options, Values, Variables, WrongShape};
use pretrained::{Array, Catalog, Checkpoint, Format, checkpoint};
use serde::Serialize;

use crate::model::classes_in;
use crate::source_weights::{metadata, recorded_input};
use crate::{Error, zoo};

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
    /// The key under which the state dict lay, if the file holds more than that.
    pub wrapper: Option<String>,
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
    /// The networks that it fits best, all equally well; none if it fits no network at all.
    pub fits: Vec<Fit>,
    /// Every tensor, by name.
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

/// Reads a checkpoint and compares it with every network of the zoo.
///
/// # Errors
/// When the file is no checkpoint, or a damaged one.
pub fn inspect(path: &Path) -> Result<Inspection, Error> {
    let checkpoint = checkpoint::read(path)?;
    let bytes = std::fs::metadata(path).map_or(0, |file| file.len());
    let entry = Catalog::builtin().entries().iter().find(|entry| entry.digest().accepts(&checkpoint.sha256));
    let fits = best_fits(&checkpoint);
    let images = match recorded_input(&checkpoint) {
        Ok(input) => input.map(|input| input.to_string()),
        Err(unknown) => Some(format!("not understood: {}", unknown.reason)),
    };
    let mut element_types = BTreeMap::new();
    for array in checkpoint.tensors.values() {
        *element_types.entry(array.dtype.to_string()).or_default() += 1;
    }
    Ok(Inspection {
        path: path.to_string_lossy().into_owned(),
        form: form(checkpoint.format),
        bytes,
        catalog: entry.map(|entry| format!("{} {}", entry.arch, entry.name)),
        parameters: checkpoint
            .tensors
            .iter()
            .filter(|(name, array)| is_parameter(name, array))
            .map(size)
            .sum(),
        element_types,
        fits,
        tensors: checkpoint.tensors.iter().map(facts).collect(),
        sha256: checkpoint.sha256,
        wrapper: checkpoint.wrapper,
        images,
        metadata: checkpoint.metadata,
        skipped: checkpoint.skipped,
    })
}

/// The form of a file, in words.
fn form(format: Format) -> &'static str {
    match format {
        Format::SafeTensors => "safetensors",
        Format::TorchZip => "torch.save, zip archive (torch 1.6 and later)",
        Format::TorchLegacy => "torch.save, legacy pickle (torch 0.1.10 to 1.5)",
        Format::TorchTar => "torch.save, tar archive (before torch 0.1.10)",
    }
}

fn is_parameter(name: &str, array: &Array) -> bool {
    let buffer = ["running_mean", "running_var", "num_batches_tracked"];
    let is_float = array.dtype.to_string().contains("float");
    is_float && !buffer.iter().any(|end| name.ends_with(end))
}

fn size((_, array): (&String, &Array)) -> u64 {
    array.shape.iter().map(|&side| side as u64).product()
}

fn facts((name, array): (&String, &Array)) -> TensorFacts {
    TensorFacts { name: name.clone(), shape: array.shape.clone(), element_type: array.dtype.to_string() }
}

/// The networks with the largest share of tensors in common, by name and shape.
fn best_fits(checkpoint: &Checkpoint) -> Vec<Fit> {
    let mut best: Vec<Fit> = Vec::new();
    let mut best_share = 0.0;
    for network in zoo::networks() {
        // Only names and shapes matter, and values may be large.
        let renamed = network.renamed(shapes_of(checkpoint));
        for auxiliary in [Auxiliary::LeftOut, Auxiliary::Built] {
            let (report, has_auxiliary) = compare(network, &renamed, auxiliary);
            if auxiliary == Auxiliary::Built && !has_auxiliary {
                continue;
            }
            let share = share(&report);
            if share > 0.0 && share >= best_share {
                if share > best_share {
                    best.clear();
                    best_share = share;
                }
                best.push(fit(network, &renamed, has_auxiliary, report));
            }
        }
    }
    // Networks with the same tensors: the file's own word decides, where it has one.
    let named = checkpoint.metadata.get(metadata::ARCH);
    match best.iter().position(|fit| Some(fit.arch) == named.map(String::as_str)) {
        Some(place) => vec![best.swap_remove(place)],
        None => best,
    }
}

/// What would become of the checkpoint in this network, and whether that has auxiliary heads.
fn compare(network: &Network, renamed: &Checkpoint, auxiliary: Auxiliary) -> (LoadReport, bool) {
    let recorded = recorded_input(renamed).ok().flatten();
    let input = recorded.unwrap_or_else(|| (network.input)());
    let options = Options {
        classes: classes_in(network, renamed).unwrap_or(Options::default().classes),
        channels: input.channels.into(),
        size: i64::from(input.crop.max(network.smallest_input)),
        auxiliary,
        ..Options::default()
    };
    let outline = (network.build)(&Variables::holding(Values::Outline).root(), &options);
    (outline.compare(renamed), outline.aux().next().is_some())
}

/// Tensors in common, by name and shape, among all of the file's and the network's.
fn share(report: &LoadReport) -> f64 {
    let common = report.loaded.len();
    let others = report.missing.len() + report.unused.len() + 2 * report.wrong_shape.len();
    common as f64 / (common + others).max(1) as f64
}

fn fit(network: &Network, renamed: &Checkpoint, auxiliary_heads: bool, report: LoadReport) -> Fit {
    let difference = |WrongShape { name, file, network }: WrongShape| ShapeDifference { name, file, network };
    Fit {
        arch: network.name,
        auxiliary_heads,
        classes: classes_in(network, renamed),
        loaded: report.loaded.len() as u64,
        missing: report.missing,
        unused: report.unused,
        wrong_shape: report.wrong_shape.into_iter().map(difference).collect(),
    }
}

/// The checkpoint without its values.
fn shapes_of(checkpoint: &Checkpoint) -> Checkpoint {
    let bare = |array: &Array| Array { shape: array.shape.clone(), dtype: array.dtype, data: Vec::new() };
    Checkpoint {
        path: checkpoint.path.clone(),
        format: checkpoint.format,
        tensors: checkpoint.tensors.iter().map(|(name, array)| (name.clone(), bare(array))).collect(),
        metadata: checkpoint.metadata.clone(),
        wrapper: None,
        skipped: Vec::new(),
        sha256: checkpoint.sha256.clone(),
    }
}
