//! Outputs of frozen stages, kept on disk from one run to the next.
//!
//! A file holds what one view of one list of pictures looks like after the frozen stages. Its name is a digest of
//! everything that decides about that: the weights, the cut, the type computed in, the preparation, the view and the
//! pixels of every picture. So it is never stale, and runs that share a frozen prefix share it. Beside it lies its shape
//! and SHA-256; a file that does not fit them, torn or not ours, is dropped and computed again.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use pretrained::digest::sha256_of_file;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tch::{Device, Kind, Tensor};
use tempfile::NamedTempFile;

use crate::{cache_folder, digest};

/// The folder of kept features, and how much it may hold.
#[derive(Clone, Debug)]
pub struct FeatureCache {
    folder: PathBuf,
    limit: u64,
}

/// What decides about the features of a view, to be completed by the view and its pictures.
#[derive(Clone)]
pub struct Key(Sha256);

/// Features on their way to the disk.
#[derive(Debug)]
pub struct Draft {
    cache: FeatureCache,
    name: String,
    /// Removes itself unless it is put in its place.
    file: BufWriter<NamedTempFile>,
    hash: Sha256,
    written: u64,
}

/// What lies beside a file of features.
#[derive(Serialize, Deserialize)]
struct About {
    shape: Vec<i64>,
    sha256: String,
}

impl Key {
    /// Of these parts, each of which counts where it stands.
    #[must_use]
    pub fn of<T: AsRef<str>>(parts: &[T]) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            let part = part.as_ref();
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        Self(hash)
    }

    /// With one more thing that decides.
    #[must_use]
    pub fn and(&self, bytes: &[u8]) -> Self {
        Self(self.0.clone().chain_update(bytes))
    }

    fn name(&self) -> String {
        hex::encode(self.0.clone().finalize())
    }
}

impl FeatureCache {
    /// In the user's cache folder, with up to `limit` bytes; `None` if there is no such folder.
    #[must_use]
    pub fn of_user(limit: u64) -> Option<Self> {
        Some(Self { folder: cache_folder::of_user()?.join("features"), limit })
    }

    /// The features kept under a key, mapped into memory: `[N, ..]`, float32, on the CPU.
    #[must_use]
    pub fn find(&self, key: &Key) -> Option<Tensor> {
        let path = self.file(&key.name());
        let about: About = serde_json::from_slice(&fs::read(about(&path)).ok()?).ok()?;
        match sound(&path, &about) {
            Some(features) => {
                // The oldest go first when room is needed.
                let _ = File::open(&path).and_then(|file| file.set_modified(SystemTime::now()));
                Some(features)
            }
            None => {
                tracing::warn!(file = %path.display(), "kept features are damaged; they are computed again");
                self.drop_entry(&path);
                None
            }
        }
    }

    /// Begins to keep features; `None` if the disk refuses.
    #[must_use]
    pub fn begin(&self, key: &Key) -> Option<Draft> {
        let made = fs::create_dir_all(&self.folder).and_then(|()| NamedTempFile::new_in(&self.folder));
        match made {
            Ok(file) => Some(Draft {
                cache: self.clone(),
                name: key.name(),
                file: BufWriter::new(file),
                hash: Sha256::new(),
                written: 0,
            }),
            Err(error) => {
                tracing::warn!(%error, "features are not kept on disk");
                None
            }
        }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name).with_extension("features")
    }

    fn drop_entry(&self, path: &Path) {
        // The description goes first: without it the file counts for nothing.
        let _ = fs::remove_file(about(path)).and_then(|()| fs::remove_file(path));
    }

    /// Makes room for so many bytes more: what was used longest ago goes.
    fn make_room(&self, bytes: u64) {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut files: Vec<(SystemTime, u64, PathBuf)> = entries
            .filter(|entry| entry.path().extension().is_some_and(|extension| extension == "features"))
            .filter_map(|entry| {
                let metadata = entry.metadata().ok()?;
                Some((metadata.modified().ok()?, metadata.len(), entry.path()))
            })
            .collect();
        files.sort();
        let mut held: u64 = files.iter().map(|(_, length, _)| length).sum();
        for (_, length, path) in files {
            if held + bytes <= self.limit {
                break;
            }
            self.drop_entry(&path);
            held -= length;
        }
    }
}

impl Draft {
    /// Adds some rows of features, `[n, ..]`.
    ///
    /// # Errors
    /// When the disk is full or there would be more than may be kept; the draft is gone then.
    pub fn append(mut self, rows: &Tensor) -> io::Result<Self> {
        let bytes = digest::bytes(&rows.to_kind(Kind::Float)).map_err(io::Error::other)?;
        self.written += bytes.len() as u64;
        if self.written > self.cache.limit {
            return Err(io::Error::other("they are larger than run.cache_mib"));
        }
        self.hash.update(&bytes);
        self.file.write_all(&bytes)?;
        Ok(self)
    }

