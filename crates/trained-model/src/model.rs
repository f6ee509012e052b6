//! A network with all its weights, ready to classify images.

use std::path::PathBuf;

use backbone::{Auxiliary, Backbone, Network, Options, StageId, Values};
use checkpoint::Checkpoint;
use pretrained::InputSpec;
use run_config::Precision;
use tch::{Device, Kind};
use training::precision::{self, Purpose, Workload};
use zoo::source_weights::{self, SourceWeights, classes_in, metadata};

pub use self::error::ModelError;
use crate::mismatch;
use crate::model_file::MODEL_FILE;

mod error;

/// Where a model comes from.
#[derive(Clone, Debug)]
pub enum ModelSource {
    /// The folder of a run.
    Run(PathBuf),
    /// A network of the zoo with weights of the catalog or of a file.
    Weights {
        /// The network.
        arch: String,
        /// A name of the catalog or of the hub, or a path.
        weights: String,
    },
}

/// A network with all its weights.
#[derive(Debug)]
pub struct Model {
    /// The network.
    pub network: &'static Network,
    /// The network with its weights, without auxiliary heads.
    pub backbone: Backbone,
    /// Class names in the order of the head's outputs, `[classes]`.
    pub classes: Vec<String>,
    /// How images are prepared.
    pub input: InputSpec,
    /// Temperature by which logits are divided before the softmax, above 0: as fitted on validation images, else 1.
    pub temperature: f64,
    /// Source of [`Model::input`], in a few words.
    pub input_from: &'static str,
    /// The file.
    pub path: PathBuf,
    /// Its SHA-256.
    pub sha256: String,
    /// What was removed from the names in the file and which tensors were not used, in words; empty if nothing.
    pub unwrapping: String,
    /// Warnings about the weights, a sentence each.
    pub warnings: Vec<String>,
}

impl Model {
    /// Reads a model onto a device.
    ///
    /// # Errors
    /// [`ModelError`] when a file is missing or damaged, does not hold the whole network, or contradicts itself.
    pub fn open(source: &ModelSource, device: Device) -> Result<Self, ModelError> {
        match source {
            ModelSource::Run(folder) => {
                let path = folder.join(MODEL_FILE);
                if !path.is_file() {
                    return Err(ModelError::NoRun(folder.clone()));
                }
                let opened = checkpoint::open(&path)?;
                let outline = opened.outline(None);
                let arch = outline.metadata.get(metadata::ARCH).ok_or(ModelError::NoArch(path))?;
                let network = zoo::network(arch)?;
                let checkpoint = opened.load(Some(&network.layout()))?;
                Self::from_checkpoint(network, None, checkpoint, device)
            }
            ModelSource::Weights { arch, weights } => {
                let network = zoo::network(arch)?;
                let weights = SourceWeights::find(network.name, weights)?.ok_or(ModelError::NoWeights)?;
                refuse_features(network, Some(&weights), None)?;
                let checkpoint = weights.read(network)?;
                Self::from_checkpoint(network, Some(&weights), checkpoint, device)
            }
        }
    }

    fn from_checkpoint(
        network: &'static Network,
        weights: Option<&SourceWeights>,
        checkpoint: Checkpoint,
        device: Device,
    ) -> Result<Self, ModelError> {
        if let Some(holds) = source_weights::other_network(&checkpoint, network) {
            let (path, holds) = (checkpoint.path.clone(), holds.to_owned());
            return Err(ModelError::OtherNetwork { path, holds, arch: network.name.to_owned() });
        }
        refuse_features(network, weights, Some(&checkpoint))?;
        let (input, input_from) = source_weights::input(network, weights, Some(&checkpoint))?;
        if input.crop < network.smallest_input {
            return Err(ModelError::SmallInput {
                path: checkpoint.path,
                arch: network.name.to_owned(),
                smallest: network.smallest_input,
                crop: input.crop,
            });
        }
        let mut backbone = build(network, &input, &checkpoint, Values::Awaited { seed: 0 })?;
        if let Err(error) = backbone.load_whole(&checkpoint) {
            return Err(mismatch::of_model(error, network, &input, &checkpoint).into());
        }
        let unwrapping = source_weights::describe_unwrapping(&checkpoint);
        let warnings = source_weights::warnings(network, &checkpoint);
        backbone.freeze_before(backbone.head_id());
        backbone.to(device, Kind::Float);
        let entry = source_weights::catalog_entry(network, weights, Some(&checkpoint));
        let known = entry.and_then(pretrained::Entry::class_names);
        let classes = class_names(&checkpoint, known, backbone.head().classes)?;
        let temperature = temperature(&checkpoint)?;
        let Checkpoint { path, sha256, .. } = checkpoint;
        Ok(Self {
            network,
            backbone,
            classes,
            input,
            temperature,
            input_from,
            path,
            sha256,
            unwrapping,
            warnings,
        })
    }

