//! A file of features and its description, as they lie in the folder.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use files::sha256_of_file;
use tch::{Device, Tensor};

use super::about::About;
use super::form::Form;

/// Returns the path of a list's file of features.
pub(super) fn features(folder: &Path, name: &str) -> PathBuf {
    folder.join(name).with_extension("features")
}

/// Returns the path of a file's description.
pub(super) fn description(path: &Path) -> PathBuf {
    path.with_extension("json")
}

/// Marks a file as used now: the least recently used go first when room is needed.
pub(super) fn touch(path: &Path) {
    let _ = File::open(path).and_then(|file| file.set_modified(SystemTime::now()));
}

/// Removes a file of features and its description, whichever of them exists.
pub(super) fn remove(path: &Path) {
    for path in [description(path), path.to_owned()] {
        let _ = fs::remove_file(path);
    }
}

/// Removes a file of features that does not fit its description.
pub(super) fn remove_damaged(path: &Path) {
    tracing::warn!(file = %path.display(), "cached features are damaged or others; they are computed again");
    remove(path);
}

/// Returns the features of a file, mapped into memory; `None` if it does not fit its description.
pub(super) fn verified(path: &Path, about: &About, form: &Form) -> Option<Tensor> {
    let fits = fs::metadata(path).ok()?.len() == form.bytes()?;
    let whole = fits && sha256_of_file(path).ok()? == about.sha256;
    whole.then(|| mapped(path, form)).flatten()
}

/// Maps a file's values into memory, where they are read when they are needed.
pub(super) fn mapped(path: &Path, Form { shape, kind }: &Form) -> Option<Tensor> {
    let values = shape.iter().product::<i64>();
    let tensor = Tensor::f_from_file(path.to_str()?, false, values, (*kind, Device::Cpu)).ok()?;
    tensor.f_view(shape.as_slice()).ok()
}
