//! A network with all its weights, ready to say what a picture shows.

use std::path::{Path, PathBuf};

use backbone::{Auxiliary, Backbone, Network, Options, StageId, Values};
use checkpoint::Checkpoint;
use pretrained::InputSpec;
use run_config::Precision;
use tch::{Device, Kind};
use training::precision::{self, Purpose, Workload};
use zoo::source_weights::{self, SourceWeights, classes_in, metadata};

use crate::{Error, mismatch};

/// Where a model comes from.
#[derive(Clone, Debug)]
pub enum ModelSource {
    /// The folder that a run left behind.
    Run(PathBuf),
    /// A network of the zoo with these weights: a name of the catalog, or a file.
    Weights {
        /// The network.
        arch: String,
        /// The name or the path.
        weights: String,
    },
}

/// A network with all its weights.
#[derive(Debug)]
pub struct Model {
    /// The network.
    pub network: &'static Network,
    /// The same, built and filled; auxiliary heads are left out.
    pub backbone: Backbone,
    /// Class names in the order of the head's outputs.
    pub classes: Vec<String>,
    /// How images are prepared.
    pub input: InputSpec,
    /// What scores are divided by to make probabilities of them: as fitted on validation images, or 1.
    pub temperature: f64,
    /// Whose word [`Model::input`] is, in a few words.
    pub input_from: &'static str,
    /// The file.
    pub path: PathBuf,
    /// Its SHA-256.
    pub sha256: String,
    /// What was taken off the names in the file and what of it was not used, in words; empty where there was nothing.
    pub told: String,
    /// What should be known of the weights before anybody trusts them, a sentence each.
    pub warnings: Vec<String>,
}

/// Why there is no model to predict with.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The network is not in the zoo.
    #[error(transparent)]
    UnknownNetwork(#[from] zoo::UnknownNetwork),
    /// Its file asks for a preparation that there is not.
    #[error(transparent)]
    UnknownInput(#[from] source_weights::UnknownInput),
    /// There is no model in the folder.
    #[error("{} holds no {MODEL_FILE}; name the folder of one run (those of a comparison are below its cells/)", .0.display())]
    NoRun(PathBuf),
    /// The model's file does not name its network.
    #[error("{} does not say which network it holds; name it with --arch, and the file with --weights", .0.display())]
    NoArch(PathBuf),
    /// The file says that it holds another network.
    #[error("{} holds the weights of {holds}, not of {arch}", path.display())]
    OtherNetwork {
        /// The file.
        path: PathBuf,
        /// What it says it holds.
        holds: String,
        /// What was asked for.
        arch: String,
    },
    /// Weights whose classifier means nothing.
    #[error(
        "the weights {name} of {arch} are good for their features only, their classifier means nothing: fine-tune from them, or predict with other weights"
    )]
    FeaturesOnly {
        /// The network.
        arch: String,
        /// The catalog's name of the weights.
        name: String,
    },
    /// There are no weights to predict with.
    #[error("without weights there is nothing to predict with; name a file or weights of the catalog")]
    NoWeights,
    /// Metadata that contradicts the tensors.
    #[error("{}: its metadata names {named} classes, and its head tells {outputs} apart", path.display())]
    Classes {
        /// The file.
        path: PathBuf,
        /// Names.
        named: usize,
        /// Outputs of the head.
        outputs: i64,
    },
    /// A temperature that makes no probabilities.
    #[error("{}: its metadata gives the temperature {found:?}; it must be a number above 0 (without one, 1 is taken)", path.display())]
    Temperature {
        /// The file.
        path: PathBuf,
        /// What it says.
        found: String,
    },
    /// An input that the network cannot read.
    #[error("{}: {arch} reads pictures of at least {smallest} pixels a side, and its metadata says {crop}", path.display())]
    SmallInput {
        /// The file.
        path: PathBuf,
        /// The network.
        arch: String,
        /// The least it reads.
        smallest: u32,
        /// What the metadata says.
        crop: u32,
    },
}

/// The model's file in the folder of a run.
pub const MODEL_FILE: &str = "model.safetensors";

impl Model {
    /// Reads a model.
    ///
    /// # Errors
    /// When a file is missing or damaged, does not hold the whole network, or contradicts itself.
    pub fn open(source: &ModelSource, device: Device) -> Result<Self, Error> {
        match source {
            ModelSource::Run(folder) => {
                let path = folder.join(MODEL_FILE);
                if !path.is_file() {
                    return Err(ModelError::NoRun(folder.clone()).into());
                }
                let opened = checkpoint::open(&path)?;
                let outline = opened.outline(None);
                let arch = outline.metadata.get(metadata::ARCH).ok_or(ModelError::NoArch(path))?;
                let network = zoo::network(arch).map_err(ModelError::from)?;
                let checkpoint = opened.load(Some(&network.layout()))?;
                Self::of(network, None, checkpoint, device)
            }
            ModelSource::Weights { arch, weights } => {
                let network = zoo::network(arch).map_err(ModelError::from)?;
                let weights = SourceWeights::find(network.name, weights)?.ok_or(ModelError::NoWeights)?;
                refuse_features(network, Some(&weights), None)?;
                let checkpoint = weights.read(network)?;
                Self::of(network, Some(&weights), checkpoint, device)
            }
        }
    }

