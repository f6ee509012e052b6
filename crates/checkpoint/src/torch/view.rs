//! A tensor as a view of a storage: where it begins, and how far it is from one element to the next.

use crate::Dtype;
use crate::content::Leaf;
use crate::pickle::{Id, Pickle, Value};

/// A tensor's element type, extents and place, or why it cannot be read.
pub(super) type Found = Result<InPlace, String>;

/// A tensor's element type, extents and place.
pub(super) type InPlace = (Dtype, Vec<usize>, View);

/// Where a tensor's values are.
#[derive(Clone, Debug)]
pub(super) struct View {
    pub(super) from: From,
    /// First element.
    pub(super) offset: usize,
    /// Elements from one index to the next, along each extent.
    pub(super) stride: Vec<usize>,
    /// Whether the bytes of each element come the other way round.
    pub(super) swapped: bool,
    /// Whether the values are those of the storage with the other sign (`torch._neg_view`).
    pub(super) negated: bool,
}

/// What holds the values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum From {
    /// A storage of the file, by its key.
    Storage(String),
    /// A value of the pickle: an array of numpy.
    Inline(Id),
    /// A value of the pickle that is a file of `torch.save` itself.
    Nested(Id),
}

/// A storage, as its persistent id names it.
pub(super) struct Storage {
    pub(super) key: String,
    /// None for an untyped one.
    pub(super) dtype: Option<Dtype>,
    /// Where a view of it begins, as early files have them.
    pub(super) offset: usize,
}

/// The storage that a persistent id `("storage", type, key, location, elements[, view])` names; None for anything else.
pub(super) fn storage_of(pickle: &Pickle, id: Id) -> Option<Result<Storage, String>> {
    let Value::Persistent(key) = pickle.get(id) else { return None };
    let [kind, class, key, _, _elements, view @ ..] = pickle.items(*key)? else { return None };
    if pickle.text(*kind) != Some("storage") {
        return None;
    }
    let class = match pickle.global(*class) {
        Some((_, name)) => name.to_owned(),
        None => pickle.text(*class)?.to_owned(),
    };
    let dtype = if class.ends_with("UntypedStorage") {
        None
    } else {
        match storage_dtype(&class) {
            Some(dtype) => Some(dtype),
            None => return Some(Err(unread_type(class.trim_end_matches("Storage")))),
        }
    };
    let offset = match view.first().map(|&view| pickle.items(view)) {
        Some(Some([_, offset, _])) => pickle.size(*offset)?,
        _ => 0,
    };
    Some(Ok(Storage { key: pickle.key(*key)?, dtype, offset }))
}

pub(super) fn storage_dtype(class: &str) -> Option<Dtype> {
    Some(match class {
        "FloatStorage" => Dtype::F32,
        "DoubleStorage" => Dtype::F64,
        "HalfStorage" => Dtype::F16,
        "BFloat16Storage" => Dtype::Bf16,
        "LongStorage" => Dtype::I64,
        "IntStorage" => Dtype::I32,
        "ShortStorage" => Dtype::I16,
        "CharStorage" => Dtype::I8,
        "ByteStorage" => Dtype::U8,
        "BoolStorage" => Dtype::Bool,
        _ => return None,
    })
}

/// Why values of an element type are not read, and what to do.
pub(super) fn unread_type(name: &str) -> String {
    let advice = match name.to_lowercase() {
        name if name.starts_with("complex") => "no network here computes with them",
        name if name.starts_with('q') || name.starts_with("uint") || name.starts_with("int") => {
            "save the weights before quantisation, or .dequantize() them"
        }
        _ => "save it with .float()",
    };
    format!("{name} values are not read: {advice}")
}

/// Why a tensor that is rebuilt in a way of its own is not read, and what to do.
pub(super) fn unread_kind(kind: &str) -> String {
    let advice = match kind {
        "sparse_tensor" | "sparse_csr_tensor" | "nested_tensor" => "save it with .to_dense()",
        "qtensor" => "save the weights before quantisation, or .dequantize() them",
        "meta_tensor_no_storage" => "it has no values: move the network off the meta device before saving",
        _ => "save a plain tensor, with .detach().cpu()",
    };
    format!("a {} is not read: {advice}", kind.replace('_', " "))
}

