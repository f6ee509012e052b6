//! Predictions as a table: a CSV file with a row for each image.

use std::io::{self, Stdout, Write};
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::NamedTempFile;
use trained_model::predict::Prediction;

/// A file that appears when it is whole and replaces one of its name, or stdout.
pub(crate) struct Table {
    writer: csv::Writer<Sink>,
    path: PathBuf,
}

/// Where rows go.
enum Sink {
    File(NamedTempFile),
    Stdout(Stdout),
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => file.write(bytes),
            Self::Stdout(out) => out.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::File(file) => file.flush(),
            Self::Stdout(out) => out.flush(),
        }
    }
}

impl Table {
    /// Begins a table with the columns path, class, probability, and one for each class; `-` is stdout.
    pub(crate) fn create(path: &Path, classes: &[String]) -> anyhow::Result<Self> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let sink = match path == Path::new("-") {
            true => Sink::Stdout(io::stdout()),
            false => Sink::File(
                NamedTempFile::new_in(folder).with_context(|| format!("cannot write {}", path.display()))?,
            ),
        };
        let mut writer = csv::Writer::from_writer(sink);
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
        let sink = writer.into_inner().map_err(csv::IntoInnerError::into_error).with_context(whole)?;
        if let Sink::File(file) = sink {
            file.as_file().sync_all().with_context(whole)?;
            file.persist(&path).map_err(|error| error.error).with_context(whole)?;
        }
        Ok(())
    }
}
