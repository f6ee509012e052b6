use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::path::{Path, PathBuf};

use predictions::{Error, Predictions, Writer};

use crate::Ended;
use crate::folds::{FoldRun, Pooled, pooled};

/// The runs of a comparison on folds, taken together one after another. Their predictions go into one file for each
/// variant, with the columns `setting`, `images_per_class`, `seed` and `fold` before those of the runs.
pub struct OutOfFold<'a> {
    /// The file of a variant.
    file: &'a dyn Fn(&str) -> PathBuf,
    files: BTreeMap<&'a str, Writer>,
    runs: Vec<FoldRun<'a>>,
}

impl<'a> OutOfFold<'a> {
    /// Nothing yet; `file` names the file of a variant. Where there is one of a comparison that was resumed, it is replaced.
    pub fn new(file: &'a dyn Fn(&str) -> PathBuf) -> Self {
        Self { file, files: BTreeMap::new(), runs: Vec::new() }
    }

    /// Adds a run, with the file of its predictions; one that diverged needs none.
    ///
    /// # Errors
    /// When a file cannot be read or written, or the runs of a variant are about different classes.
    pub fn add(&mut self, ended: &'a Ended, predictions: &Path) -> Result<(), Error> {
        let Ok(run) = ended else {
            self.runs.push(FoldRun { ended, predictions: None });
            return Ok(());
        };
        let read = Predictions::read(predictions)?;
        let writer = match self.files.entry(&run.variant) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => {
                let path = (self.file)(&run.variant);
                if path.exists() {
                    fs::remove_file(&path).map_err(|source| Error::Create { path: path.clone(), source })?;
                }
                let further = ["setting", "images_per_class", "seed", "fold"];
                entry.insert(Writer::create(&path, &further, &read.classes)?)
            }
        };
        let written = |number: Option<u32>| number.map_or_else(String::new, |number| number.to_string());
        let further =
            [run.method.clone(), written(run.images_per_class), run.seed.to_string(), written(run.fold)];
        writer.append(&further, predictions)?;
        self.runs.push(FoldRun { ended, predictions: Some(read) });
        Ok(())
    }

    /// Returns for each setting and seed one run, measured on each image by the run that held it out. A setting and seed of
    /// which a fold diverged has diverged; one of which a fold is missing is left out. `groups` are the named groups of
    /// classes.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn finish(self, folds: u32, groups: &BTreeMap<String, Vec<String>>) -> Result<Pooled, Error> {
        for writer in self.files.into_values() {
            writer.finish()?;
        }
        Ok(pooled(&self.runs, folds, groups))
    }
}