/// `torch.float32` and so on.
pub(super) fn torch_dtype(name: &str) -> Option<Dtype> {
    Some(match name {
        "float32" | "float" => Dtype::F32,
        "float64" | "double" => Dtype::F64,
        "float16" | "half" => Dtype::F16,
        "bfloat16" => Dtype::Bf16,
        "int64" | "long" => Dtype::I64,
        "int32" | "int" => Dtype::I32,
        "int16" | "short" => Dtype::I16,
        "int8" => Dtype::I8,
        "uint8" => Dtype::U8,
        "uint16" => Dtype::U16,
        "uint32" => Dtype::U32,
        "uint64" => Dtype::U64,
        "bool" => Dtype::Bool,
        _ => return None,
    })
}

impl View {
    /// Whether the tensor is all of a storage of `bytes` bytes, in its order.
    pub(super) fn is_whole(&self, leaf: &Leaf, bytes: usize) -> bool {
        self.offset == 0 && leaf.bytes() == Some(bytes) && self.is_contiguous(leaf)
    }

    fn is_contiguous(&self, leaf: &Leaf) -> bool {
        let mut expected = 1;
        leaf.shape.iter().zip(&self.stride).rev().all(|(&side, &stride)| {
            let fits = side == 1 || stride == expected;
            expected *= side.max(1);
            fits
        })
    }

    /// The tensor's bytes, contiguous.
    pub(super) fn gather(&self, leaf: &Leaf, storage: &[u8]) -> Result<Vec<u8>, String> {
        let size = leaf.dtype.size();
        let outside =
            || format!("its shape {:?} reaches beyond its storage of {} bytes", leaf.shape, storage.len());
        if leaf.shape.len() != self.stride.len() {
            return Err("its shape and its strides differ in length".to_owned());
        }
        let bytes = leaf.bytes().ok_or_else(outside)?;
        if bytes == 0 {
            return Ok(Vec::new());
        }
        let reach = leaf.shape.iter().zip(&self.stride).try_fold(self.offset, |last, (&side, &stride)| {
            last.checked_add((side - 1).checked_mul(stride)?)
        });
        let end = reach.and_then(|last| last.checked_add(1)?.checked_mul(size));
        if end.is_none_or(|end| end > storage.len()) {
            return Err(outside());
        }
        if self.is_contiguous(leaf) {
            let start = self.offset * size;
            return Ok(storage[start..start + bytes].to_vec());
        }
        Ok(match size {
            1 => self.elements::<1>(leaf, storage),
            2 => self.elements::<2>(leaf, storage),
            4 => self.elements::<4>(leaf, storage),
            _ => self.elements::<8>(leaf, storage),
        })
    }

    /// Element by element, the last index running fastest.
    fn elements<const SIZE: usize>(&self, leaf: &Leaf, storage: &[u8]) -> Vec<u8> {
        let (elements, _) = storage.as_chunks::<SIZE>();
        let count = leaf.shape.iter().product::<usize>();
        let mut gathered = Vec::with_capacity(count * SIZE);
        let (inner, step) = match (leaf.shape.last(), self.stride.last()) {
            (Some(&side), Some(&stride)) => (side, stride),
            _ => (1, 0),
        };
        let outer = leaf.shape.len().saturating_sub(1);
        let mut index = vec![0; outer];
        let mut start = self.offset;
        for _ in 0..count / inner {
            (0..inner).for_each(|place| gathered.extend_from_slice(&elements[start + place * step]));
            for level in (0..outer).rev() {
                index[level] += 1;
                start += self.stride[level];
                if index[level] < leaf.shape[level] {
                    break;
                }
                start -= self.stride[level] * leaf.shape[level];
                index[level] = 0;
            }
        }
        gathered
    }

    /// Turns the elements' bytes round where they need it. A Boolean is 0 or 1.
    pub(super) fn finish(&self, leaf: &Leaf, data: &mut [u8]) {
        if self.swapped {
            data.chunks_exact_mut(leaf.dtype.size()).for_each(<[u8]>::reverse);
        }
        if self.negated {
            // The sign is the highest bit of a floating-point number of any width.
            let highest = leaf.dtype.size() - 1;
            data.chunks_exact_mut(leaf.dtype.size()).for_each(|value| value[highest] ^= 0x80);
        }
        if leaf.dtype == Dtype::Bool {
            data.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
        }
    }
}
