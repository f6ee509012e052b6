//! Where a run starts from: a catalog entry, a file of Hugging Face's hub, a file, or nothing.

use std::path::{Path, PathBuf};

use backbone::{Backbone, Ending, EndingError, Network};
use checkpoint::{Checkpoint, Dialect};
use pretrained::hub::{self, HubFile, HubFound};
use pretrained::{Catalog, Entry, InputSpec};

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
    /// Those weights by the name that always means the same bytes, `hf:OWNER/NAME@COMMIT`; absent for other than the hub's.
    pub const SOURCE_NAME: &str = "source";
    /// SPDX name of the licence of those weights, or the hub's word for it; absent where it is not known.
    pub const LICENCE: &str = "licence";
    /// What scores are divided by to make probabilities of them, a number above 0; absent where none was fitted.
    pub const TEMPERATURE: &str = "temperature";
    /// The stage after which the network ends; absent where it is whole.
    pub const CUT: &str = "cut";
    /// The stages that the head reads, pooled and joined, as a JSON list; absent where it reads the last alone.
    pub const TAPS: &str = "taps";
    /// The framework whose layout the tensors follow.
    pub const FORMAT: &str = "format";
}

/// Source weights that were found, not yet read.
#[derive(Clone, Debug)]
pub struct SourceWeights {
    /// As named in the configuration; a file of the hub with its commit, where that is known.
    pub label: String,
    place: Place,
}

/// Why source weights could not be read.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// The file of the catalog or of the hub is not on this machine, or another one has its name.
    #[error(transparent)]
    NotFound(#[from] pretrained::Error),
    /// The file is no checkpoint, or a damaged one.
    #[error(transparent)]
    Unreadable(#[from] checkpoint::Error),
}

#[derive(Clone, Debug)]
enum Place {
    Catalog(&'static Entry),
    /// Of the hub, and where it was found.
    Hub(Box<HubFile>, Option<Box<HubFound>>),
    File(PathBuf),
}

impl SourceWeights {
    /// What `weights` means for this network: `None` for `"none"`.
    ///
    /// # Errors
    /// When it is neither a catalog name of this network, nor a name of the hub, nor a path.
    pub fn find(arch: &str, weights: &str) -> Result<Option<Self>, pretrained::Error> {
        if weights == "none" {
            return Ok(None);
        }
        if let Some(file) = HubFile::parse(weights)? {
            let found = hub::resolve(&file, &weights_folders())?;
            let pinned = found.as_ref().map_or_else(|| file.clone(), |found| file.at(&found.record.commit));
            return Ok(Some(Self {
                label: pinned.to_string(),
                place: Place::Hub(Box::new(pinned), found.map(Box::new)),
            }));
        }
        let place = match Catalog::builtin().find(arch, weights) {
            Ok(entry) => Place::Catalog(entry),
            Err(_) if looks_like_a_path(weights) => Place::File(PathBuf::from(weights)),
            Err(unknown) => return Err(unknown),
        };
        Ok(Some(Self { label: weights.to_owned(), place }))
    }

    /// Reads the file, its digest checked where one is known: its weights under the names of the network, without what it
    /// has in front of them ([`checkpoint::Unwrapped`]).
    ///
    /// # Errors
    /// When it is not there (the message names the command that fetches it), is not what its digest says, or is no
    /// checkpoint.
    pub fn read(&self, network: &Network) -> Result<Checkpoint, WeightsError> {
        let path = match &self.place {
            Place::File(path) => path.clone(),
            Place::Catalog(entry) => pretrained::locate(entry, &weights_folders())?,
            Place::Hub(file, _) => hub::locate(file, &weights_folders())?.path,
        };
        Ok(checkpoint::open(&path)?.load(Some(&network.layout()))?)
    }

    /// The catalog's entry, if they were named by it.
    #[must_use]
    pub fn entry(&self) -> Option<&'static Entry> {
        match &self.place {
            Place::Catalog(entry) => Some(entry),
            Place::Hub(..) | Place::File(_) => None,
        }
    }

    /// What the hub says of them, if they are a file of the hub that is on this machine.
    fn of_hub(&self) -> Option<&HubFound> {
        match &self.place {
            Place::Hub(_, found) => found.as_deref(),
            Place::Catalog(_) | Place::File(_) => None,
        }
    }

    /// The name with which a saved model says where it comes from: that of a file of the hub at its commit.
    #[must_use]
    pub fn lasting_name(&self) -> Option<&str> {
        self.of_hub().map(|_| self.label.as_str())
    }
}

/// The catalog's entry for a network's weights: the one that was named, or else the one whose digest the file has.
#[must_use]
pub fn catalog_entry(
    network: &Network,
    weights: Option<&SourceWeights>,
    checkpoint: Option<&Checkpoint>,
) -> Option<&'static Entry> {
    let named = weights.and_then(SourceWeights::entry);
    named.or_else(|| Catalog::builtin().recognise(network.name, &checkpoint?.sha256))
}

