use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use backbone::digest;
use sha2::{Digest, Sha256};
use tch::Tensor;
use tempfile::NamedTempFile;

use super::about::About;
use super::form::Form;
use super::names::{Names, remember_written};
use super::{entry, quota};

/// A file of features that is being written. It removes itself unless it is finished.
#[derive(Debug)]
pub struct Draft {
    pub(super) folder: PathBuf,
    pub(super) in_use: Names,
    pub(super) form: Form,
    pub(super) about: About,
    pub(super) file: BufWriter<NamedTempFile>,
    pub(super) hash: Sha256,
    /// Bytes of the rows appended.
    pub(super) written: u64,
}

impl Draft {
    /// Appends rows of features, `[n, ..]`, in the draft's type.
    ///
    /// # Errors
    /// When the disk is full or there are more rows than the form has; the draft is removed then.
    pub fn append(mut self, rows: &Tensor) -> io::Result<Self> {
        let bytes = digest::bytes(&rows.to_kind(self.form.kind)).map_err(io::Error::other)?;
        self.written += bytes.len() as u64;
        if Some(self.written) > self.form.bytes() {
            return Err(io::Error::other("more features than expected"));
        }
        self.hash.update(&bytes);
        self.file.write_all(&bytes)?;
        Ok(self)
    }

    /// Moves the file into place and returns its features, mapped into memory.
    ///
    /// # Errors
    /// When the disk fails or rows are missing; the draft is removed then.
    pub fn finish(self) -> io::Result<Option<Tensor>> {
        let Self { folder, in_use, form, about, file, hash, written } = self;
        if Some(written) != form.bytes() {
            return Err(io::Error::other("fewer features than expected"));
        }
        let about = About { sha256: hex::encode(hash.finalize()), ..about };
        let file = file.into_inner().map_err(io::IntoInnerError::into_error)?;
        let path = entry::features(&folder, &about.key);
        {
            let _locked = quota::lock(&folder)?;
            // Room for the description was reserved at the end of the draft.
            file.as_file().set_len(written)?;
            file.persist(&path).map_err(|error| error.error)?;
            describe(&path, &about).inspect_err(|_| entry::remove(&path))?;
        }
        in_use.insert(about.key.clone());
        remember_written(about.key);
        Ok(entry::mapped(&path, &form))
    }
}

/// Writes the description of a file of features. The folder must be locked: see [`quota`].
fn describe(path: &Path, about: &About) -> io::Result<()> {
    files::write(&entry::description(path), about.text()?).map_err(|error| error.source)
}