    fn of(
        network: &'static Network,
        weights: Option<&SourceWeights>,
        checkpoint: Checkpoint,
        device: Device,
    ) -> Result<Self, Error> {
        if let Some(holds) = source_weights::other_network(&checkpoint, network) {
            let (path, holds) = (checkpoint.path.clone(), holds.to_owned());
            return Err(ModelError::OtherNetwork { path, holds, arch: network.name.to_owned() }.into());
        }
        refuse_features(network, weights, Some(&checkpoint))?;
        let (input, input_from) =
            source_weights::input(network, weights, Some(&checkpoint)).map_err(ModelError::from)?;
        if input.crop < network.smallest_input {
            return Err(ModelError::SmallInput {
                path: checkpoint.path,
                arch: network.name.to_owned(),
                smallest: network.smallest_input,
                crop: input.crop,
            }
            .into());
        }
        let mut backbone = build(network, &input, &checkpoint, Values::Awaited { seed: 0 });
        if let Err(error) = backbone.load_whole(&checkpoint) {
            return Err(mismatch::of_model(error, network, &input, &checkpoint));
        }
        let told = source_weights::describe_unwrapping(&checkpoint);
        let warnings = source_weights::warnings(network, &checkpoint);
        backbone.freeze_before(backbone.head_id());
        backbone.to(device, Kind::Float);
        let entry = source_weights::catalog_entry(network, weights, Some(&checkpoint));
        let known = entry.and_then(pretrained::Entry::class_names);
        let classes = class_names(&checkpoint, known, backbone.head().classes)?;
        let temperature = temperature(&checkpoint)?;
        let Checkpoint { path, sha256, .. } = checkpoint;
        Ok(Self { network, backbone, classes, input, temperature, input_from, path, sha256, told, warnings })
    }

    /// Makes it fast for predicting in batches of this size: see [`Backbone::prepare_inference`].
    pub fn prepare(&mut self, precision: Precision, threads: u32, batch_size: usize) {
        let work = Workload { input: &self.input, batch_size, threads, purpose: Purpose::Predict };
        let kind = precision::kind(precision, &mut self.backbone, &work);
        self.backbone.prepare_inference(StageId::INPUT..self.backbone.head_id(), kind);
    }
}

/// The network as a checkpoint with our names has it, as far as its head tells, without auxiliary heads.
pub(crate) fn build(
    network: &Network,
    input: &InputSpec,
    checkpoint: &Checkpoint,
    values: Values,
) -> Backbone {
    let defaults = Options::default();
    let options = Options {
        classes: classes_in(network, checkpoint).unwrap_or(defaults.classes),
        channels: input.channels.into(),
        size: input.crop.into(),
        auxiliary: Auxiliary::LeftOut,
        ..defaults
    };
    network.build(values, &options)
}

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

/// From the file's metadata, else 1.
fn temperature(checkpoint: &Checkpoint) -> Result<f64, ModelError> {
    let Some(found) = checkpoint.metadata.get(metadata::TEMPERATURE) else { return Ok(1.0) };
    let value = found.parse::<f64>().ok().filter(|value| value.is_finite() && *value > 0.0);
    value.ok_or_else(|| ModelError::Temperature { path: checkpoint.path.clone(), found: found.clone() })
}

/// From the file's metadata or another of its keys, else the catalog's for these weights, else numbers.
fn class_names(
    checkpoint: &Checkpoint,
    known: Option<Vec<&'static str>>,
    outputs: i64,
) -> Result<Vec<String>, ModelError> {
    let fits = |count: usize| i64::try_from(count) == Ok(outputs);
    let recorded = checkpoint.metadata.get(metadata::CLASSES);
    if let Some(names) = recorded.and_then(|text| serde_json::from_str::<Vec<String>>(text).ok()) {
        let named = names.len();
        let path: &Path = &checkpoint.path;
        return if fits(named) {
            Ok(names)
        } else {
            Err(ModelError::Classes { path: path.to_owned(), named, outputs })
        };
    }
    if let Some(names) = checkpoint.classes.as_ref().filter(|names| fits(names.len())) {
        return Ok(names.clone());
    }
    Ok(match known.filter(|names| fits(names.len())) {
        Some(names) => names.into_iter().map(str::to_owned).collect(),
        None => (0..outputs).map(|number| format!("class {number}")).collect(),
    })
}
