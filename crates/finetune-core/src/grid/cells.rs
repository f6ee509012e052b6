use std::fs;
use std::io;

use report::record::{CellRecord, RunRecord};

use super::Cell;
use crate::Error;
use crate::config::CompareConfig;
use crate::model_file;
use crate::recipe::{Finished, Materials};
use crate::run::Run;
use crate::run_folder::RunFolder;

/// The folders of a grid's cells. Making one is the claim to its run; `summary.json`, written last, ends it.
pub(super) struct Cells<'a> {
    folder: &'a RunFolder,
    compare: &'a CompareConfig,
}

impl<'a> Cells<'a> {
    pub(super) fn of(folder: &'a RunFolder, compare: &'a CompareConfig) -> Self {
        Self { folder, compare }
    }

    /// The cell's folder, unless somebody has it already.
    pub(super) fn claim(&self, cell: &Cell) -> Result<Option<RunFolder>, Error> {
        let path = self.folder.file(&self.place(cell));
        let parent = self.folder.file("cells");
        fs::create_dir_all(&parent).map_err(Error::write(&parent))?;
        match fs::create_dir(&path) {
            Ok(()) => RunFolder::at(&path).map(Some),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(Error::write(path)(error)),
        }
    }

    /// Gives a cell back that will not be finished.
    pub(super) fn release(&self, cell: &Cell) -> Result<(), Error> {
        let path = self.folder.file(&self.place(cell));
        fs::remove_dir_all(&path).map_err(Error::write(&path))
    }

    /// Gives back the cells that were begun and not finished; whether there are cells left to begin.
    pub(super) fn release_unfinished(&self, plan: &[Cell]) -> Result<bool, Error> {
        let mut left = false;
        for cell in plan {
            let folder = self.folder.file(&self.place(cell));
            if !folder.join("summary.json").exists() {
                left = true;
                if folder.exists() {
                    self.release(cell)?;
                }
            }
        }
        Ok(left)
    }

    /// Writes what came of a cell.
    pub(super) fn keep(
        folder: &RunFolder,
        run: &Run,
        materials: &Materials,
        finished: Finished,
    ) -> Result<(), Error> {
        let description = finished.description(materials);
        let Finished { mut record, backbone, .. } = finished;
        record.config = folder.write_config(&run.config)?;
        let sha256 = model_file::save(&backbone, &description, &folder.file("model.safetensors"))?;
        record.digests.insert("model.safetensors".to_owned(), sha256);
        folder.write_summary(&record)
    }

    /// What came of a cell, once it is finished.
    pub(super) fn read(&self, cell: &Cell) -> Result<Option<RunRecord>, Error> {
        let path = self.folder.file(&self.place(cell)).join("summary.json");
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .map_err(|error| Error::ForeignSummary { path, message: error.to_string() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(Error::Read { path, source }),
        }
    }

    /// The line of a finished cell in the grid's record.
    pub(super) fn record(&self, cell: &Cell, run: &RunRecord) -> CellRecord {
        let measured = run.evaluations.last();
        CellRecord {
            variant: self.variant(cell).to_owned(),
            images_per_class: cell.images_per_class,
            method: self.method(cell).to_owned(),
            seed: cell.seed,
            accuracy: measured.map_or(f64::NAN, |measured| measured.accuracy),
            groups: measured.map(|measured| measured.groups.clone()).unwrap_or_default(),
            model_sha256: run.digests.get("model.safetensors").cloned().unwrap_or_default(),
            seconds: run.seconds,
        }
    }

    fn variant(&self, cell: &Cell) -> &str {
        self.compare.variants.get(cell.variant).map_or("", |variant| &variant.name)
    }

    /// `cells/held-out-faces-5-per-class-head-seed-0`.
    fn place(&self, cell: &Cell) -> String {
        let variant = match self.variant(cell) {
            "" => String::new(),
            name => format!("{}-", slug(name)),
        };
        let amount = amount(cell.images_per_class).replace(' ', "-");
        format!("cells/{variant}{amount}-{}-seed-{}", slug(self.method(cell)), cell.seed)
    }

    /// The setting's name, or the method's.
    fn method(&self, cell: &Cell) -> &str {
        let setting = cell.setting.and_then(|setting| self.compare.settings.get(setting));
        setting.map_or(cell.method.name(), |setting| &setting.name)
    }
}

/// `5 per class`, or `all images`.
pub(super) fn amount(images_per_class: Option<u32>) -> String {
    images_per_class.map_or_else(|| "all images".to_owned(), |count| format!("{count} per class"))
}

/// A variant's name as part of a folder's.
pub(crate) fn slug(name: &str) -> String {
    name.chars().map(|c| if c.is_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Method;

    #[test]
    fn a_cell_is_claimed_once_and_released_when_unfinished() {
        let root = tempfile::tempdir().unwrap();
        let folder = RunFolder::at(root.path()).unwrap();
        let compare = CompareConfig {
            images_per_class: vec![5],
            methods: vec![Method::Head],
            seeds: vec![0, 1],
            ..CompareConfig::default()
        };
        let cells = Cells::of(&folder, &compare);
        let plan = super::super::plan(&compare);
        let claimed = cells.claim(&plan[0]).unwrap().unwrap();
        assert!(claimed.path().ends_with("cells/5-per-class-head-seed-0"));
        assert!(cells.claim(&plan[0]).unwrap().is_none());
        fs::write(cells.claim(&plan[1]).unwrap().unwrap().file("summary.json"), "torn").unwrap();
        assert!(cells.read(&plan[1]).unwrap_err().to_string().contains("summary.json"));
        assert!(cells.read(&plan[0]).unwrap().is_none());
        assert!(cells.release_unfinished(&plan).unwrap());
        assert!(cells.claim(&plan[0]).unwrap().is_some(), "given back");
        assert!(cells.claim(&plan[1]).unwrap().is_none(), "finished");
    }
}