/// Licence that these weights are published under: the catalog's for them, else the hub's word, else what the file's metadata say;
/// `None` where none does.
#[must_use]
pub fn licence(
    network: &Network,
    weights: Option<&SourceWeights>,
    checkpoint: Option<&Checkpoint>,
) -> Option<String> {
    let known = catalog_entry(network, weights, checkpoint).map(|entry| entry.licence.clone());
    let of_hub = || weights.and_then(SourceWeights::of_hub)?.record.licence.clone();
    known.or_else(of_hub).or_else(|| checkpoint?.metadata.get(metadata::LICENCE).cloned())
}

/// A checkpoint, under the network's names, without what means nothing: where only the features are of use, the whole
/// classifier, the layers before the head included (`classifier` in VGG).
#[must_use]
pub fn of_use(network: &Network, weights: Option<&SourceWeights>, mut checkpoint: Checkpoint) -> Checkpoint {
    let known = catalog_entry(network, weights, Some(&checkpoint));
    if known.is_some_and(|entry| entry.classes.is_none()) {
        let classifier = network.head.split('.').next();
        checkpoint.tensors.retain(|name, _| name.split('.').next() != classifier);
    }
    checkpoint
}

/// How images are prepared for a network with these weights, and where that comes from: the file's metadata, else what the hub or the
/// catalog says of these weights, else that for the network's default weights, else the network's.
///
/// # Errors
/// [`UnknownInput`] when the file's metadata are not understood.
pub fn input(
    network: &Network,
    weights: Option<&SourceWeights>,
    checkpoint: Option<&Checkpoint>,
) -> Result<(InputSpec, &'static str), UnknownInput> {
    if let Some(input) = checkpoint.map(recorded_input).transpose()?.flatten() {
        return Ok((input, "as the weights' own metadata says"));
    }
    if let Some(input) = weights.and_then(SourceWeights::of_hub).and_then(|found| found.record.input.as_ref())
    {
        return Ok((input.clone(), "as the hub says of these weights"));
    }
    Ok(match catalog_entry(network, weights, checkpoint) {
        Some(entry) => (entry.input.clone(), "as the catalog says of these weights"),
        None => (default_input(network), "the network's default"),
    })
}

/// A model file whose metadata ask for a preparation that this program does not have.
#[derive(Debug, thiserror::Error)]
#[error("{}: its metadata do not say how images are prepared for it: {reason}; was it saved by a newer finetune?", path.display())]
pub struct UnknownInput {
    /// The file.
    pub path: PathBuf,
    /// What is not understood.
    pub reason: String,
}

/// What the logits of these weights' own classifier are multiplied by to make probabilities of them: one over the
/// temperature in their metadata; else the scale of networks trained on ImageNet, where the catalog knows them for
/// that; else 1.
#[must_use]
pub fn head_scale(network: &Network, weights: Option<&SourceWeights>, checkpoint: &Checkpoint) -> f64 {
    let recorded = checkpoint.metadata.get(metadata::TEMPERATURE);
    let temperature = recorded.and_then(|recorded| recorded.parse::<f64>().ok());
    if let Some(temperature) = temperature.filter(|value| value.is_finite() && *value > 0.0) {
        return 1.0 / temperature;
    }
    let known = catalog_entry(network, weights, Some(checkpoint));
    let of_imagenet = known.is_some_and(|entry| entry.classes.as_deref() == Some("imagenet-1k"));
    if of_imagenet { regularize::IMAGENET_SCALE } else { 1.0 }
}

/// How images are prepared for a network's default weights; for a network without any, as its family says.
#[must_use]
pub fn default_input(network: &Network) -> InputSpec {
    let default = Catalog::builtin().default_for(network.name);
    default.map_or_else(|_| (network.input)(), |entry| entry.input.clone())
}

/// How images are prepared for a model that a run saved: from its own metadata.
///
/// # Errors
/// [`UnknownInput`] when they are there and not understood.
pub fn recorded_input(checkpoint: &Checkpoint) -> Result<Option<InputSpec>, UnknownInput> {
    let Some(recorded) = checkpoint.metadata.get(metadata::INPUT) else { return Ok(None) };
    let read = serde_json::from_str(recorded);
    read.map(Some).map_err(|error| UnknownInput { path: checkpoint.path.clone(), reason: error.to_string() })
}

