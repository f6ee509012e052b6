//! Reads safetensors: eight bytes of header length, a JSON header, the values back to back.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use safetensors::tensor::{Metadata, TensorInfo};

use super::{Array, Content, Dtype};
use crate::Error;

/// The longest header the format allows.
const MAX_HEADER: u64 = 100_000_000;

/// Reads header and values straight into their arrays, so that no second copy of the file is held.
pub(super) fn read(path: &Path, file: &mut File) -> Result<Content, Error> {
    let damaged = |reason: String| Error::Damaged { path: path.to_path_buf(), reason };
    let file_length = file.metadata().map_err(Error::io("read", path))?.len();
    let (header, data_length) = read_header(file, file_length).map_err(damaged)?;
    if header.data_len() as u64 != data_length {
        return Err(damaged(format!(
            "its header describes {} bytes of values, the file holds {data_length}",
            header.data_len()
        )));
    }
    let mut content = Content::default();
    for name in header.offset_keys() {
        let Some(info) = header.info(&name) else {
            return Err(damaged(format!("its header lists {name:?} twice")));
        };
        let array = read_array(file, info).map_err(|reason| Error::Tensor {
            path: path.to_path_buf(),
            tensor: name.clone(),
            reason,
        })?;
        content.tensors.insert(name, array);
    }
    content.metadata =
        header.metadata().iter().flatten().map(|(key, value)| (key.clone(), value.clone())).collect();
    Ok(content)
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

fn read_array(file: &mut File, info: &TensorInfo) -> Result<Array, String> {
    let dtype = Dtype::from_safetensors(info.dtype)
        .ok_or_else(|| format!("element type {} is not supported", info.dtype))?;
    let (start, end) = info.data_offsets;
    let mut data = vec![0; end - start];
    file.read_exact(&mut data).map_err(|error| match error.kind() {
        io::ErrorKind::UnexpectedEof => "the file ends within its values".to_owned(),
        _ => error.to_string(),
    })?;
    Array::new(info.shape.clone(), dtype, data).map_err(|error| error.to_string())
}