    /// Puts the whole in its place, and gives it back mapped into memory: `[rows, ..]` with the shape of a row.
    ///
    /// # Errors
    /// When the disk refuses; nothing is kept then.
    pub fn finish(self, shape: &[i64]) -> io::Result<Option<Tensor>> {
        let Self { cache, name, file, hash, written } = self;
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        cache.make_room(written);
        let path = cache.file(&name);
        file.persist(&path).map_err(|error| error.error)?;
        let described = About { shape: shape.to_vec(), sha256: hex::encode(hash.finalize()) };
        let mut beside = NamedTempFile::new_in(&cache.folder)?;
        beside.write_all(&serde_json::to_vec(&described).map_err(io::Error::other)?)?;
        beside.persist(about(&path)).map_err(|error| error.error)?;
        Ok(mapped(&path, shape))
    }
}

/// Where the description of a file lies.
fn about(path: &Path) -> PathBuf {
    path.with_extension("json")
}

/// The features of a file that is as it is described.
fn sound(path: &Path, about: &About) -> Option<Tensor> {
    let values = about.shape.iter().try_fold(1u64, |product, &side| {
        product.checked_mul(u64::try_from(side).ok().filter(|&side| side > 0)?)
    })?;
    let fits = fs::metadata(path).ok()?.len() == values.checked_mul(4)?;
    let whole = fits && sha256_of_file(path).ok()? == about.sha256;
    whole.then(|| mapped(path, &about.shape)).flatten()
}

/// A file's float32 values, read when they are needed.
fn mapped(path: &Path, shape: &[i64]) -> Option<Tensor> {
    let values = shape.iter().product::<i64>();
    let tensor = Tensor::f_from_file(path.to_str()?, false, values, (Kind::Float, Device::Cpu)).ok()?;
    tensor.f_view(shape).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(folder: &Path, limit: u64) -> FeatureCache {
        FeatureCache { folder: folder.to_owned(), limit }
    }

    fn keep(cache: &FeatureCache, key: &Key, rows: i64) -> io::Result<Option<Tensor>> {
        let values = Tensor::arange(rows * 3, (Kind::Float, Device::Cpu)).view([rows, 3]);
        cache
            .begin(key)
            .unwrap()
            .append(&values.narrow(0, 0, 2))?
            .append(&values.narrow(0, 2, rows - 2))?
            .finish(&[rows, 3])
    }

    #[test]
    fn what_is_kept_is_found_and_what_is_damaged_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path(), 1 << 20);
        let key = Key::of(&["resnet18", "layer4"]).and(b"picture");
        assert!(cache.find(&key).is_none());
        let kept = keep(&cache, &key, 5).unwrap().unwrap();
        assert!(cache.find(&key).unwrap().equal(&kept));
        assert!(cache.find(&Key::of(&["resnet18l", "ayer4"]).and(b"picture")).is_none());

        let path = cache.file(&key.name());
        let mut bytes = fs::read(&path).unwrap();
        bytes[7] ^= 1;
        for torn in [bytes.clone(), bytes[..40].to_vec(), Vec::new()] {
            keep(&cache, &key, 5).unwrap();
            fs::write(&path, torn).unwrap();
            assert!(cache.find(&key).is_none());
            assert!(!path.exists(), "a damaged file is dropped");
        }
        keep(&cache, &key, 5).unwrap();
        fs::write(about(&path), r#"{"shape":[-5,3],"sha256":""}"#).unwrap();
        assert!(cache.find(&key).is_none());
    }

    #[test]
    fn the_limit_is_kept_by_dropping_what_was_used_longest_ago() {
        let folder = tempfile::tempdir().unwrap();
        let cache = cache(folder.path(), 130);
        let [old, used, new] = ["old", "used", "new"].map(|name| Key::of(&[name]));
        for (key, age) in [(&old, 100), (&used, 200)] {
            keep(&cache, key, 5).unwrap(); // 60 bytes
            let file = File::open(cache.file(&key.name())).unwrap();
            file.set_modified(SystemTime::now() - std::time::Duration::from_secs(age)).unwrap();
        }
        assert!(cache.find(&used).is_some());
        keep(&cache, &new, 5).unwrap();
        assert!(cache.find(&old).is_none());
        assert!(cache.find(&used).is_some() && cache.find(&new).is_some());
        assert!(keep(&cache, &Key::of(&["huge"]), 50).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 4, "two files, each with its description");
    }
}
