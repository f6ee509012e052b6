//! Outputs of frozen stages, kept on disk from one run to the next.
//!
//! A file holds what one view of one list of pictures looks like after the frozen stages. Its name is a digest of
//! everything that decides about a picture there (the network and its weights, the cut, what is computed with, the
//! preparation, the view), and one of that and all the pictures. So it is never stale, runs that share a frozen prefix share
//! it, and another list takes from it the rows of the pictures that it has as well. Beside it lies its description: whose
//! features they are, how they lie and their SHA-256; a file that does not fit it, torn or not ours, is dropped and computed
//! again.
//!
//! All that lies in the folder together stays within a limit: room is made before anything is written (`room`).

mod about;
mod key;
mod room;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use pretrained::digest::sha256_of_file;
use sha2::{Digest, Sha256};
use tch::{Device, Kind, Tensor};
use tempfile::NamedTempFile;

use self::about::About;
pub use self::key::{Key, List};
use crate::cache_folder;
use backbone::digest;

/// The folder of kept features, and how much it may hold.
///
/// What was found whole or kept through it, or through its clones, does not make room for what comes later.
#[derive(Clone, Debug)]
pub struct FeatureCache {
    folder: PathBuf,
    limit: u64,
    in_use: Names,
}

type Names = Arc<Mutex<BTreeSet<String>>>;

/// Features of some pictures of a list.
#[derive(Debug)]
pub struct Partial {
    /// `[M, ..]`, mapped into memory.
    pub features: Tensor,
    /// For each picture of the list its row there, if it has one.
    pub rows: Vec<Option<i64>>,
    /// Whether they were kept by this process, and not by an earlier run.
    pub kept_here: bool,
}

/// How features lie in memory and on disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Form {
    /// Extents in the order in which they lie, the slowest first.
    pub shape: Vec<i64>,
    /// Type of the values.
    pub kind: Kind,
}

/// Features on their way to the disk.
#[derive(Debug)]
pub struct Draft {
    cache: FeatureCache,
    form: Form,
    about: About,
    /// Removes itself unless it is put in its place.
    file: BufWriter<NamedTempFile>,
    hash: Sha256,
    written: u64,
}

/// What this process has kept.
static KEPT_HERE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

impl FeatureCache {
    /// In the user's cache folder, with up to `limit` bytes; `None` if there is no such folder.
    #[must_use]
    pub fn of_user(limit: u64) -> Option<Self> {
        Some(Self::new(cache_folder::of_user()?.join("features"), limit))
    }

    /// In this folder, with up to `limit` bytes. Nothing else may lie there.
    #[must_use]
    pub fn new(folder: PathBuf, limit: u64) -> Self {
        Self { folder, limit, in_use: Names::default() }
    }

    /// Whether the limit allows for so many views of this form, with their descriptions.
    #[must_use]
    pub fn holds(&self, form: &Form, views: u32) -> bool {
        let pictures = form.shape.first().and_then(|&count| usize::try_from(count).ok()).unwrap_or(0);
        let list = List::new(Key::of::<&str>(&[]), vec![[0; 32]; pictures]);
        let one = form.size(&About::before(&list, form));
        one.and_then(|one| one.checked_mul(views.into())).is_some_and(|all| all <= self.limit)
    }

    /// The features kept of a list, mapped into memory: on the CPU, of this form and no other.
    #[must_use]
    pub fn find(&self, list: &List, form: &Form) -> Option<Tensor> {
        let name = list.name();
        let path = self.file(&name);
        let described = fs::read(description(&path)).ok()?;
        let found = serde_json::from_slice(&described)
            .ok()
            .filter(|about: &About| {
                *about == About { sha256: about.sha256.clone(), ..About::before(list, form) }
            })
            .and_then(|about| sound(&path, &about, form));
        if found.is_some() {
            touch(&path);
            insert(&self.in_use, name);
        } else {
            damaged(&path);
        }
        found
    }

    /// The features of as many of these pictures as one other list under the same key has; `None` if none has any.
    #[must_use]
    pub fn find_some(&self, list: &List, form: &Form) -> Option<Partial> {
        let beginning = format!("{}-", list.key.name());
        let paths = fs::read_dir(&self.folder).ok()?.flatten().map(|entry| entry.path());
        let descriptions = paths.filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(&beginning) && name.ends_with(".json")
        });
        let mut others: Vec<(About, Vec<Option<i64>>)> = descriptions
            .filter_map(|path| {
                let about: About = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
                let lies_there = path.file_stem()?.to_string_lossy() == about.key;
                let rows = lies_there.then(|| about.rows_of(list, form)).flatten()?;
                Some((about, rows))
            })
            .collect();
        others.sort_by_key(|(_, rows)| rows.iter().flatten().count());
        // That with the most of them first.
        others.into_iter().rev().find_map(|(about, rows)| {
            let path = self.file(&about.key);
            let Some(features) = sound(&path, &about, &Form { shape: about.shape.clone(), ..form.clone() })
            else {
                damaged(&path);
                return None;
            };
            touch(&path);
            if rows.iter().all(Option::is_some) {
                // Whoever finds them all keeps no file of his own.
                insert(&self.in_use, about.key.clone());
            }
            Some(Partial { features, rows, kept_here: is_kept_here(&about.key) })
        })
    }

    /// Whether the features of a list were kept by this process, and not by an earlier run.
    #[must_use]
    pub fn kept_here(&self, list: &List) -> bool {
        is_kept_here(&list.name())
    }

    /// Begins to keep features of this form; `None` if there is no room for them or the disk refuses.
    #[must_use]
    pub fn begin(&self, list: &List, form: &Form) -> Option<Draft> {
        let begun = self.reserve(About::before(list, form), form.clone());
        begun.inspect_err(|error| tracing::warn!(%error, "features are not kept on disk")).ok()
    }

    /// A draft that takes from its beginning all the room it is going to need.
    fn reserve(&self, about: About, form: Form) -> io::Result<Draft> {
        let bytes = form.size(&about).ok_or_else(|| io::Error::other("no disk is so large"))?;
        fs::create_dir_all(&self.folder)?;
        let _locked = room::lock(&self.folder)?;
        if !room::make(
            &self.folder,
            bytes,
            self.limit,
            &self.in_use.lock().unwrap_or_else(PoisonError::into_inner),
        ) {
            return Err(io::Error::other("they are larger than the room within run.cache_mib"));
        }
        let file = room::draft(&self.folder)?;
        file.as_file().set_len(bytes)?;
        let (cache, file, hash) = (self.clone(), BufWriter::new(file), Sha256::new());
        Ok(Draft { cache, form, about, file, hash, written: 0 })
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name).with_extension("features")
    }
}

