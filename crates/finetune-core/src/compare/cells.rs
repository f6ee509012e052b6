use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::num::NonZeroU32;

use comparison::{Ended, OutOfFold, Pooled};
use predictions::Predictions;
use records::{Amount, CellRecord, DivergedRecord, RunRecord, TraceRecord};
use run_config::{CompareConfig, Folds, Metric, Run, slug};
use serde::de::DeserializeOwned;

use super::{Cell, CompareError};
use crate::Error;
use crate::recipe::{Finished, Materials};
use run_folder::{Claim, FolderError, RunFolder};
use trained_model::model_file;

/// Marks a cell whose training diverged, in place of the summary of a run.
const DIVERGED: &str = "diverged.json";

/// Files of which one, written last, ends a cell.
const ENDS: [&str; 2] = ["summary.json", DIVERGED];

/// Folders of a comparison's cells. The process that has claimed one carries its run out; one of [`ENDS`] ends it.
pub(super) struct Cells<'a> {
    folder: &'a RunFolder,
    compare: &'a CompareConfig,
    groups: &'a BTreeMap<String, Vec<String>>,
}

impl<'a> Cells<'a> {
    pub(super) fn of(folder: &'a RunFolder, compare: &'a CompareConfig, run: &'a Run) -> Self {
        Self { folder, compare, groups: &run.config.data.groups }
    }

    /// Claims a cell that no process has begun, or whose process is gone; `None` for any other.
    pub(super) fn claim(&self, cell: &Cell) -> Result<Option<Claim>, Error> {
        Ok(Claim::take(&self.folder.file(&self.folder_name(cell)), &ENDS)?)
    }

    /// Writes the results of a finished cell.
    pub(super) fn write(
        &self,
        folder: &RunFolder,
        run: &Run,
        materials: &Materials,
        finished: Finished,
    ) -> Result<(), Error> {
        let description = finished.description(materials);
        let Finished { mut record, backbone, predictions, .. } = finished;
        record.config = folder.write_config(&run.config)?;
        let model = folder.file("model.safetensors");
        let sha256 = model_file::save(&backbone, &description, &model)?;
        record.digests.insert("model.safetensors".to_owned(), sha256);
        if !self.compare.keep_models {
            fs::remove_file(&model).map_err(FolderError::write(model))?;
        }
        let read = run.config.data.fold.is_some() || self.compare.judge_by != Metric::Accuracy;
        folder.write_predictions(predictions.as_ref().filter(|_| read))?;
        Ok(folder.write_json("summary.json", &record)?)
    }

    /// Records that the training of a cell diverged. The same seed gives the same numbers, so it is not tried again.
    pub(super) fn write_diverged(
        &self,
        cell: &Cell,
        folder: &RunFolder,
        run: &Run,
        error: &Error,
    ) -> Result<(), Error> {
        folder.write_config(&run.config)?;
        let record = DivergedRecord {
            variant: self.variant(cell).to_owned(),
            images_per_class: cell.images_per_class.map(NonZeroU32::get),
            method: self.method(cell).to_owned(),
            seed: cell.seed,
            fold: cell.fold.map(NonZeroU32::get),
            message: error.to_string(),
        };
        Ok(folder.write_json(DIVERGED, &record)?)
    }

    /// Reads the record of a cell; `None` until it is finished.
    pub(super) fn read(&self, cell: &Cell) -> Result<Option<RunRecord>, CompareError> {
        self.read_file(cell, "summary.json")
    }

    /// Reads the record of a cell whose training diverged; `None` for any other.
    pub(super) fn read_diverged(&self, cell: &Cell) -> Result<Option<DivergedRecord>, CompareError> {
        self.read_file(cell, DIVERGED)
    }

