//! Named arrays written as safetensors, the same bytes for the same content.
//!
//! The `safetensors` crate writes `__metadata__` in the order of a hash map, which differs from run to run; so the
//! header is put together here: sorted keys, no time stamps, padded with spaces to a multiple of 8 bytes. Values are
//! ordered by the size of their elements, the largest first, then by name, so that each array is aligned.
//! Source of the format: the `safetensors` crate, `src/tensor.rs`.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use files::Hashing;
use safetensors::tensor::TensorInfo;
use serde::Serialize;

use crate::{Array, Dtype, Error};

/// An array that lies somewhere else; what [`write`] takes.
#[derive(Clone, Copy, Debug)]
pub struct ArrayView<'a> {
    /// Extents, outermost first; empty for a scalar.
    pub shape: &'a [usize],
    /// Element type.
    pub dtype: Dtype,
    /// The values, little endian, contiguous.
    pub data: &'a [u8],
}

impl<'a> From<&'a Array> for ArrayView<'a> {
    fn from(array: &'a Array) -> Self {
        Self { shape: &array.shape, dtype: array.dtype, data: &array.data }
    }
}

/// Writes the arrays and returns the file's SHA-256, 64 hex digits. The file appears whole or not at all.
///
/// # Errors
/// [`Error::Tensor`] for a name given twice or reserved, or values that do not fit their shape; [`Error::Io`] if the
/// file cannot be written, a full disk included.
pub fn write<'a, N, V>(
    path: &Path,
    tensors: impl IntoIterator<Item = (N, V)>,
    metadata: &BTreeMap<String, String>,
) -> Result<String, Error>
where
    N: Into<String>,
    V: Into<ArrayView<'a>>,
{
    let views = collect(path, tensors)?;
    let header = header(&views, metadata).map_err(|error| files::Error::io("write", path)(error.into()))?;
    let mut sha256 = String::new();
    files::write_with(path, |file| {
        sha256 = fill(file, &header, &views)?;
        Ok(())
    })?;
    Ok(sha256)
}

/// Writes the arrays into a folder, under the name that `name` makes of the file's SHA-256, and returns its path. The file appears
/// whole or not at all.
///
/// # Errors
/// As [`write`].
pub fn write_named<'a, N, V>(
    folder: &Path,
    tensors: impl IntoIterator<Item = (N, V)>,
    metadata: &BTreeMap<String, String>,
    name: impl FnOnce(&str) -> String,
) -> Result<PathBuf, Error>
where
    N: Into<String>,
    V: Into<ArrayView<'a>>,
{
    let views = collect(folder, tensors)?;
    let header = header(&views, metadata).map_err(|error| files::Error::io("write", folder)(error.into()))?;
    Ok(files::write_named(folder, |file| Ok(name(&fill(file, &header, &views)?)))?)
}

/// Writes a whole file and returns its SHA-256.
fn fill(file: &mut dyn Write, header: &[u8], views: &Views<'_>) -> std::io::Result<String> {
    let mut file = Hashing::new(file);
    file.write_all(&(header.len() as u64).to_le_bytes())?;
    file.write_all(header)?;
    in_file_order(views).try_for_each(|(_, view)| file.write_all(view.data))?;
    Ok(file.finish())
}

type Views<'a> = BTreeMap<String, ArrayView<'a>>;

const METADATA: &str = "__metadata__";

fn collect<'a, N, V>(path: &Path, tensors: impl IntoIterator<Item = (N, V)>) -> Result<Views<'a>, Error>
where
    N: Into<String>,
    V: Into<ArrayView<'a>>,
{
    let mut views = Views::new();
    for (name, view) in tensors {
        let (name, view) = (name.into(), view.into());
        let problem =
            if name == METADATA { Some("this name is reserved".to_owned()) } else { view.problem() };
        let replaced = views.insert(name.clone(), view).is_some();
        if let Some(reason) = problem.or_else(|| replaced.then(|| "given twice".to_owned())) {
            return Err(Error::Tensor { path: path.to_path_buf(), tensor: name, reason });
        }
    }
    Ok(views)
}

impl ArrayView<'_> {
    fn problem(&self) -> Option<String> {
        let (shape, dtype, found) = (self.shape, self.dtype, self.data.len());
        let wanted = shape.iter().try_fold(dtype.size(), |bytes, extent| bytes.checked_mul(*extent));
        (wanted != Some(found)).then(|| format!("shape {shape:?} of {dtype} does not fit {found} bytes"))
    }
}

fn in_file_order<'v, 'a>(views: &'v Views<'a>) -> impl Iterator<Item = (&'v String, &'v ArrayView<'a>)> {
    let mut order: Vec<_> = views.iter().collect();
    order.sort_by_key(|(_, view)| std::cmp::Reverse(view.dtype.size()));
    order.into_iter()
}

#[derive(Serialize)]
#[serde(untagged)]
enum HeaderEntry<'a> {
    Metadata(&'a BTreeMap<String, String>),
    Tensor(TensorInfo),
}

fn header(views: &Views<'_>, metadata: &BTreeMap<String, String>) -> serde_json::Result<Vec<u8>> {
    let mut entries = BTreeMap::new();
    if !metadata.is_empty() {
        entries.insert(METADATA, HeaderEntry::Metadata(metadata));
    }
    let mut offset = 0;
    for (name, view) in in_file_order(views) {
        let end = offset + view.data.len();
        let info =
            TensorInfo { dtype: view.dtype.into(), shape: view.shape.to_vec(), data_offsets: (offset, end) };
        entries.insert(name, HeaderEntry::Tensor(info));
        offset = end;
    }
    let mut header = serde_json::to_vec(&entries)?;
    header.resize(header.len().next_multiple_of(8), b' ');
    Ok(header)
}