impl Draft {
    /// Adds some rows of features, `[n, ..]`, of the form that was said.
    ///
    /// # Errors
    /// When the disk is full or there are more than was said; the draft is gone then.
    pub fn append(mut self, rows: &Tensor) -> io::Result<Self> {
        let bytes = digest::bytes(&rows.to_kind(self.form.kind)).map_err(io::Error::other)?;
        self.written += bytes.len() as u64;
        if Some(self.written) > self.form.bytes() {
            return Err(io::Error::other("there are more of them than was said"));
        }
        self.hash.update(&bytes);
        self.file.write_all(&bytes)?;
        Ok(self)
    }

    /// Puts the whole in its place, and gives it back mapped into memory, in the form that was said.
    ///
    /// # Errors
    /// When the disk refuses or rows are missing; nothing is kept then.
    pub fn finish(self) -> io::Result<Option<Tensor>> {
        let Self { cache, form, about, file, hash, written } = self;
        if Some(written) != form.bytes() {
            return Err(io::Error::other("there are fewer of them than was said"));
        }
        let about = About { sha256: hex::encode(hash.finalize()), ..about };
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        let path = cache.file(&about.key);
        {
            let _locked = room::lock(&cache.folder)?;
            // The description's room was reserved at the end of the draft.
            file.as_file().set_len(written)?;
            file.persist(&path).map_err(|error| error.error)?;
            describe(&path, &about).inspect_err(|_| drop_entry(&path))?;
        }
        insert(&cache.in_use, about.key.clone());
        KEPT_HERE.lock().unwrap_or_else(PoisonError::into_inner).insert(about.key);
        Ok(mapped(&path, &form))
    }
}

impl Form {
    /// Bytes of the values, if it is the form of any.
    #[must_use]
    pub fn bytes(&self) -> Option<u64> {
        self.shape.iter().try_fold(self.kind.elt_size_in_bytes() as u64, |product, &side| {
            product.checked_mul(u64::try_from(side).ok().filter(|&side| side > 0)?)
        })
    }

    /// Bytes of features and description together; it does not depend on the digest.
    fn size(&self, about: &About) -> Option<u64> {
        self.bytes()?.checked_add(about.text().ok()?.len() as u64)
    }
}

/// The oldest go first when room is needed.
fn touch(path: &Path) {
    let _ = File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
}

fn damaged(path: &Path) {
    tracing::warn!(file = %path.display(), "kept features are damaged or others; they are computed again");
    drop_entry(path);
}

fn is_kept_here(name: &str) -> bool {
    KEPT_HERE.lock().unwrap_or_else(PoisonError::into_inner).contains(name)
}

fn insert(names: &Names, name: String) {
    names.lock().unwrap_or_else(PoisonError::into_inner).insert(name);
}

/// Where the description of a file lies.
fn description(path: &Path) -> PathBuf {
    path.with_extension("json")
}

fn describe(path: &Path, described: &About) -> io::Result<()> {
    let mut beside = room::draft(path.parent().unwrap_or(Path::new(".")))?;
    beside.write_all(&described.text()?)?;
    beside.persist(description(path)).map_err(|error| error.error)?;
    Ok(())
}

/// Removes a file of features and its description, whichever of them there is.
fn drop_entry(path: &Path) {
    for path in [description(path), path.to_owned()] {
        let _ = fs::remove_file(path);
    }
}

/// The features of a file that is as it is described.
fn sound(path: &Path, about: &About, form: &Form) -> Option<Tensor> {
    let fits = fs::metadata(path).ok()?.len() == form.bytes()?;
    let whole = fits && sha256_of_file(path).ok()? == about.sha256;
    whole.then(|| mapped(path, form)).flatten()
}

/// A file's values, read when they are needed.
fn mapped(path: &Path, Form { shape, kind }: &Form) -> Option<Tensor> {
    let values = shape.iter().product::<i64>();
    let tensor = Tensor::f_from_file(path.to_str()?, false, values, (*kind, Device::Cpu)).ok()?;
    tensor.f_view(shape.as_slice()).ok()
}
