//! Predictions for each image of a data set as a CSV file: `evaluate --predictions`.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context;
use finetune_core::measure::LabelledPrediction;

/// A CSV file with a row for each image: `path`, `label`, `predicted`, then the probability of each class, 0 to 1, in a
/// column `probability of CLASS`.
pub(super) struct PredictionsFile<'a> {
    writer: csv::Writer<File>,
    path: PathBuf,
    classes: &'a [String],
}

impl<'a> PredictionsFile<'a> {
    /// Creates the file with its header.
    ///
    /// # Errors
    /// When there is such a file already, or it cannot be written.
    pub(super) fn create(path: &Path, classes: &'a [String]) -> anyhow::Result<Self> {
        let file = File::create_new(path)
            .with_context(|| format!("cannot create {}; nothing is overwritten", path.display()))?;
        let mut file = Self { writer: csv::Writer::from_writer(file), path: path.to_owned(), classes };
        let header = ["path", "label", "predicted"].map(str::to_owned).into_iter();
        let header = header.chain(classes.iter().map(|class| format!("probability of {class}")));
        file.write(header)?;
        Ok(file)
    }

    /// Adds a row.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn add(&mut self, prediction: LabelledPrediction<'_>) -> anyhow::Result<()> {
        let class = |class: usize| self.classes.get(class).cloned().unwrap_or_default();
        let LabelledPrediction { prediction, truth } = prediction;
        let path = prediction.path.to_string_lossy().into_owned();
        let row = [path, class(truth), class(prediction.best())].into_iter();
        let probabilities = prediction.probabilities.iter().map(f64::to_string);
        self.write(row.chain(probabilities))
    }

    /// Writes what is buffered.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn finish(mut self) -> anyhow::Result<()> {
        self.writer.flush().with_context(|| format!("cannot write {}", self.path.display()))
    }

    /// Removes the file.
    pub(super) fn discard(self) {
        drop(self.writer);
        let _ = std::fs::remove_file(self.path);
    }

    fn write(&mut self, row: impl Iterator<Item = String>) -> anyhow::Result<()> {
        self.writer.write_record(row).with_context(|| format!("cannot write {}", self.path.display()))
    }
}
