use std::fs;
use std::io::{self, BufWriter};
use std::path::PathBuf;

use sha2::{Digest, Sha256};
use tch::Tensor;

use super::about::About;
use super::draft::Draft;
use super::form::Form;
use super::key::{Key, List};
use super::names::{Names, is_written_here};
use super::{entry, quota};

/// The folder of cached features, with a limit of its size.
///
/// What was found or written through it, or through its clones, is not removed to make room for what comes later.
#[derive(Clone, Debug)]
pub struct FeatureCache {
    pub(super) folder: PathBuf,
    /// In bytes.
    pub(super) limit: u64,
    in_use: Names,
}

/// A cache, with the key of the features that are cached there.
#[derive(Clone, Debug)]
pub struct Cached {
    /// Where features are cached.
    pub cache: FeatureCache,
    /// What decides about them, view and images aside.
    pub key: Key,
}

/// Features found of some images of a list.
#[derive(Debug)]
pub struct Found {
    /// `[M, ..]`, mapped into memory, on the CPU.
    pub features: Tensor,
    /// For each image of the list its row there; `None` for one that was not found.
    pub rows: Vec<Option<i64>>,
    /// Whether an earlier run wrote them, and not this process.
    pub is_earlier: bool,
}

impl Cached {
    /// Returns the same cache with one part more in the key.
    #[must_use]
    pub fn and(&self, bytes: &[u8]) -> Self {
        Self { cache: self.cache.clone(), key: self.key.and(bytes) }
    }
}

impl Found {
    /// Number of images found.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.rows.iter().flatten().count() as u64
    }

    /// Whether the features are those of the whole list, row by row.
    #[must_use]
    pub fn is_whole_list(&self) -> bool {
        self.features.size().first().is_some_and(|&rows| usize::try_from(rows) == Ok(self.rows.len()))
            && self.rows.iter().zip(0..).all(|(row, position)| *row == Some(position))
    }
}

impl FeatureCache {
    /// Returns the cache in the user's cache folder, of up to `limit` bytes; `None` if there is no such folder.
    #[must_use]
    pub fn of_user(limit: u64) -> Option<Self> {
        Some(Self::new(files::cache_folder()?.join("features"), limit))
    }

    /// Returns the cache in a folder that holds nothing else, of up to `limit` bytes.
    #[must_use]
    pub fn new(folder: PathBuf, limit: u64) -> Self {
        Self { folder, limit, in_use: Names::default() }
    }

    /// Whether the limit allows for this number of files of this form, with their descriptions.
    #[must_use]
    pub fn holds(&self, form: &Form, files: u32) -> bool {
        let images = form.shape.first().and_then(|&count| usize::try_from(count).ok()).unwrap_or(0);
        let list = List::new(Key::of::<&str>(&[]), vec![[0; 32]; images]);
        let one = About::before(&list, form).bytes_with(form);
        one.and_then(|one| one.checked_mul(files.into())).is_some_and(|all| all <= self.limit)
    }

    /// Returns the features of a list in this form: from its own file, else of as many of its images as one other file
    /// under the same key has; `None` if no file has any. A file that does not fit its description is removed.
    #[must_use]
    pub fn find(&self, list: &List, form: &Form) -> Option<Found> {
        self.find_list(list, form).or_else(|| self.find_rows(list, form))
    }

    /// Returns the features in the list's own file.
    pub(super) fn find_list(&self, list: &List, form: &Form) -> Option<Found> {
        let name = list.name();
        let path = entry::features(&self.folder, &name);
        let described = fs::read(entry::description(&path)).ok()?;
        let expected = About::before(list, form);
        let features = serde_json::from_slice(&described)
            .ok()
            .filter(|about: &About| *about == About { sha256: about.sha256.clone(), ..expected })
            .and_then(|about| entry::verified(&path, &about, form));
        let Some(features) = features else {
            entry::remove_damaged(&path);
            return None;
        };
        entry::touch(&path);
        let is_earlier = !is_written_here(&name);
        self.in_use.insert(name);
        Some(Found { features, rows: (0..).map(Some).take(list.images.len()).collect(), is_earlier })
    }

    /// Returns rows of the file of another list: that which has the most of these images.
    pub(super) fn find_rows(&self, list: &List, form: &Form) -> Option<Found> {
        let beginning = format!("{}-", list.key.name());
        let paths = fs::read_dir(&self.folder).ok()?.flatten().map(|entry| entry.path());
        let descriptions = paths.filter(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(&beginning) && name.ends_with(".json")
        });
        let mut others: Vec<Other> = descriptions
            .filter_map(|path| {
                let about: About = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
                let lies_there = path.file_stem()?.to_string_lossy() == about.key;
                let rows = lies_there.then(|| about.rows_of(list, form)).flatten()?;
                Some(Other { about, rows })
            })
            .collect();
        others.sort_by_key(|other| other.rows.iter().flatten().count());
        others.into_iter().rev().find_map(|Other { about, rows }| {
            let path = entry::features(&self.folder, &about.key);
            let form = Form { shape: about.shape.clone(), ..form.clone() };
            let Some(features) = entry::verified(&path, &about, &form) else {
                entry::remove_damaged(&path);
                return None;
            };
            entry::touch(&path);
            if rows.iter().all(Option::is_some) {
                // Who finds all of them here writes no file of its own.
                self.in_use.insert(about.key.clone());
            }
            Some(Found { features, rows, is_earlier: !is_written_here(&about.key) })
        })
    }

    /// Begins to write features of this form; `None`, with a warning, if there is no room for them or the disk fails.
    #[must_use]
    pub fn begin(&self, list: &List, form: &Form) -> Option<Draft> {
        let begun = self.reserve(About::before(list, form), form.clone());
        begun.inspect_err(|error| tracing::warn!(%error, "features are not cached on disk")).ok()
    }

    /// Returns a draft that has all the room it is going to need.
    fn reserve(&self, about: About, form: Form) -> io::Result<Draft> {
        let bytes = about.bytes_with(&form).ok_or_else(|| io::Error::other("no disk is so large"))?;
        fs::create_dir_all(&self.folder)?;
        let _locked = quota::lock(&self.folder)?;
        if !quota::make_room(&self.folder, bytes, self.limit, &self.in_use.lock()) {
            return Err(io::Error::other("they are larger than the room within run.cache_mib"));
        }
        let file = quota::draft(&self.folder)?;
        file.as_file().set_len(bytes)?;
        let (folder, in_use) = (self.folder.clone(), self.in_use.clone());
        let (file, hash) = (BufWriter::new(file), Sha256::new());
        Ok(Draft { folder, in_use, form, about, file, hash, written: 0 })
    }
}

/// Description of another list's file, and the rows of the images of ours there.
struct Other {
    about: About,
    rows: Vec<Option<i64>>,
}
