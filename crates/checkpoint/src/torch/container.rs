//! The forms of a file of `torch.save`: where its pickle is, and where the bytes of each storage.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::io::{BufReader, Cursor, Read, Seek, SeekFrom};
use std::path::Path;

use zip::{CompressionMethod, ZipArchive};

use super::byte_order::{big_endian, check_order};
use super::source::Source;
use super::tar::{TarTensor, read_tar};
use super::view::storage_of;
use crate::Error;
use crate::pickle::hostile::hostile_call;
use crate::pickle::{MAX_OPCODES, Pickle, Value, parse, stream};
use crate::{Format, sniff};

/// Longest compressed pickle, in bytes; a network of a thousand arrays needs a tenth of a megabyte.
const MAX_PICKLE: u64 = 16 << 20;
/// A compressed storage may be this many times the file, and `MAX_EXTRA` more.
const MAX_GROWTH: u64 = 4;
const MAX_EXTRA: u64 = 256 << 20;

/// A file of `torch.save`, its objects read and its values not yet.
pub(super) struct Container {
    pub(super) pickle: Pickle,
    /// The first call that makes another pickle of the file hostile.
    pub(super) hostile_elsewhere: Option<String>,
    /// Tensors by persistent id, as the tar form has them.
    pub(super) tensors: HashMap<String, TarTensor>,
    storages: Storages,
    length: u64,
}

enum Storages {
    Zip {
        archive: ZipArchive<Box<dyn Source>>,
        root: String,
    },
    /// Start and length in bytes, by key.
    Places {
        source: Box<dyn Source>,
        places: HashMap<String, (u64, u64)>,
    },
}

/// What is wrong with a file whose path is not known here.
#[derive(Debug)]
pub(super) enum Wrong {
    Damaged(String),
    NotACheckpoint(String),
}

impl From<String> for Wrong {
    fn from(reason: String) -> Self {
        Self::Damaged(reason)
    }
}

impl Wrong {
    pub(super) fn at(self, path: &Path) -> Error {
        let path = path.to_path_buf();
        match self {
            Self::Damaged(reason) => Error::Damaged { path, reason },
            Self::NotACheckpoint(found) => Error::NotACheckpoint { path, found },
        }
    }
}

impl std::fmt::Display for Wrong {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Damaged(reason) | Self::NotACheckpoint(reason) => f.write_str(reason),
        }
    }
}

impl Container {
    pub(super) fn open(mut source: Box<dyn Source>, format: Format) -> Result<Self, Wrong> {
        let length = source.seek(SeekFrom::End(0)).map_err(|e| e.to_string())?;
        source.rewind().map_err(|e| e.to_string())?;
        match format {
            Format::TorchZip => Self::zip(source, length),
            Format::TorchTar => {
                let (pickle, tensors, places) = read_tar(&mut source, length)?;
                Ok(Self {
                    pickle,
                    hostile_elsewhere: None,
                    tensors,
                    storages: Storages::Places { source, places },
                    length,
                })
            }
            Format::TorchLegacy => Self::legacy(source, length),
            Format::Pickle | Format::SafeTensors => {
                let pickle = parse(&mut source, &mut { MAX_OPCODES })?;
                let storages = Storages::Places { source, places: HashMap::new() };
                Ok(Self { pickle, hostile_elsewhere: None, tensors: HashMap::new(), storages, length })
            }
        }
    }

    fn zip(source: Box<dyn Source>, length: u64) -> Result<Self, Wrong> {
        let mut archive = ZipArchive::new(source)
            .map_err(|e| format!("the file is cut off or damaged: copy or download it again ({e})"))?;
        let names = archive.file_names().map(|name| name.map(Cow::into_owned));
        let names: Vec<String> = names.collect::<Result<_, _>>().map_err(|e| e.to_string())?;
        if let Some(found) = sniff::describe_zip(&names) {
            return Err(Wrong::NotACheckpoint(found));
        }
        let roots = names.iter().filter_map(|name| name.strip_suffix("data.pkl"));
        let roots = roots.filter(|root| root.is_empty() || root.ends_with('/'));
        let Some(root) = roots.min_by_key(|root| root.len()).map(str::to_owned) else {
            return Err(Wrong::NotACheckpoint(sniff::describe_foreign_zip(&names)));
        };
        if let Ok(mut order) = archive.by_name(&format!("{root}byteorder")) {
            let mut text = String::new();
            (&mut order).take(16).read_to_string(&mut text).map_err(|e| e.to_string())?;
            if text.trim() == "big" {
                return Err(big_endian().into());
            }
        }
        let bytes = entry(&mut archive, &format!("{root}data.pkl"), length, MAX_PICKLE)?;
        let pickle = parse(&mut Cursor::new(bytes), &mut { MAX_OPCODES })?;
        let storages = Storages::Zip { archive, root };
        Ok(Self { pickle, hostile_elsewhere: None, tensors: HashMap::new(), storages, length })
    }

