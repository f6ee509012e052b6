use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::{Array, Unwrapped};

/// The weights that a checkpoint file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// The file.
    pub path: PathBuf,
    /// The form it is written in.
    pub format: Format,
    /// Its weights by name: the network's names where a network was asked for, else the file's.
    pub tensors: BTreeMap<String, Array>,
    /// Safetensors: its `__metadata__`. A pickle: the strings and numbers at its top, such as `epoch`.
    pub metadata: BTreeMap<String, String>,
    /// Names of its classes in label order, where the file has them under a key that training scripts use.
    pub classes: Option<Vec<String>>,
    /// Why the names of classes in the file could not be put into label order, where it has some.
    pub classes_wrong: Option<String>,
    /// What was taken off its names, and which tensors are no weights.
    pub unwrapped: Unwrapped,
    /// What the file holds apart from arrays, strings and numbers, as `"path: Python type"`; it was not read.
    pub skipped: Vec<String>,
    /// Tensors that cannot be read, by their names in the file, and why and what to do.
    pub unread: Vec<(String, String)>,
    /// SHA-256 of the file, 64 hex digits.
    pub sha256: String,
}

/// The forms a checkpoint can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// `torch.save` since 1.6: a zip archive.
    TorchZip,
    /// `torch.save` from 0.1.10 to 1.5: pickles, then the values.
    TorchLegacy,
    /// `torch.save` before 0.1.10: a tar archive.
    TorchTar,
    /// Python's `pickle.dump`, as Detectron2 writes arrays of numpy.
    Pickle,
    /// Safetensors: a JSON header, then the values.
    SafeTensors,
}
