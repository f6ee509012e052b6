//! The tar form of torch before 0.1.10: entries `sys_info`, `pickle`, `tensors` and `storages`.

use std::collections::HashMap;
use std::io::{Seek, SeekFrom};

use super::byte_order::check_order;
use super::source::Source;
use super::view::{From, View, storage_dtype};
use crate::Dtype;
use crate::pickle::stream::array;
use crate::pickle::{MAX_OPCODES, Pickle, parse};

/// A tensor that the pickle refers to by a key.
#[derive(Clone, Debug)]
pub(super) struct TarTensor {
    pub(super) dtype: Dtype,
    pub(super) shape: Vec<usize>,
    pub(super) view: View,
}

type Places = HashMap<String, (u64, u64)>;
type Opened = (Pickle, HashMap<String, TarTensor>, Places);

pub(super) fn read_tar(source: &mut Box<dyn Source>, length: u64) -> Result<Opened, String> {
    let entries = entries(source, length)?;
    let mut budget = MAX_OPCODES;
    let go_to = |source: &mut Box<dyn Source>, name: &str| match entries.get(name) {
        Some(&start) => source.seek(SeekFrom::Start(start)).map(|_| ()).map_err(|e| e.to_string()),
        None => Err(format!("it lacks the entry {name}")),
    };
    go_to(source, "sys_info")?;
    check_order(&parse(source, &mut budget)?)?;
    go_to(source, "storages")?;
    let (types, places) = storages(source, length, &mut budget)?;
    go_to(source, "tensors")?;
    let tensors = tensors(source, &types, &mut budget)?;
    go_to(source, "pickle")?;
    Ok((parse(source, &mut budget)?, tensors, places))
}

/// Where the entries begin, by name.
fn entries(source: &mut Box<dyn Source>, length: u64) -> Result<HashMap<String, u64>, String> {
    let mut archive = tar::Archive::new(source);
    let mut entries = HashMap::new();
    for entry in archive.entries().map_err(|e| e.to_string())? {
        let entry = entry.map_err(|e| e.to_string())?;
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if entry.header().entry_type().is_gnu_sparse() || entry.size() > length {
            return Err(format!("its entry {name:?} claims {} bytes", entry.size()));
        }
        entries.insert(name.trim_start_matches("./").to_owned(), entry.raw_file_position());
    }
    Ok(entries)
}

/// A count, then for each storage `(key, location, type)`, a number of elements and their bytes, then a list of views
/// `(key, root's key, first element, elements)`.
fn storages(
    source: &mut Box<dyn Source>,
    length: u64,
    budget: &mut u64,
) -> Result<(HashMap<String, Dtype>, Places), String> {
    let (mut types, mut places) = (HashMap::new(), Places::new());
    for _ in 0..count(&parse(source, budget)?)? {
        let about = parse(source, budget)?;
        let Some([key, _, class]) = about.items(about.root()) else { return Err(unreadable("storage")) };
        let dtype = about.global(*class).and_then(|(_, name)| storage_dtype(name));
        let (Some(key), Some(dtype)) = (about.key(*key), dtype) else { return Err(unreadable("storage")) };
        let elements = u64::from_le_bytes(array(source)?);
        let start = source.stream_position().map_err(|e| e.to_string())?;
        let bytes = elements.checked_mul(dtype.size() as u64);
        let end = bytes.and_then(|bytes| start.checked_add(bytes)).filter(|&end| end <= length);
        let end =
            end.ok_or_else(|| format!("storage {key} claims {elements} elements, and the file ends before"))?;
        source.seek(SeekFrom::Start(end)).map_err(|e| e.to_string())?;
        types.insert(key.clone(), dtype);
        places.insert(key, (start, end - start));
    }
    let views = parse(source, budget)?;
    for &view in views.items(views.root()).ok_or_else(|| unreadable("list of views"))? {
        let parts = views.items(view).and_then(|items| match items {
            [key, root, offset, elements] => {
                Some((views.key(*key)?, views.key(*root)?, views.size(*offset)?, views.size(*elements)?))
            }
            _ => None,
        });
        let (key, root, offset, elements) = parts.ok_or_else(|| unreadable("view"))?;
        let (Some(&dtype), Some(&(start, whole))) = (types.get(&root), places.get(&root)) else {
            return Err(format!("it has a view of storage {root}, which is not there"));
        };
        let size = dtype.size();
        let part = offset.checked_mul(size).zip(elements.checked_mul(size));
        let part =
            part.filter(|&(from, bytes)| from.checked_add(bytes).is_some_and(|end| end as u64 <= whole));
        let (from, bytes) = part.ok_or_else(|| format!("a view reaches beyond storage {root}"))?;
        types.insert(key.clone(), dtype);
        places.insert(key, (start + from as u64, bytes as u64));
    }
    Ok((types, places))
}

/// A count, then for each tensor `(key, storage's key, type)`, its rank in 4 bytes, 4 bytes more, extents, strides and first
/// element, of 8 bytes each.
fn tensors(
    source: &mut Box<dyn Source>,
    types: &HashMap<String, Dtype>,
    budget: &mut u64,
) -> Result<HashMap<String, TarTensor>, String> {
    let mut tensors = HashMap::new();
    for _ in 0..count(&parse(source, budget)?)? {
        let about = parse(source, budget)?;
        let Some([key, storage, _]) = about.items(about.root()) else { return Err(unreadable("tensor")) };
        let (Some(key), Some(storage)) = (about.key(*key), about.key(*storage)) else {
            return Err(unreadable("tensor"));
        };
        let rank = u32::from_le_bytes(array(source)?);
        let _padding = array::<4>(source)?;
        if rank > 64 {
            return Err(format!("tensor {key} claims {rank} extents"));
        }
        let mut number = || {
            let number = u64::from_le_bytes(array(source)?);
            usize::try_from(number)
                .ok()
                .filter(|&number| isize::try_from(number).is_ok())
                .ok_or_else(|| unreadable("tensor"))
        };
        let shape = (0..rank).map(|_| number()).collect::<Result<Vec<_>, _>>()?;
        let stride = (0..rank).map(|_| number()).collect::<Result<Vec<_>, _>>()?;
        let offset = number()?;
        let dtype = *types.get(&storage).ok_or_else(|| format!("tensor {key} has no storage"))?;
        let view = View { from: From::Storage(storage), offset, stride, swapped: false, negated: false };
        tensors.insert(key, TarTensor { dtype, shape, view });
    }
    Ok(tensors)
}

fn count(pickle: &Pickle) -> Result<usize, String> {
    pickle.size(pickle.root()).ok_or_else(|| unreadable("count"))
}

fn unreadable(what: &str) -> String {
    format!("a {what} in it is not as torch.save writes it")
}
