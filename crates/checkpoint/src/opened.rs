use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use files::sha256_of_file;

use crate::content::{Content, Leaf};
use crate::parts::{self, whole};
use crate::unwrap::{self, Selection};
use crate::{Array, Checkpoint, Dtype, Error, Format, Layout, Unwrapped, safetensors, sniff, torch};

/// Stack for parsing and walking objects, which may nest.
const STACK: usize = 16 << 20;
/// Arrays may together be this many times the file (tied weights, compressed files) and `MAX_EXTRA` more.
const MAX_GROWTH: usize = 4;
const MAX_EXTRA: usize = 256 << 20;

/// A checkpoint file whose objects are read and whose values are not yet: names and shapes are known.
pub struct Opened {
    /// The file.
    pub path: PathBuf,
    /// The form it is written in.
    pub format: Format,
    content: Content,
}

/// A tensor as a file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// The keys that lead to it, joined by dots.
    pub path: String,
    /// Extents.
    pub shape: Vec<usize>,
    /// Element type.
    pub dtype: Dtype,
}

/// Reads a checkpoint of any [`Format`] as its form says, no network being known: see [`Opened::load`].
///
/// # Errors
/// [`Error::Io`], [`Error::NotACheckpoint`], [`Error::Damaged`], [`Error::Tensor`] or [`Error::Hostile`], each with the
/// path.
pub fn read(path: &Path) -> Result<Checkpoint, Error> {
    open(path)?.load(None)
}

/// Opens a checkpoint of any [`Format`]: reads what it holds but for the values.
///
/// It is parsed on a thread of its own: that gives a known depth of stack, and should the parser panic on a damaged file
/// after all, the panic ends there and becomes an error.
///
/// # Errors
/// As [`read`].
pub fn open(path: &Path) -> Result<Opened, Error> {
    let mut file = sniff::open_file(path)?;
    let format = sniff::format_of(path, &mut file)?;
    let parser = thread::Builder::new().stack_size(STACK);
    let content = thread::scope(|scope| {
        let parsing = parser
            .spawn_scoped(scope, || match format {
                Format::SafeTensors => safetensors::open(path, &mut file),
                _ => torch::open(path, format),
            })
            .map_err(files::Error::io("start a thread to read", path))?;
        parsing.join().unwrap_or_else(|_| {
            Err(Error::Damaged { path: path.to_path_buf(), reason: "the parser gave up on it".to_owned() })
        })
    })?;
    if content.leaves.is_empty() {
        let found = match content.skipped.first() {
            Some(first) => format!(
                "it holds no arrays that can be read; it holds {first}; save `model.state_dict()` with torch.save"
            ),
            None => "torch.save or pickle wrote it, but it holds no arrays".to_owned(),
        };
        return Err(Error::NotACheckpoint { path: path.to_path_buf(), found });
    }
    Ok(Opened { path: path.to_path_buf(), format, content })
}

impl Opened {
    /// Every tensor of the file, in its order.
    #[must_use]
    pub fn tensors(&self) -> Vec<Described> {
        let described =
            |leaf: &Leaf| Described { path: leaf.path(), shape: leaf.shape.clone(), dtype: leaf.dtype };
        self.content.leaves.iter().map(described).collect()
    }

    /// Reads the values of the weights, under the names of a network where one is given. If nothing of it is in the file, or no
    /// network is given, the weights are those under the usual keys (`state_dict`, `model`, ...), else all there is.
    ///
    /// The file is read twice at the same time, for its digest and for its arrays; memory holds the arrays and one array more.
    ///
    /// # Errors
    /// As [`read`].
    pub fn load(&self, layout: Option<&Layout>) -> Result<Checkpoint, Error> {
        let selection = self.selection(layout);
        self.check_total(&selection)?;
        let (tensors, sha256) = thread::scope(|scope| {
            let digest = scope.spawn(|| sha256_of_file(&self.path));
            let tensors = self.arrays(&selection, layout);
            (tensors, digest.join().unwrap_or_else(|panic| resume_unwind(panic)))
        });
        Ok(self.checkpoint(tensors?, selection.unwrapped, sha256?))
    }

