//! Safetensors files, read and written without libtorch.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use checkpoint::{Array, safetensors_file};
use serde_json::Value;

/// Tensors by name.
pub(crate) type Tensors = BTreeMap<String, Array>;

/// Tensors of a file.
pub(crate) fn read(path: &Path) -> Tensors {
    checkpoint::read(path).unwrap().tensors
}

/// Writes tensors into a file without metadata.
pub(crate) fn write(path: &Path, tensors: &Tensors) {
    safetensors_file::write(path, tensors, &BTreeMap::new()).unwrap();
}

/// Multiplies each value of a float32 tensor.
pub(crate) fn scale(array: &mut Array, factor: f32) {
    for bytes in array.data.as_chunks_mut().0 {
        *bytes = (f32::from_le_bytes(*bytes) * factor).to_le_bytes();
    }
}

/// Values of a float32 tensor.
pub(crate) fn values(array: &Array) -> Vec<f32> {
    array.data.as_chunks().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect()
}

/// The header of a file as it is written: a JSON object of tensors and `__metadata__`.
pub(crate) fn header(path: &Path) -> String {
    let bytes = fs::read(path).unwrap();
    String::from_utf8(bytes[8..data_begins(&bytes)].to_vec()).unwrap()
}

/// The metadata of a file.
pub(crate) fn metadata(path: &Path) -> Value {
    serde_json::from_str::<Value>(&header(path)).unwrap()["__metadata__"].clone()
}

/// Writes the file `from` with one entry of its metadata changed into `to`.
pub(crate) fn copy_with_metadata(from: &Path, to: &Path, key: &str, value: &str) {
    let bytes = fs::read(from).unwrap();
    let mut header: Value = serde_json::from_str(&header(from)).unwrap();
    header["__metadata__"][key] = value.into();
    let text = header.to_string();
    let mut file = (text.len() as u64).to_le_bytes().to_vec();
    file.extend(text.as_bytes());
    file.extend(&bytes[data_begins(&bytes)..]);
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::write(to, file).unwrap();
}

/// Where the values begin: after eight bytes of length and the header.
fn data_begins(bytes: &[u8]) -> usize {
    8 + usize::try_from(u64::from_le_bytes(bytes[..8].try_into().unwrap())).unwrap()
}
