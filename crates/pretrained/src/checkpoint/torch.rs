//! The border to `pytorch-reader`, which parses what `torch.save` writes and executes none of it.

mod before;
mod object;

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use pytorch_reader::{DType, PytorchReader, Tensor};

use self::before::check_before_parsing;
use self::object::{beside, check_names, refuse_hostile, wrapper_of};
use super::{Array, Content, Dtype, Format};
use crate::Error;

/// Stack for parsing: objects may nest a thousand deep and are walked recursively.
const STACK: usize = 16 << 20;
/// Arrays may together be this many times the file (tied weights, compressed files) and `MAX_EXTRA` more.
const MAX_GROWTH: u64 = 4;
const MAX_EXTRA: u64 = 256 << 20;

/// Reads a file of `torch.save`.
///
/// Parsing runs on a thread of its own: it gives a known depth of stack, and should the parser panic on a damaged file
/// after all, the panic ends there and becomes an error.
pub(super) fn read(path: &Path, format: Format) -> Result<Content, Error> {
    let parser = std::thread::Builder::new().stack_size(STACK);
    std::thread::scope(|scope| {
        let parsing = parser
            .spawn_scoped(scope, || parse(path, format))
            .map_err(Error::io("start a thread to read", path))?;
        parsing.join().unwrap_or_else(|_| Err(damaged(path, "the parser gave up on it")))
    })
}

fn parse(path: &Path, format: Format) -> Result<Content, Error> {
    check_before_parsing(path, format)?;
    let root = PytorchReader::read_pickle_data(path, None).map_err(|e| damaged(path, e))?;
    refuse_hostile(path, &root)?;
    let wrapper = wrapper_of(&root);
    let reader = match wrapper {
        Some(key) => PytorchReader::with_top_level_key(path, key),
        None => PytorchReader::new(path),
    };
    let tensors = reader.map_err(|e| damaged(path, e))?.into_tensors();
    check_total(path, &tensors)?;
    check_names(path, &root, wrapper, tensors.len())?;
    if tensors.is_empty() {
        return Err(Error::NotACheckpoint {
            path: path.to_path_buf(),
            found: "torch.save wrote it, but it holds no arrays".to_owned(),
        });
    }
    let (metadata, skipped) = beside(&root);
    Ok(Content {
        tensors: read_tensors(path, tensors)?,
        metadata,
        wrapper: wrapper.map(str::to_owned),
        skipped,
    })
}

fn damaged(path: &Path, reason: impl ToString) -> Error {
    Error::Damaged { path: path.to_path_buf(), reason: reason.to_string() }
}

/// Refuses arrays that would take far more memory than the file could fill: a view with stride 0 repeats one value
/// without end, and a compressed archive unpacks to anything.
fn check_total(path: &Path, tensors: &HashMap<String, Tensor>) -> Result<(), Error> {
    let file_length = path.metadata().map_err(Error::io("read", path))?.len();
    let limit = file_length.saturating_mul(MAX_GROWTH).saturating_add(MAX_EXTRA);
    let mut total = 0_u64;
    for (name, tensor) in tensors {
        total = total.saturating_add(tensor.byte_len() as u64);
        if total > limit {
            return Err(Error::Tensor {
                path: path.to_path_buf(),
                tensor: name.clone(),
                reason: format!(
                    "with shape {:?} the arrays take over {limit} bytes, from a file of {file_length}",
                    tensor.shape()
                ),
            });
        }
    }
    Ok(())
}

fn read_tensors(path: &Path, tensors: HashMap<String, Tensor>) -> Result<BTreeMap<String, Array>, Error> {
    let mut arrays = BTreeMap::new();
    for (name, tensor) in tensors {
        let shape = tensor.shape().to_vec();
        let data = tensor.read().map_err(|e| e.to_string());
        let array = data
            .and_then(|data| Array::new(shape, dtype_of(tensor.dtype()), data).map_err(|e| e.to_string()));
        let array = array.map_err(|reason| Error::Tensor {
            path: path.to_path_buf(),
            tensor: name.clone(),
            reason,
        })?;
        arrays.insert(name, array);
    }
    Ok(arrays)
}

fn dtype_of(dtype: DType) -> Dtype {
    match dtype {
        DType::F64 => Dtype::F64,
        DType::F32 => Dtype::F32,
        DType::F16 => Dtype::F16,
        DType::BF16 => Dtype::Bf16,
        DType::I64 => Dtype::I64,
        DType::I32 => Dtype::I32,
        DType::I16 => Dtype::I16,
        DType::I8 => Dtype::I8,
        DType::U64 => Dtype::U64,
        DType::U32 => Dtype::U32,
        DType::U16 => Dtype::U16,
        DType::U8 => Dtype::U8,
        DType::Bool => Dtype::Bool,
    }
}
