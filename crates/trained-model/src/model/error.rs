use std::path::{Path, PathBuf};
use zoo::source_weights::WeightsError;

use zoo::source_weights;

use crate::mismatch::MismatchError;
use crate::model_file::MODEL_FILE;

/// Why a model cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The checkpoint cannot be read, or the catalog does not have it.
    #[error(transparent)]
    Weights(#[from] WeightsError),
    /// The weights are not the whole of the network.
    #[error(transparent)]
    Mismatch(#[from] MismatchError),
    /// The zoo has no such network.
    #[error(transparent)]
    UnknownNetwork(#[from] zoo::UnknownNetwork),
    /// The file records an unknown preparation of images.
    #[error(transparent)]
    UnknownInput(#[from] source_weights::UnknownInput),
    /// The file records an end that the network does not have.
    #[error(transparent)]
    UnknownEnding(#[from] source_weights::UnknownEnding),
    /// The folder holds no model.
    #[error("{} holds no {MODEL_FILE}; {}", .0.display(), instead(.0))]
    NoRun(PathBuf),
    /// The model's file does not name its network.
    #[error("{} does not say which network it holds; name it with --arch, and the file with --weights", .0.display())]
    NoArch(PathBuf),
    /// The file holds another network.
    #[error("{} holds the weights of {holds}, not of {arch}", path.display())]
    OtherNetwork {
        /// The file.
        path: PathBuf,
        /// The network in the file.
        holds: String,
        /// The network asked for.
        arch: String,
    },
    /// Weights that are good for their features only.
    #[error(
        "the weights {name} of {arch} have no trained classifier, only features: fine-tune from them, or predict with other weights"
    )]
    FeaturesOnly {
        /// The network.
        arch: String,
        /// The catalog's name of the weights.
        name: String,
    },
    /// No weights are named.
    #[error("prediction needs weights, and \"none\" has none; name a file, or weights of the catalog")]
    NoWeights,
    /// Metadata that contradicts the tensors.
    #[error("{}: its metadata names {named} classes, but its head has {outputs} outputs", path.display())]
    Classes {
        /// The file.
        path: PathBuf,
        /// Number of names.
        named: usize,
        /// Outputs of the head.
        outputs: i64,
    },
    /// A temperature that is not a positive number.
    #[error("{}: its metadata gives the temperature {found:?}; it must be a number above 0 (the default is 1)", path.display())]
    Temperature {
        /// The file.
        path: PathBuf,
        /// The value in the metadata.
        found: String,
    },
    /// Images too small for the network.
    #[error("{}: {arch} needs images of at least {smallest} pixels a side, but its metadata says {crop}", path.display())]
    SmallInput {
        /// The file.
        path: PathBuf,
        /// The network.
        arch: String,
        /// Smallest side it accepts, in pixels.
        smallest: u32,
        /// Side in the metadata, in pixels.
        crop: u32,
    },
}

impl From<pretrained::Error> for ModelError {
    fn from(error: pretrained::Error) -> Self {
        Self::Weights(error.into())
    }
}

impl From<checkpoint::Error> for ModelError {
    fn from(error: checkpoint::Error) -> Self {
        Self::Weights(error.into())
    }
}

/// What to do about a folder without a model.
fn instead(folder: &Path) -> String {
    let has = |name: &str| folder.join(name).exists();
    if !folder.exists() {
        "there is no such folder".to_owned()
    } else if has("config.toml") && !has("summary.json") && !has("cells") {
        format!("its run has not ended: go on with it by finetune --resume {}", folder.display())
    } else {
        "name the folder of one run (those of a comparison are below its cells/)".to_owned()
    }
}