    /// The same with no value read, for comparing names and shapes; the digest is empty.
    #[must_use]
    pub fn outline(&self, layout: Option<&Layout>) -> Checkpoint {
        let selection = self.selection(layout);
        let array = |(index, name): &(usize, String)| {
            let leaf = &self.content.leaves[*index];
            let shape = shape_for(name, &leaf.shape, layout);
            (name.clone(), Array { shape, dtype: leaf.dtype, data: Vec::new() })
        };
        let mut tensors = selection.chosen.iter().map(array).collect();
        parts::join(&mut tensors);
        self.checkpoint(tensors, selection.unwrapped, String::new())
    }

    /// SHA-256 of the file, 64 hex digits.
    ///
    /// # Errors
    /// [`Error::Io`] if it cannot be read.
    pub fn sha256(&self) -> Result<String, Error> {
        Ok(sha256_of_file(&self.path)?)
    }

    fn selection(&self, layout: Option<&Layout>) -> Selection {
        let leaves = &self.content.leaves;
        let found = layout.and_then(|layout| {
            let selection = unwrap::select(leaves, layout)?;
            let known =
                selection.chosen.iter().filter(|(_, name)| layout.tensors.contains_key(whole(name))).count();
            // A few names in common are chance: every network has a conv1.
            (known * 2 >= layout.tensors.len().min(leaves.len())).then_some(selection)
        });
        found.unwrap_or_else(|| unwrap::by_form(leaves))
    }

    fn checkpoint(
        &self,
        tensors: BTreeMap<String, Array>,
        unwrapped: Unwrapped,
        sha256: String,
    ) -> Checkpoint {
        Checkpoint {
            path: self.path.clone(),
            format: self.format,
            tensors,
            metadata: self.content.metadata.clone(),
            classes: self.content.classes.names.clone(),
            classes_wrong: self.content.classes.wrong.clone(),
            unwrapped,
            skipped: self.content.skipped.clone(),
            unread: self.content.unread.clone(),
            sha256,
        }
    }

    fn arrays(
        &self,
        selection: &Selection,
        layout: Option<&Layout>,
    ) -> Result<BTreeMap<String, Array>, Error> {
        let names: BTreeMap<usize, &String> =
            selection.chosen.iter().map(|(index, name)| (*index, name)).collect();
        let indices: Vec<usize> = names.keys().copied().collect();
        let mut arrays = BTreeMap::new();
        self.content.values.read(&self.content.leaves, &indices, &mut |index, mut array| {
            if let Some(&name) = names.get(&index) {
                array.shape = shape_for(name, &array.shape, layout);
                arrays.insert(name.clone(), array);
            }
            Ok(())
        })?;
        parts::join(&mut arrays);
        Ok(arrays)
    }

    /// Refuses arrays that would take far more memory than the file could fill: a view with stride 0 repeats one value
    /// without end.
    fn check_total(&self, selection: &Selection) -> Result<(), Error> {
        let length = self.path.metadata().map_err(files::Error::io("read", &self.path))?.len();
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        let limit = length.saturating_mul(MAX_GROWTH).saturating_add(MAX_EXTRA);
        let mut total = 0_usize;
        for (index, _) in &selection.chosen {
            let leaf = &self.content.leaves[*index];
            total = total.saturating_add(leaf.bytes().unwrap_or(usize::MAX));
            if total > limit {
                return Err(Error::Tensor {
                    path: self.path.clone(),
                    tensor: leaf.path(),
                    reason: format!(
                        "with shape {:?} the arrays take over {limit} bytes, from a file of {length}",
                        leaf.shape
                    ),
                });
            }
        }
        Ok(())
    }
}

/// The extents a tensor is given: the network's, where the file has the same values in more extents.
fn shape_for(name: &str, found: &[usize], layout: Option<&Layout>) -> Vec<usize> {
    let wanted = layout.and_then(|layout| layout.tensors.get(name));
    match wanted.filter(|wanted| unwrap::flattened(found, wanted)) {
        Some(wanted) => wanted.clone(),
        None => found.to_vec(),
    }
}
