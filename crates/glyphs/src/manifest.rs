//! Manifest of a written folder: its spec and the digest of its images.

use std::fs;
use std::path::{Path, PathBuf};

use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, Spec};

/// Name of the manifest, next to `train/`. Readers of image folders pass over it, as it is not a folder.
pub const MANIFEST_FILE: &str = "manifest.json";

/// The record of a folder: what it was drawn from, and a digest of what is in it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// [`Spec::digest`] of the spec.
    pub spec_digest: String,
    /// SHA-256 in hex over all images: for each one, in the order of their paths, the path from the folder (with `/`),
    /// a zero byte and the SHA-256 of the file.
    pub content_digest: String,
    /// Number of images.
    #[serde(rename = "pictures")]
    pub images: u64,
    /// Names of the faces in `train/`.
    pub train_faces: Vec<String>,
    /// Names of the faces in `val/`.
    pub validation_faces: Vec<String>,
    /// Names of the faces in `test/`.
    pub test_faces: Vec<String>,
    /// The spec itself.
    pub spec: Spec,
}

/// An image's path from the folder and the digest of its bytes.
pub(crate) type Entry = (String, [u8; 32]);

impl Manifest {
    /// Reads the manifest of a folder; `None` if there is none.
    ///
    /// # Errors
    ///
    /// [`Error::Manifest`] if it is not one, [`Error::Io`] if it cannot be read.
    pub fn read(dir: &Path) -> Result<Option<Manifest>, Error> {
        let path = dir.join(MANIFEST_FILE);
        match fs::read(&path) {
            Ok(bytes) => {
                serde_json::from_slice(&bytes).map(Some).map_err(|source| Error::Manifest { path, source })
            }
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory
                ) =>
            {
                Ok(None)
            }
            Err(error) => Err(files::Error::io("read the manifest", &path)(error).into()),
        }
    }

    /// Whether the images in the folder are still those that were written: none missing, added or changed.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if a file cannot be read.
    pub fn matches(&self, dir: &Path) -> Result<bool, Error> {
        let paths = images(dir)?;
        if paths.len() as u64 != self.images {
            return Ok(false);
        }
        let entries = paths.par_iter().map(|path| entry(dir, path)).collect::<Result<_, _>>()?;
        Ok(content_digest(entries) == self.content_digest)
    }
}

impl Manifest {
    pub(crate) fn write(&self, dir: &Path) -> Result<(), Error> {
        let path = dir.join(MANIFEST_FILE);
        let json = serde_json::to_vec_pretty(self)
            .map_err(|source| Error::Manifest { path: path.clone(), source })?;
        Ok(files::write(&path, json)?)
    }
}

/// See [`Manifest::content_digest`].
pub(crate) fn content_digest(mut entries: Vec<Entry>) -> String {
    entries.sort();
    let mut hash = Sha256::new();
    for (path, digest) in &entries {
        hash.update(path);
        hash.update([0]);
        hash.update(digest);
    }
    hex::encode(hash.finalize())
}

fn entry(dir: &Path, path: &Path) -> Result<Entry, Error> {
    let bytes = fs::read(path).map_err(files::Error::io("read the image", path))?;
    let inner = path.strip_prefix(dir).unwrap_or(path);
    let parts: Vec<_> = inner.iter().map(|part| part.to_string_lossy()).collect();
    Ok((parts.join("/"), Sha256::digest(&bytes).into()))
}

/// Every `.png` at `part/class/` below the folder.
fn images(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut level = vec![dir.to_owned()];
    for _ in 0..3 {
        let inside = level.iter().filter(|path| path.is_dir()).map(|path| list(path));
        level = inside.collect::<Result<Vec<_>, _>>()?.concat();
    }
    level.retain(|path| path.extension().is_some_and(|extension| extension == "png"));
    Ok(level)
}

fn list(dir: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = fs::read_dir(dir).map_err(files::Error::io("list the folder", dir))?;
    let paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<_, _>>();
    Ok(paths.map_err(files::Error::io("list the folder", dir))?)
}