    /// Five pickles (magic, version, system, the object, keys of storages), then for each key a number of elements and
    /// their bytes.
    fn legacy(mut source: Box<dyn Source>, length: u64) -> Result<Self, Wrong> {
        let mut budget = MAX_OPCODES;
        let mut next = |source: &mut Box<dyn Source>| parse(source, &mut budget);
        let magic = next(&mut source)?;
        let version = next(&mut source)?;
        let system = next(&mut source)?;
        // Python opens these as well.
        let hostile_elsewhere = [&magic, &version, &system].into_iter().find_map(hostile_call);
        if hostile_elsewhere.is_none() {
            check_order(&system)?;
        }
        let pickle = next(&mut source)?;
        let keys = next(&mut source)?;
        let hostile_elsewhere = hostile_elsewhere.or_else(|| hostile_call(&keys));
        let sizes = element_sizes(&pickle);
        let mut places = HashMap::new();
        for &key in keys.items(keys.root()).ok_or_else(|| "its list of storages is none".to_owned())? {
            let key = keys.key(key).ok_or_else(|| "a storage in it has no name".to_owned())?;
            let elements = u64::from_le_bytes(stream::array(&mut source)?);
            let size = sizes
                .get(&key)
                .ok_or_else(|| format!("nothing in it says of which type storage {key} is"))?;
            let start = source.stream_position().map_err(|e| e.to_string())?;
            let bytes = elements.checked_mul(*size);
            let end = bytes.and_then(|bytes| start.checked_add(bytes)).filter(|&end| end <= length);
            let Some(end) = end else {
                return Err(
                    format!("storage {key} claims {elements} elements, and the file ends before").into()
                );
            };
            source.seek(SeekFrom::Start(end)).map_err(|e| e.to_string())?;
            places.insert(key, (start, end - start));
        }
        let storages = Storages::Places { source, places };
        Ok(Self { pickle, hostile_elsewhere, tensors: HashMap::new(), storages, length })
    }

    /// The bytes of a storage.
    pub(super) fn storage(&mut self, key: &str) -> Result<Vec<u8>, String> {
        match &mut self.storages {
            Storages::Zip { archive, root } => {
                let limit = self.length.saturating_mul(MAX_GROWTH).saturating_add(MAX_EXTRA);
                entry(archive, &format!("{root}data/{key}"), self.length, limit)
            }
            Storages::Places { source, places } => {
                let (start, length) =
                    *places.get(key).ok_or_else(|| format!("the file has no storage {key}"))?;
                source.seek(SeekFrom::Start(start)).map_err(|e| e.to_string())?;
                let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
                source.take(length).read_to_end(&mut bytes).map_err(|e| e.to_string())?;
                if bytes.len() as u64 == length {
                    Ok(bytes)
                } else {
                    Err("the file ends within its values".to_owned())
                }
            }
        }
    }
}

/// An entry's bytes: no more than the file has where it is stored as it is, no more than the limit where it is compressed.
/// Its checksum counts unless it is 0: then `torch.save` computed none.
fn entry(
    archive: &mut ZipArchive<Box<dyn Source>>,
    name: &str,
    file_length: u64,
    limit: u64,
) -> Result<Vec<u8>, String> {
    let wrong = |error: &dyn std::fmt::Display| format!("{name}: {error}");
    let index = archive.index_for_name(name).ok_or_else(|| format!("it lacks {name}"))?;
    let (size, stored, unchecked) = {
        let entry = archive.by_index_raw(index).map_err(|e| wrong(&e))?;
        (entry.size(), entry.compression() == CompressionMethod::Stored, entry.crc32() == 0)
    };
    if size > if stored { file_length } else { limit } {
        return Err(format!("{name} claims {size} bytes"));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(size.min(file_length)).unwrap_or(0));
    if stored && unchecked {
        let entry = archive.by_index_raw(index).map_err(|e| wrong(&e))?;
        BufReader::new(entry.take(size)).read_to_end(&mut bytes).map_err(|e| wrong(&e))?;
    } else {
        let mut entry = archive.by_index(index).map_err(|e| wrong(&e))?;
        // One byte more than it claims, so that its end is reached and its checksum compared.
        (&mut entry).take(size.saturating_add(1)).read_to_end(&mut bytes).map_err(|e| wrong(&e))?;
    }
    if bytes.len() as u64 == size {
        Ok(bytes)
    } else {
        Err(format!("{name} holds {} bytes and not {size}", bytes.len()))
    }
}

/// Bytes of an element of each storage that the objects mention.
fn element_sizes(pickle: &Pickle) -> BTreeMap<String, u64> {
    let ids = (0..pickle.len()).filter_map(Pickle::id);
    let storages = ids.filter(|&id| matches!(pickle.get(id), Value::Persistent(_)));
    let named = storages.filter_map(|id| storage_of(pickle, id)?.ok());
    named.map(|storage| (storage.key, storage.dtype.map_or(1, |dtype| dtype.size() as u64))).collect()
}
