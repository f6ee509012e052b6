//! Reads safetensors: eight bytes of header length, a JSON header, the values back to back.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use safetensors::tensor::{Metadata, TensorInfo};

use crate::content::{Content, Leaf, Values};
use crate::{Array, Dtype, Error, classes};

/// The longest header the format allows.
const MAX_HEADER: u64 = 100_000_000;

/// Reads the header.
pub(super) fn open(path: &Path, file: &mut File) -> Result<Content, Error> {
    let damaged = |reason: String| Error::Damaged { path: path.to_path_buf(), reason };
    let file_length = file.metadata().map_err(files::Error::io("read", path))?.len();
    let (header, data_length) = read_header(file, file_length).map_err(damaged)?;
    if header.data_len() as u64 != data_length {
        return Err(damaged(format!(
            "its header describes {} bytes of values, the file holds {data_length}",
            header.data_len()
        )));
    }
    let (mut leaves, mut places, mut unread) = (Vec::new(), Vec::new(), Vec::new());
    for name in header.offset_keys() {
        let Some(info) = header.info(&name) else {
            return Err(damaged(format!("its header lists {name:?} twice")));
        };
        if Dtype::from_safetensors(info.dtype).is_none() {
            unread.push((name.clone(), format!("{} values are not read: save it with .float()", info.dtype)));
            continue;
        }
        let (leaf, place) = leaf(&name, info, file_length - data_length).map_err(|reason| Error::Tensor {
            path: path.to_path_buf(),
            tensor: name.clone(),
            reason,
        })?;
        leaves.push(leaf);
        places.push(place);
    }
    let metadata: std::collections::BTreeMap<String, String> =
        header.metadata().iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect();
    let classes = classes::in_metadata(&metadata);
    let values = Box::new(InFile { path: path.to_path_buf(), starts: places });
    Ok(Content { leaves, metadata, classes, skipped: Vec::new(), unread, values })
}

/// The header, checked by the `safetensors` crate to cover the values without gap or overlap, and the length of what
/// follows it.
fn read_header(file: &mut File, file_length: u64) -> Result<(Metadata, u64), String> {
    let mut length = [0; 8];
    file.read_exact(&mut length).map_err(|_| "it ends within its first 8 bytes".to_owned())?;
    let length = u64::from_le_bytes(length);
    let data_length = file_length
        .checked_sub(8)
        .and_then(|rest| rest.checked_sub(length))
        .filter(|_| length <= MAX_HEADER)
        .ok_or_else(|| format!("its header claims {length} bytes, the whole file has {file_length}"))?;
    let mut header = Vec::new();
    file.take(length).read_to_end(&mut header).map_err(|error| error.to_string())?;
    let header = serde_json::from_slice(&header).map_err(|error| format!("its header: {error}"))?;
    Ok((header, data_length))
}

/// A tensor, and where in the file its values start.
fn leaf(name: &str, info: &TensorInfo, data_start: u64) -> Result<(Leaf, u64), String> {
    let dtype = Dtype::from_safetensors(info.dtype)
        .ok_or_else(|| format!("element type {} is not supported", info.dtype))?;
    let (start, end) = info.data_offsets;
    let leaf = Leaf { levels: vec![name.to_owned()], shape: info.shape.clone(), dtype };
    if leaf.bytes() != end.checked_sub(start) {
        return Err(format!("shape {:?} of {dtype} does not fill bytes {start} to {end}", info.shape));
    }
    Ok((leaf, data_start + start as u64))
}

struct InFile {
    path: PathBuf,
    /// Of each leaf's values, in bytes from the start of the file.
    starts: Vec<u64>,
}

impl Values for InFile {
    /// Reads values straight into their arrays, so that no second copy of the file is held.
    fn read(
        &self,
        leaves: &[Leaf],
        chosen: &[usize],
        take: &mut dyn FnMut(usize, Array) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut file = File::open(&self.path).map_err(files::Error::io("open", &self.path))?;
        for &index in chosen {
            let leaf = &leaves[index];
            let array = self.array(&mut file, leaf, self.starts[index]).map_err(|reason| Error::Tensor {
                path: self.path.clone(),
                tensor: leaf.path(),
                reason,
            })?;
            take(index, array)?;
        }
        Ok(())
    }
}

impl InFile {
    fn array(&self, file: &mut File, leaf: &Leaf, start: u64) -> Result<Array, String> {
        file.seek(SeekFrom::Start(start)).map_err(|error| error.to_string())?;
        let mut data = vec![0; leaf.bytes().unwrap_or(0)];
        file.read_exact(&mut data).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => "the file ends within its values".to_owned(),
            _ => error.to_string(),
        })?;
        Array::new(leaf.shape.clone(), leaf.dtype, data).map_err(|error| error.to_string())
    }
}