    /// Prepares the network to compute fast in batches of this size: see [`Backbone::prepare_inference`].
    pub fn prepare(&mut self, precision: Precision, threads: u32, batch_size: usize) {
        let work = Workload { input: &self.input, batch_size, threads, purpose: Purpose::Predict };
        if precision.weights() != self.backbone.placement().1 {
            self.backbone.to(self.backbone.placement().0, precision.weights());
        }
        let kind = precision::kind(precision, &mut self.backbone, &work);
        self.backbone.prepare_inference(StageId::INPUT..self.backbone.head_id(), kind);
    }
}

/// Builds the network with as many outputs as the checkpoint's head has, without auxiliary heads, and ends it as the
/// checkpoint's metadata say.
pub(crate) fn build(
    network: &Network,
    input: &InputSpec,
    checkpoint: &Checkpoint,
    values: Values,
) -> Result<Backbone, ModelError> {
    let defaults = Options::default();
    let options = Options {
        classes: classes_in(network, checkpoint).unwrap_or(defaults.classes),
        channels: input.channels.into(),
        size: input.crop.into(),
        auxiliary: Auxiliary::LeftOut,
        ..defaults
    };
    let mut backbone = network.build(values, &options);
    source_weights::end_as_recorded(&mut backbone, checkpoint)?;
    Ok(backbone)
}

/// Refuses weights of the catalog that have no classifier.
fn refuse_features(
    network: &Network,
    weights: Option<&SourceWeights>,
    checkpoint: Option<&Checkpoint>,
) -> Result<(), ModelError> {
    match source_weights::catalog_entry(network, weights, checkpoint) {
        Some(entry) if entry.classes.is_none() => {
            Err(ModelError::FeaturesOnly { arch: entry.arch.clone(), name: entry.name.clone() })
        }
        _ => Ok(()),
    }
}

/// Returns the temperature of the file's metadata, else 1.
fn temperature(checkpoint: &Checkpoint) -> Result<f64, ModelError> {
    let Some(found) = checkpoint.metadata.get(metadata::TEMPERATURE) else { return Ok(1.0) };
    let value = found.parse::<f64>().ok().filter(|value| value.is_finite() && *value > 0.0);
    value.ok_or_else(|| ModelError::Temperature { path: checkpoint.path.clone(), found: found.clone() })
}

/// Returns the class names of the file, else the catalog's for these weights, else `class 0`, `class 1`, ...
fn class_names(
    checkpoint: &Checkpoint,
    known: Option<Vec<&'static str>>,
    outputs: i64,
) -> Result<Vec<String>, ModelError> {
    let fits = |count: usize| i64::try_from(count) == Ok(outputs);
    let recorded = checkpoint.metadata.get(metadata::CLASSES);
    if let Some(names) = recorded.and_then(|text| serde_json::from_str::<Vec<String>>(text).ok()) {
        let named = names.len();
        let path = checkpoint.path.clone();
        return if fits(named) { Ok(names) } else { Err(ModelError::Classes { path, named, outputs }) };
    }
    if let Some(names) = checkpoint.classes.as_ref().filter(|names| fits(names.len())) {
        return Ok(names.clone());
    }
    Ok(match known.filter(|names| fits(names.len())) {
        Some(names) => names.into_iter().map(str::to_owned).collect(),
        None => (0..outputs).map(|number| format!("class {number}")).collect(),
    })
}
