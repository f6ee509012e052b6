use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::{COLUMNS, Error, PROBABILITY};

/// A file of predictions that is being written.
#[derive(Debug)]
pub struct Writer {
    csv: csv::Writer<File>,
    path: PathBuf,
    header: Vec<String>,
    classes: Vec<String>,
}

/// The prediction for one image.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a> {
    /// The image's file.
    pub path: &'a str,
    /// Index of its class.
    pub label: usize,
    /// Index of the most probable class.
    pub predicted: usize,
    /// Probability of each class, `[classes]`, each in `0..=1`.
    pub probabilities: &'a [f64],
}

impl Writer {
    /// Creates the file with its header: further columns, then those of predictions for these classes.
    ///
    /// # Errors
    /// When there is such a file already, or it cannot be written.
    pub fn create(path: &Path, further: &[&str], classes: &[String]) -> Result<Self, Error> {
        let file =
            File::create_new(path).map_err(|source| Error::Create { path: path.to_owned(), source })?;
        let header = header(classes);
        let mut writer = Self {
            csv: csv::Writer::from_writer(file),
            path: path.to_owned(),
            header: header.clone(),
            classes: classes.to_vec(),
        };
        writer.write(further.iter().map(|&column| column.to_owned()).chain(header))?;
        Ok(writer)
    }

    /// Adds a row; for a file without further columns.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, row: &Row<'_>) -> Result<(), Error> {
        let class = |class: usize| self.classes.get(class).cloned().unwrap_or_default();
        let first = [row.path.to_owned(), class(row.label), class(row.predicted)];
        let probabilities = row.probabilities.iter().map(f64::to_string);
        self.write(first.into_iter().chain(probabilities))
    }

    /// Adds all rows of another file, one without further columns, with these values in the further columns of this one.
    ///
    /// # Errors
    /// When it cannot be read or written, or is about other classes.
    pub fn append(&mut self, further: &[String], file: &Path) -> Result<(), Error> {
        let unread = |source| Error::Read { path: file.to_owned(), source };
        let mut reader = csv::Reader::from_path(file).map_err(unread)?;
        let header = reader.headers().map_err(unread)?;
        if !header.iter().eq(self.header.iter()) {
            let message = "its classes are others, or in another order".to_owned();
            return Err(Error::Foreign { path: file.to_owned(), message });
        }
        for record in reader.records() {
            let record = record.map_err(unread)?;
            self.write(further.iter().map(String::as_str).chain(record.iter()))?;
        }
        Ok(())
    }

    /// Writes what is buffered.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> Result<(), Error> {
        let flushed = self.csv.flush();
        flushed.map_err(|source| Error::Write { path: self.path, source: source.into() })
    }

    /// Removes the file.
    pub fn discard(self) {
        drop(self.csv);
        let _ = fs::remove_file(self.path);
    }

    fn write(&mut self, row: impl Iterator<Item: AsRef<[u8]>>) -> Result<(), Error> {
        let path = &self.path;
        self.csv.write_record(row).map_err(|source| Error::Write { path: path.clone(), source })
    }
}

/// Columns of predictions for these classes.
pub(crate) fn header(classes: &[String]) -> Vec<String> {
    let probabilities = classes.iter().map(|class| format!("{PROBABILITY}{class}"));
    COLUMNS.map(str::to_owned).into_iter().chain(probabilities).collect()
}