/// Where a network that a run saved ends, and what its head reads: from the file's metadata.
#[must_use]
pub fn recorded_ending(checkpoint: &Checkpoint) -> Ending {
    let taps = checkpoint.metadata.get(metadata::TAPS);
    Ending {
        cut: checkpoint.metadata.get(metadata::CUT).cloned(),
        taps: taps.and_then(|taps| serde_json::from_str(taps).ok()).unwrap_or_default(),
    }
}

/// A model file whose metadata end its network where that cannot end.
#[derive(Debug, thiserror::Error)]
#[error("{}: its metadata end the network otherwise than it can: {error}; was it saved by a newer finetune?", path.display())]
pub struct UnknownEnding {
    /// The file.
    pub path: PathBuf,
    /// What is wrong.
    pub error: EndingError,
}

/// Ends a network as the metadata of the weights that it is built for say.
///
/// # Errors
/// [`UnknownEnding`] when it does not have these stages.
pub fn end_as_recorded(backbone: &mut Backbone, checkpoint: &Checkpoint) -> Result<(), UnknownEnding> {
    let ended = backbone.end(&recorded_ending(checkpoint));
    ended.map_err(|error| UnknownEnding { path: checkpoint.path.clone(), error })
}

/// The network that a file says it holds, if it is another one than this. Networks may differ only in what has no
/// tensors, as lenet5 and lenet5_relu do: then the file's metadata count.
#[must_use]
pub fn other_network<'a>(checkpoint: &'a Checkpoint, network: &Network) -> Option<&'a str> {
    let arch = checkpoint.metadata.get(metadata::ARCH)?;
    (arch != network.name && crate::network(arch).is_ok()).then_some(arch)
}

/// Describes what was taken off the names in a file and what of it was left or not read; empty where there was nothing.
#[must_use]
pub fn describe_unwrapping(checkpoint: &Checkpoint) -> String {
    let mut text = checkpoint.unwrapped.in_words();
    if let Some(first) = checkpoint.skipped.first() {
        let more = match checkpoint.skipped.len() - 1 {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let joint = if text.is_empty() { "" } else { "; " };
        text.push_str(&format!("{joint}not read: {first}{more}"));
    }
    text
}

/// Warnings about these weights, a sentence each that names the file: a guess between copies, names of classes that are of
/// no use, a library whose network computes otherwise.
#[must_use]
pub fn warnings(network: &Network, checkpoint: &Checkpoint) -> Vec<String> {
    let file = checkpoint.path.display();
    let mut warnings: Vec<String> = Vec::new();
    warnings.extend(checkpoint.unwrapped.guess().map(|guess| format!("{file} {guess}")));
    warnings.extend(
        classes_of_no_use(network, checkpoint).map(|wrong| format!("{file}: {wrong}: it names no class")),
    );
    let dialect = network.dialects.iter().find(|dialect| Some(dialect.name) == checkpoint.unwrapped.dialect);
    if let Some(Dialect { name, differs: Some(differs), .. }) = dialect {
        warnings.push(format!(
            "{file} has {name}'s names: {differs}, which no name tells; fine-tune from it, or check its predictions"
        ));
    }
    warnings
}

/// Why the names of classes in a file are not those of its head's outputs, if it has some.
#[must_use]
pub fn classes_of_no_use(network: &Network, checkpoint: &Checkpoint) -> Option<String> {
    if checkpoint.classes_wrong.is_some() {
        return checkpoint.classes_wrong.clone();
    }
    let (names, outputs) = (checkpoint.classes.as_ref()?.len(), classes_in(network, checkpoint)?);
    (i64::try_from(names) != Ok(outputs))
        .then(|| format!("it names {names} classes, and its head has {outputs} outputs"))
}

/// Number of classes of the head in a checkpoint under the network's names, if it has one.
#[must_use]
pub fn classes_in(network: &Network, checkpoint: &Checkpoint) -> Option<i64> {
    let head = checkpoint.tensors.get(&format!("{}.weight", network.head))?;
    head.shape.first().and_then(|&classes| i64::try_from(classes).ok()).filter(|&classes| classes > 0)
}

/// Names of the classes of these weights, in the order of the head's outputs: the file's own, else the catalog's.
#[must_use]
pub fn class_names(
    network: &Network,
    weights: Option<&SourceWeights>,
    checkpoint: &Checkpoint,
) -> Option<(Vec<String>, NamedBy)> {
    if let Some(names) = &checkpoint.classes {
        return Some((names.clone(), NamedBy::File));
    }
    let names = catalog_entry(network, weights, Some(checkpoint))?.class_names()?;
    Some((names.into_iter().map(str::to_owned).collect(), NamedBy::Catalog))
}

/// Where the names of classes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedBy {
    /// The file itself.
    File,
    /// The catalog's entry of these weights.
    Catalog,
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
