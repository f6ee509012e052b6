//! One state as one safetensors file: tensors by name, numbers as JSON in the metadata. So both are written or neither is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use backbone::digest;
use checkpoint::safetensors_file;
use checkpoint::{Array, Checkpoint, Dtype};
use tch::{Kind, Tensor};
use training::Tensors;

use crate::{Error, RunState, VERSION};

/// Key of the numbers in the metadata.
const STATE: &str = "finetune.state";

/// Hexadecimal digits of a file's SHA-256 in its name.
const DIGITS: usize = 16;

/// A state as it was at one moment: copies on the host, which any thread can write while the training goes on.
#[derive(Debug)]
pub struct Snapshot {
    /// Lines that `metrics.jsonl` had.
    lines: u64,
    metadata: BTreeMap<String, String>,
    arrays: Vec<(String, Array)>,
}

impl Snapshot {
    /// Copies a state.
    ///
    /// # Errors
    /// When a tensor cannot be copied, or is of a type that is not saved.
    pub fn of(state: &RunState, tensors: &Tensors) -> Result<Self, Error> {
        let numbers = serde_json::to_string(state).map_err(|error| Error::Serialise(error.to_string()))?;
        let array = |(name, tensor): (&String, &Tensor)| {
            let shape = tensor.size().iter().map(|&side| usize::try_from(side).unwrap_or(0)).collect();
            let array = Array { shape, dtype: dtype(tensor.kind())?, data: digest::bytes(tensor)? };
            Ok::<_, Error>((name.clone(), array))
        };
        Ok(Self {
            lines: state.progress.as_ref().map_or(0, |progress| progress.lines),
            metadata: BTreeMap::from([(STATE.to_owned(), numbers)]),
            arrays: tensors.iter().map(array).collect::<Result<_, _>>()?,
        })
    }

    /// Writes it into a folder, as `LINES-HASH.safetensors`, and returns its path. The file appears whole, under its name, or not
    /// at all.
    ///
    /// # Errors
    /// When it cannot be written, a full disk included.
    pub fn write(&self, folder: &Path) -> Result<PathBuf, Error> {
        let arrays = self.arrays.iter().map(|(name, array)| (name.as_str(), array));
        let name =
            |sha256: &str| format!("{:08}-{}.{EXTENSION}", self.lines, &sha256[..DIGITS.min(sha256.len())]);
        Ok(safetensors_file::write_named(folder, arrays, &self.metadata, name)?)
    }
}

/// Ends the names of states.
pub(crate) const EXTENSION: &str = "safetensors";

/// Reads a state.
///
/// # Errors
/// [`Error::Damaged`] where its bytes are not those that it was written with, and [`Error::OtherVersion`].
pub fn read(path: &Path) -> Result<(RunState, Tensors), Error> {
    let damaged = |problem: String| Error::Damaged { path: path.to_path_buf(), problem };
    let file = checkpoint::read(path).map_err(|error| damaged(error.to_string()))?;
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let hash = stem.split_once('-').map_or("", |(_, hash)| hash);
    if hash.len() != DIGITS || !file.sha256.starts_with(hash) {
        return Err(damaged("its content is not what its name says".to_owned()));
    }
    let Checkpoint { metadata, tensors, .. } = file;
    let numbers = metadata.get(STATE).ok_or_else(|| damaged(format!("it has no {STATE}")))?;
    let version = serde_json::from_str::<serde_json::Value>(numbers).ok();
    let version = version.and_then(|value| u32::try_from(value["version"].as_u64()?).ok());
    match version {
        Some(found) if found != VERSION => {
            return Err(Error::OtherVersion { path: path.to_path_buf(), found });
        }
        _ => {}
    }
    let state = serde_json::from_str(numbers).map_err(|error| damaged(error.to_string()))?;
    let tensors = tensors.into_iter().map(|(name, array)| Ok((name, tensor(&array)?)));
    Ok((state, tensors.collect::<Result<_, Error>>()?))
}

fn tensor(Array { shape, dtype, data }: &Array) -> Result<Tensor, Error> {
    let shape: Vec<i64> = shape.iter().map(|&side| i64::try_from(side).unwrap_or(i64::MAX)).collect();
    let kind = KINDS.iter().find(|(_, of)| of == dtype).map(|&(kind, _)| kind);
    let kind = kind.ok_or_else(|| Error::Serialise(format!("{dtype} tensors are not part of a state")))?;
    Ok(Tensor::f_from_data_size(data, &shape, kind)?)
}

fn dtype(kind: Kind) -> Result<Dtype, Error> {
    let dtype = KINDS.iter().find(|(of, _)| *of == kind).map(|&(_, dtype)| dtype);
    dtype.ok_or_else(|| Error::Serialise(format!("{kind:?} tensors are not saved")))
}

const KINDS: [(Kind, Dtype); 5] = [
    (Kind::Double, Dtype::F64),
    (Kind::Float, Dtype::F32),
    (Kind::Half, Dtype::F16),
    (Kind::BFloat16, Dtype::Bf16),
    (Kind::Int64, Dtype::I64),
];