    fn read_file<T: DeserializeOwned>(&self, cell: &Cell, name: &str) -> Result<Option<T>, CompareError> {
        let path = self.folder.file(&self.folder_name(cell)).join(name);
        match fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text)
                .map(Some)
                .map_err(|error| CompareError::ForeignSummary { path, message: error.to_string() }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(files::Error { action: "read", path, source }.into()),
        }
    }

    /// Returns the line of a finished cell in the comparison's record.
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
            images_per_class: cell.images_per_class.map(NonZeroU32::get),
            method: self.method(cell).to_owned(),
            seed: cell.seed,
            fold: cell.fold.map(NonZeroU32::get),
            accuracy: measured.map_or(f64::NAN, |measured| measured.accuracy),
            chosen_on_these_images: measured.is_some_and(|measured| measured.chosen_on_these_images),
            balanced_accuracy: measured.map(|measured| measured.balanced_accuracy),
            metrics: measured.map(comparison::metrics).unwrap_or_default(),
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

    /// Returns the course of a finished cell's training; `None` until it is finished.
    pub(super) fn trace(&self, cell: &Cell) -> Result<Option<TraceRecord>, CompareError> {
        let Some(mut run) = self.read(cell)? else { return Ok(None) };
        run.evaluations.clear();
        run.samples.clear();
        run.config.clear();
        Ok(Some(TraceRecord {
            variant: self.variant(cell).to_owned(),
            images_per_class: cell.images_per_class.map(NonZeroU32::get),
            method: self.method(cell).to_owned(),
            seed: cell.seed,
            run: Box::new(run),
        }))
    }

    /// Returns the folds of each setting and seed taken together, and writes all their predictions into one file for each
    /// variant, `out-of-fold.csv`.
    pub(super) fn pooled(
        &self,
        plan: &[Cell],
        ended: &[Option<Ended>],
        folds: Folds,
    ) -> Result<Pooled, Error> {
        let file = |variant: &str| match variant {
            "" => self.folder.file("out-of-fold.csv"),
            variant => self.folder.file(&format!("out-of-fold-{}.csv", slug(variant))),
        };
        let mut taken = OutOfFold::new(&file);
        for (cell, ended) in plan.iter().zip(ended) {
            if let Some(ended) = ended {
                let predictions = self.folder.file(&self.folder_name(cell)).join("predictions.csv");
                taken.add(ended, &predictions).map_err(FolderError::from)?;
            }
        }
        Ok(taken.finish(folds.get(), self.groups).map_err(FolderError::from)?)
    }

    /// Returns what a finished cell predicts for the images that it is judged by.
    pub(super) fn predictions(&self, cell: &Cell) -> Result<Predictions, Error> {
        let mut read = self.read_predictions(cell).map_err(FolderError::from)?;
        // The same position is the same image under every setting.
        read.images.sort_by(|a, b| (a.label, &a.path).cmp(&(b.label, &b.path)));
        Ok(read)
    }

    fn read_predictions(&self, cell: &Cell) -> Result<Predictions, predictions::Error> {
        Predictions::read(&self.folder.file(&self.folder_name(cell)).join("predictions.csv"))
    }

    fn variant(&self, cell: &Cell) -> &str {
        self.compare.variants.get(cell.variant).map_or("", |variant| &variant.name)
    }

    /// Returns for example `cells/held-out-faces-5-per-class-head-seed-0`, of a fold with `-fold-1`.
    fn folder_name(&self, cell: &Cell) -> String {
        let variant = match self.variant(cell) {
            "" => String::new(),
            name => format!("{}-", slug(name)),
        };
        let amount = Amount(cell.images_per_class.map(NonZeroU32::get)).short().replace(' ', "-");
        let fold = cell.fold.map_or_else(String::new, |fold| format!("-fold-{fold}"));
        format!("cells/{variant}{amount}-{}-seed-{}{fold}", slug(self.method(cell)), cell.seed)
    }

    /// Returns the setting's name, or the method's.
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
    fn a_cell_is_claimed_once_until_its_process_is_gone() {
        let root = tempfile::tempdir().unwrap();
        let folder = RunFolder::at(root.path()).unwrap();
        let compare = CompareConfig {
            images_per_class: NonZeroU32::new(5).into_iter().collect(),
            methods: vec![Method::Head],
            seeds: vec![0, 1],
            ..CompareConfig::default()
        };
        let groups = BTreeMap::new();
        let cells = Cells { folder: &folder, compare: &compare, groups: &groups };
        let plan = super::super::plan(&compare, None);
        let claimed = cells.claim(&plan[0]).unwrap().unwrap();
        assert!(claimed.folder().path().ends_with("cells/5-per-class-head-seed-0"));
        assert!(cells.claim(&plan[0]).unwrap().is_none());
        fs::write(cells.claim(&plan[1]).unwrap().unwrap().folder().file("summary.json"), "torn").unwrap();
        assert!(cells.read(&plan[1]).unwrap_err().to_string().contains("summary.json"));
        assert!(cells.read(&plan[0]).unwrap().is_none());
        drop(claimed);
        assert!(cells.claim(&plan[0]).unwrap().is_some(), "its process is gone");
        assert!(cells.claim(&plan[1]).unwrap().is_none(), "finished");
    }
}
