use std::collections::BTreeMap;
use std::fs;
use std::io;

use records::{Amount, CellRecord, DivergedRecord, RunRecord, TraceRecord};
use run_config::{CompareConfig, Run, slug};
use serde::de::DeserializeOwned;

use super::Cell;
use crate::Error;
use crate::model_file;
use crate::recipe::{Finished, Materials};
use crate::run_folder::RunFolder;

/// Ends a cell whose numbers ran away, in place of the summary of a run.
const DIVERGED: &str = "diverged.json";

/// The folders of a grid's cells. Making one is the claim to its run; `summary.json` or [`DIVERGED`], written last, ends it.
pub(super) struct Cells<'a> {
    folder: &'a RunFolder,
    compare: &'a CompareConfig,
    groups: &'a BTreeMap<String, Vec<String>>,
}

impl<'a> Cells<'a> {
    pub(super) fn of(folder: &'a RunFolder, compare: &'a CompareConfig, run: &'a Run) -> Self {
        Self { folder, compare, groups: &run.config.data.groups }
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
            if !folder.join("summary.json").exists() && !folder.join(DIVERGED).exists() {
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
        &self,
        folder: &RunFolder,
        run: &Run,
        materials: &Materials,
        finished: Finished,
    ) -> Result<(), Error> {
        let description = finished.description(materials);
        let Finished { mut record, backbone, .. } = finished;
        record.config = folder.write_config(&run.config)?;
        let model = folder.file("model.safetensors");
        let sha256 = model_file::save(&backbone, &description, &model)?;
        record.digests.insert("model.safetensors".to_owned(), sha256);
        if !self.compare.keep_models {
            fs::remove_file(&model).map_err(Error::write(model))?;
        }
        folder.write_summary(&record)
    }

    /// Notes that a cell's numbers ran away. The same seed gives the same numbers, so it is not tried again.
    pub(super) fn give_up(
        &self,
        cell: &Cell,
        folder: &RunFolder,
        run: &Run,
        why: &Error,
    ) -> Result<(), Error> {
        folder.write_config(&run.config)?;
        let record = DivergedRecord {
            variant: self.variant(cell).to_owned(),
            images_per_class: cell.images_per_class,
            method: self.method(cell).to_owned(),
            seed: cell.seed,
            message: why.to_string(),
        };
        folder.write_whole(DIVERGED, &record)
    }

    /// What came of a cell, once it is finished.
    pub(super) fn read(&self, cell: &Cell) -> Result<Option<RunRecord>, Error> {
        self.read_file(cell, "summary.json")
    }

    /// What is known of a cell whose numbers ran away.
    pub(super) fn read_diverged(&self, cell: &Cell) -> Result<Option<DivergedRecord>, Error> {
        self.read_file(cell, DIVERGED)
    }

    fn read_file<T: DeserializeOwned>(&self, cell: &Cell, name: &str) -> Result<Option<T>, Error> {
        let path = self.folder.file(&self.place(cell)).join(name);
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
        let answers = |label: &usize| measured.and_then(|measured| measured.answers.get(*label)).cloned();
        let of_group = |group: &String| {
            let members = self.groups.get(group)?;
            let labels =
                members.iter().filter_map(|member| run.data.classes.iter().position(|class| class == member));
            Some((group.clone(), labels.filter_map(|label| answers(&label)).collect::<String>()))
        };
        CellRecord {
            variant: self.variant(cell).to_owned(),
            images_per_class: cell.images_per_class,
            method: self.method(cell).to_owned(),
            seed: cell.seed,
            accuracy: measured.map_or(f64::NAN, |measured| measured.accuracy),
            balanced_accuracy: measured.map(|measured| measured.balanced_accuracy),
            groups: measured.map(|measured| measured.groups.clone()).unwrap_or_default(),
            answers: measured.map(|measured| measured.answers.concat()).unwrap_or_default(),
            group_answers: measured
                .map(|m| m.groups.keys().filter_map(of_group).collect())
                .unwrap_or_default(),
            training: comparison::training(run),
            model_sha256: run.digests.get("model.safetensors").cloned().unwrap_or_default(),
            seconds: run.seconds,
        }
    }

    /// How the training of a finished cell went.
    pub(super) fn trace(&self, cell: &Cell) -> Result<Option<TraceRecord>, Error> {
        let Some(mut run) = self.read(cell)? else { return Ok(None) };
        run.evaluations.clear();
        run.samples.clear();
        run.config.clear();
        Ok(Some(TraceRecord {
            variant: self.variant(cell).to_owned(),
            images_per_class: cell.images_per_class,
            method: self.method(cell).to_owned(),
            seed: cell.seed,
            run: Box::new(run),
        }))
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
        let amount = Amount(cell.images_per_class).short().replace(' ', "-");
        format!("cells/{variant}{amount}-{}-seed-{}", slug(self.method(cell)), cell.seed)
    }

    /// The setting's name, or the method's.
    fn method(&self, cell: &Cell) -> &str {
        let setting = cell.setting.and_then(|setting| self.compare.settings.get(setting));
        setting.map_or(cell.method.name(), |setting| &setting.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use run_config::Method;

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
        let groups = BTreeMap::new();
        let cells = Cells { folder: &folder, compare: &compare, groups: &groups };
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
