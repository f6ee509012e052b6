//! Predictions as a table: a CSV file with a row for each image.

use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::NamedTempFile;
use trained_model::predict::Prediction;

/// A file that appears when it is whole, and replaces one of its name.
pub(crate) struct Table {
    writer: csv::Writer<NamedTempFile>,
    path: PathBuf,
}

impl Table {
    /// Begins a table with the columns path, class, probability, and one for each class.
    pub(crate) fn create(path: &Path, classes: &[String]) -> anyhow::Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file =
            NamedTempFile::new_in(folder).with_context(|| format!("cannot write {}", path.display()))?;
        let mut writer = csv::Writer::from_writer(file);
        let columns = ["path", "class", "probability"].into_iter().chain(classes.iter().map(String::as_str));
        writer.write_record(columns)?;
        Ok(Self { writer, path: path.to_owned() })
    }

    /// Adds a row; probabilities with all their digits.
    pub(crate) fn add(&mut self, prediction: &Prediction<'_>, class: &str) -> anyhow::Result<()> {
        let best = prediction.probabilities[prediction.best()];
        let numbers = std::iter::once(&best).chain(prediction.probabilities).map(f64::to_string);
        let path = prediction.path.to_string_lossy().into_owned();
        self.writer.write_record([path, class.to_owned()].into_iter().chain(numbers))?;
        Ok(())
    }

    /// Puts the file in its place.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        let Self { writer, path } = self;
        let whole = || format!("cannot write {}", path.display());
        let file = writer.into_inner().map_err(csv::IntoInnerError::into_error).with_context(whole)?;
        file.as_file().sync_all().with_context(whole)?;
        file.persist(&path).map_err(|error| error.error).with_context(whole)?;
        Ok(())
    }
}
