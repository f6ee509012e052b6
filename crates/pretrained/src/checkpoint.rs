//! A `.pth` or `.safetensors` file read into named arrays.
//!
//! The form of a file is told from its content, never from its name. Nothing in a file is executed, no length in it is
//! believed before it is compared with the file, and whatever is wrong comes back as an [`Error`].

mod array;
mod pickle_scan;
mod safetensors;
mod sniff;
mod torch;

use std::collections::BTreeMap;
use std::fs::File;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

pub use array::{Array, Dtype};

use crate::Error;
use crate::digest::sha256_of_file;

/// What a checkpoint file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct Checkpoint {
    /// The file.
    pub path: PathBuf,
    /// The form it is written in.
    pub format: Format,
    /// Its arrays by name, exactly as the file names them (a `module.` prefix is kept: see
    /// [`Checkpoint::data_parallel_prefix`]).
    pub tensors: BTreeMap<String, Array>,
    /// Safetensors: its `__metadata__`. A wrapped `.pth`: the strings and numbers beside the state dict, such as
    /// `epoch`.
    pub metadata: BTreeMap<String, String>,
    /// Key under which the state dict lay in a `.pth` that holds more than that: `"model"`, `"state_dict"`.
    pub wrapper: Option<String>,
    /// What the file holds besides arrays, strings and numbers, as `"path: Python type"`; it was not read.
    pub skipped: Vec<String>,
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
    /// Safetensors: a JSON header, then the values.
    SafeTensors,
}

/// Reads a checkpoint of any [`Format`].
///
/// The file is read twice at the same time, for its digest and for its arrays; memory holds the arrays and one array more.
///
/// # Errors
/// [`Error::Io`], [`Error::NotACheckpoint`], [`Error::Damaged`], [`Error::Tensor`] or [`Error::Hostile`], each with the
/// path.
pub fn read(path: &Path) -> Result<Checkpoint, Error> {
    let mut file = open(path)?;
    let format = sniff::format_of(path, &mut file)?;
    let (content, sha256) = thread::scope(|scope| {
        let digest = scope.spawn(|| sha256_of_file(path));
        let content = match format {
            Format::SafeTensors => safetensors::read(path, &mut file),
            _ => torch::read(path, format),
        };
        (content, digest.join().unwrap_or_else(|panic| resume_unwind(panic)))
    });
    let (content, sha256) = (content?, sha256?);
    Ok(Checkpoint {
        path: path.to_path_buf(),
        format,
        tensors: content.tensors,
        metadata: content.metadata,
        wrapper: content.wrapper,
        skipped: content.skipped,
        sha256,
    })
}

impl Checkpoint {
    /// `"module."` if every array's name begins so, as `DataParallel` leaves them.
    #[must_use]
    pub fn data_parallel_prefix(&self) -> Option<&'static str> {
        const PREFIX: &str = "module.";
        let all = !self.tensors.is_empty() && self.tensors.keys().all(|name| name.starts_with(PREFIX));
        all.then_some(PREFIX)
    }
}

/// What a reader of one [`Format`] finds.
#[derive(Default)]
struct Content {
    tensors: BTreeMap<String, Array>,
    metadata: BTreeMap<String, String>,
    wrapper: Option<String>,
    skipped: Vec<String>,
}

fn open(path: &Path) -> Result<File, Error> {
    let file = File::open(path).map_err(Error::io("open", path))?;
    let kind = file.metadata().map_err(Error::io("read", path))?;
    if kind.is_dir() {
        return Err(Error::NotACheckpoint {
            path: path.to_path_buf(),
            found: "it is a folder; give the file itself".to_owned(),
        });
    }
    Ok(file)
}
