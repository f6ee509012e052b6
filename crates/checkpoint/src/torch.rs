//! What `torch.save` writes: a pickle of the object, and the values of its tensors apart from it.

mod byte_order;
mod class_names;
mod container;
mod module;
mod numpy;
mod source;
mod tar;
mod tensors;
mod tree;
mod view;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io::Cursor;
use std::path::{Path, PathBuf};

use self::class_names::Named;
use self::container::Container;
use self::source::Source;
use self::tree::Tree;
use self::view::{From, View};
use crate::classes::{self, Classes};
use crate::content::{Content, Leaf, Values};
use crate::pickle::hostile::hostile_call;
use crate::pickle::{self, Value};
use crate::{Array, Dtype, Error, Format, sniff};

/// Reads the objects of a file of `torch.save`, or of a bare pickle.
pub(super) fn open(path: &Path, format: Format) -> Result<Content, Error> {
    let file = sniff::open_file(path)?;
    let mut container =
        Container::open(Box::new(std::io::BufReader::new(file)), format).map_err(|wrong| wrong.at(path))?;
    if let Some(callable) = hostile_within(&container, 4) {
        return Err(Error::Hostile { path: path.to_path_buf(), callable });
    }
    let Tree { mut leaves, views, metadata, classes, skipped, unread } =
        tree::of(&container).map_err(|reason| damaged(path, reason))?;
    number_apart(&mut leaves);
    let classes = match classes {
        None => Classes::default(),
        Some((_, Named::Listed(names))) => Classes { names: Some(names), wrong: None },
        Some((key, Named::Numbered(numbered))) => {
            let numbered = class_names::numbered(&mut container, numbered);
            numbered.map_or_else(Classes::default, |numbered| classes::in_order(&key, numbered))
        }
    };
    let values = Box::new(InFile { path: path.to_path_buf(), format, views });
    Ok(Content { leaves, metadata, classes, skipped, unread, values })
}

/// Numbers the later ones of tensors that end under one name: `a.b` and `a.b~2`. So it is where keys are no strings (an
/// optimizer's state is kept by parameter), where `1` and `"1"` are keys, and where a key holds a dot that is no level.
fn number_apart(leaves: &mut [Leaf]) {
    let mut taken: HashSet<String> = HashSet::with_capacity(leaves.len());
    let mut counts: HashMap<String, usize> = HashMap::new();
    for leaf in leaves {
        let path = leaf.path();
        if taken.insert(path.clone()) {
            continue;
        }
        let count = counts.entry(path.clone()).or_insert(1);
        let ending = loop {
            *count += 1;
            let ending = format!("~{count}");
            if taken.insert(format!("{path}{ending}")) {
                break ending;
            }
        };
        if let Some(last) = leaf.levels.last_mut() {
            last.push_str(&ending);
        }
    }
}

fn damaged(path: &Path, reason: impl ToString) -> Error {
    Error::Damaged { path: path.to_path_buf(), reason: reason.to_string() }
}

struct InFile {
    path: PathBuf,
    format: Format,
    /// One for each leaf.
    views: Vec<View>,
}

impl Values for InFile {
    /// Reads storage by storage, each once, so that memory holds the arrays and one storage more.
    fn read(
        &self,
        leaves: &[Leaf],
        chosen: &[usize],
        take: &mut dyn FnMut(usize, Array) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let file = sniff::open_file(&self.path)?;
        let source: Box<dyn Source> = Box::new(std::io::BufReader::new(file));
        let mut container = Container::open(source, self.format).map_err(|wrong| wrong.at(&self.path))?;
        let mut by_place: BTreeMap<&From, Vec<usize>> = BTreeMap::new();
        for &index in chosen {
            by_place.entry(&self.views[index].from).or_default().push(index);
        }
        for (from, indices) in by_place {
            let wrong = |reason: String| {
                let tensor = leaves[indices[0]].path();
                Error::Tensor { path: self.path.clone(), tensor, reason }
            };
            let mut bytes = match from {
                From::Storage(key) => container.storage(key).map_err(wrong)?,
                From::Inline(id) => {
                    numpy::bytes(&container.pickle, *id).ok_or_else(|| wrong("has no values".to_owned()))?
                }
                From::Nested(id) => nested_storage(&container, *id).map_err(wrong)?.1,
            };
            for (place, &index) in indices.iter().enumerate() {
                let leaf = &leaves[index];
                let whole = place + 1 == indices.len() && self.views[index].is_whole(leaf, bytes.len());
                let data = if whole {
                    Ok(std::mem::take(&mut bytes))
                } else {
                    self.views[index].gather(leaf, &bytes)
                };
                let array = data.and_then(|mut data| {
                    self.views[index].finish(leaf, &mut data);
                    Array::new(leaf.shape.clone(), leaf.dtype, data).map_err(|error| error.to_string())
                });
                take(index, array.map_err(wrong)?)?;
            }
        }
        Ok(())
    }
}

/// The first call that makes a file hostile, in its own pickles or in files that its pickle holds as bytes and has PyTorch
/// load.
fn hostile_within(container: &Container, depth: u8) -> Option<String> {
    let pickle = &container.pickle;
    let own = hostile_call(pickle).or_else(|| container.hostile_elsewhere.clone());
    own.or_else(|| {
        let loads = pickle.all().filter_map(|value| match value {
            Value::Object(object) if pickle.dotted(object.callable)? == LOADS => Some(object),
            _ => None,
        });
        loads.into_iter().find_map(|object| {
            let judged = || {
                let bytes = numpy::bytes(pickle, *pickle.arguments(object).first()?)?;
                let depth = depth.checked_sub(1)?;
                let format = sniff::format_of_head(&bytes[..bytes.len().min(512)]);
                let format = format.unwrap_or(Format::Pickle);
                let inner = Container::open(Box::new(Cursor::new(bytes)), format).ok()?;
                Some(hostile_within(&inner, depth))
            };
            // What cannot be looked into is not trusted.
            judged().unwrap_or_else(|| Some(LOADS.to_owned()))
        })
    })
}

/// Loads a file of `torch.save` from bytes; tensors come so where `pickle.dump` wrote them.
const LOADS: &str = "torch.storage._load_from_bytes";

/// The storage that lies as a file of its own within a pickle, as `pickle.dump` has tensors do: element type, bytes.
fn nested_storage(container: &Container, id: pickle::Id) -> Result<(Dtype, Vec<u8>), String> {
    let bytes = numpy::bytes(&container.pickle, id).ok_or("a storage in it has no values")?;
    let format =
        sniff::format_of_head(&bytes[..bytes.len().min(512)]).ok_or("a storage in it is of no known form")?;
    if format == Format::SafeTensors || format == Format::Pickle {
        return Err("a storage in it is of no known form".to_owned());
    }
    let mut inner =
        Container::open(Box::new(Cursor::new(bytes)), format).map_err(|wrong| wrong.to_string())?;
    let root = inner.pickle.root();
    let storage = view::storage_of(&inner.pickle, root).ok_or("a storage in it is none")??;
    let dtype = storage.dtype.ok_or("a storage in it has no element type")?;
    Ok((dtype, inner.storage(&storage.key)?))
}
