use pretrained::{Checkpoint, InputSpec};

use crate::network::Backbone;
use crate::options::Options;
use crate::variables::Path;

/// What a family's crate exports: its networks as a table.
#[derive(Debug)]
pub struct Family {
    /// The crate's name, `resnet`.
    pub name: &'static str,
    /// The problem of its predecessors that this family solved, in a sentence.
    pub solved: &'static str,
    /// The paper: authors, title, year.
    pub paper: &'static str,
    /// Its networks, smallest first.
    pub networks: &'static [Network],
}

/// One network of a family.
#[derive(Debug)]
pub struct Network {
    /// TorchVision's name, `resnet50`; used in configurations.
    pub name: &'static str,
    /// Year of the paper.
    pub year: u16,
    /// The path root of the classifier that step `head` replaces, `fc`.
    pub head: &'static str,
    /// The smallest square input it can read, in pixels.
    pub smallest_input: u32,
    /// How its images are prepared when no weights say otherwise.
    pub input: fn() -> InputSpec,
    /// The constructor.
    pub build: fn(&Path, &Options) -> Backbone,
    /// For a network whose published weights do not use TorchVision's names: a name of that file -> ours; `None` where
    /// the name is none of that file's.
    pub rename: Option<fn(&str) -> Option<String>>,
    /// What TorchVision's constructor has to be told, beside the number of classes, to build the network that a saved
    /// model holds: no auxiliary heads, pixels prepared outside, no waiting for random numbers.
    pub arguments: &'static [(&'static str, bool)],
}

impl Network {
    /// A checkpoint with its tensors under this network's names: without the `module.` that training on several GPUs
    /// puts in front, and by [`Network::rename`]. Names that are ours already stay.
    #[must_use]
    pub fn renamed(&self, mut checkpoint: Checkpoint) -> Checkpoint {
        let prefix = checkpoint.data_parallel_prefix();
        let tensors = std::mem::take(&mut checkpoint.tensors).into_iter();
        let ours = |name: String| {
            let bare =
                prefix.and_then(|prefix| name.strip_prefix(prefix)).map_or(name.clone(), str::to_owned);
            self.rename.and_then(|rename| rename(&bare)).unwrap_or(bare)
        };
        checkpoint.tensors = tensors.map(|(name, array)| (ours(name), array)).collect();
        checkpoint
    }
}
