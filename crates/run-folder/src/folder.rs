use std::fs;
use std::path::{Path, PathBuf};

use predictions::Predictions;
use records::{AdviceRecord, AuditRecord, ComparisonRecord, RunRecord, SearchRecord};
use run_config::{Config, RunConfig};
use serde::Serialize;

use crate::FolderError;

/// The folder for the results of a run.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Creates the folder that the user named, or takes an empty one.
    ///
    /// # Errors
    /// [`FolderError::Taken`] when something is there already, and when it cannot be created.
    pub fn at(path: &Path) -> Result<Self, FolderError> {
        if !Self::is_free(path) {
            return Err(FolderError::Taken(path.to_path_buf()));
        }
        fs::create_dir_all(path).map_err(FolderError::write(path))?;
        Ok(Self { path: path.to_path_buf() })
    }

    /// Creates the folder that the user named, or takes one in which a process was cut off before it had written down its
    /// configuration.
    ///
    /// # Errors
    /// As [`RunFolder::at`].
    pub fn at_or_cut_off(path: &Path) -> Result<Self, FolderError> {
        let left = [path.join("config.toml"), path.join("state/config.toml"), path.join("summary.json")];
        if !left.iter().any(|file| file.exists()) {
            Self::of_another(path).forget_if_empty();
        }
        Self::at(path)
    }

    /// Whether a folder is empty or not there.
    #[must_use]
    pub fn is_free(path: &Path) -> bool {
        match fs::read_dir(path) {
            Ok(mut entries) => entries.next().is_none(),
            Err(_) => !path.exists(),
        }
    }

    /// Creates `runs/NAME`, or the first of `runs/NAME-2`, `runs/NAME-3`, ... that is free.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn numbered(runs: &Path, name: &str) -> Result<Self, FolderError> {
        let mut number = 1;
        loop {
            let path = runs.join(if number == 1 { name.to_owned() } else { format!("{name}-{number}") });
            match Self::at(&path) {
                Err(FolderError::Taken(_)) => number += 1,
                other => return other,
            }
        }
    }

    /// Opens the folder of a comparison that was cut off, to resume it.
    ///
    /// # Errors
    /// When it holds none, or one of another configuration; `compare.jobs` may differ.
    pub fn resumed(path: &Path, config: &Config) -> Result<Self, FolderError> {
        let file = path.join("config.toml");
        let text = fs::read_to_string(&file).map_err(|source| files::Error {
            action: "read",
            path: file,
            source,
        })?;
        let without_jobs = |config: &Config| {
            let mut config = config.clone();
            config.run.name = None;
            if let Some(compare) = &mut config.compare {
                compare.jobs = 0;
            }
            config
        };
        let previous: Option<Config> = run_config::parse(&text).ok();
        let same = previous.is_some_and(|previous| {
            previous.compare.is_some() && without_jobs(&previous) == without_jobs(config)
        });
        if same { Ok(Self::of_another(path)) } else { Err(FolderError::OtherComparison(path.to_path_buf())) }
    }

    /// Opens the folder of a search, to resume it or to spend more on it.
    ///
    /// # Errors
    /// When it holds none, or one of another configuration; budget and threads may differ.
    pub fn resumed_search(path: &Path, config: &Config) -> Result<Self, FolderError> {
        let file = path.join("config.toml");
        let text = fs::read_to_string(&file).map_err(|source| files::Error {
            action: "read",
            path: file,
            source,
        })?;
        let without_budget = |config: Config| {
            let run = RunConfig { name: None, ..config.run };
            Config { search: None, run, ..config }
        };
        let kept = run_config::parse(&text).ok().map(without_budget);
        let same = kept.is_some_and(|kept| kept == without_budget(config.clone()));
        if same { Ok(Self::of_another(path)) } else { Err(FolderError::OtherSearch(path.to_path_buf())) }
    }

    /// Path of the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Path of a file or folder in it.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Opens the folder of a run that another process carries out.
    #[must_use]
    pub fn of_another(path: &Path) -> Self {
        Self { path: path.to_path_buf() }
    }

    /// Returns the folder for checkpoints, created if need be.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn checkpoints(&self) -> Result<PathBuf, FolderError> {
        let path = self.file("checkpoints");
        fs::create_dir_all(&path).map_err(FolderError::write(&path))?;
        Ok(path)
    }

    /// Writes `config.toml`, the configuration with every default, and returns its text.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_config(&self, config: &Config) -> Result<String, FolderError> {
        let text = toml::to_string(config)
            .map_err(|error| FolderError::Serialise { what: "configuration", message: error.to_string() })?;
        files::write(&self.file("config.toml"), &text)?;
        Ok(text)
    }

    /// Writes `config.toml` with the name of a comparison or search, which a configuration without one gets from its file.
    ///
    /// # Errors
    /// As [`RunFolder::write_config`].
    pub fn write_named_config(&self, config: &Config, name: &str) -> Result<String, FolderError> {
        let mut named = config.clone();
        named.run.name.get_or_insert_with(|| name.to_owned());
        self.write_config(&named)
    }

    /// Writes `predictions.csv`, what a run predicts for the images that it is judged by.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_predictions(&self, predictions: Option<&Predictions>) -> Result<(), FolderError> {
        match predictions {
            Some(predictions) => Ok(predictions.write(&self.file("predictions.csv"))?),
            None => Ok(()),
        }
    }

    /// Writes a run's `report.html` and TensorBoard events, which replace those of a run that was resumed, and last its
    /// `summary.json`: where that is, the run is whole.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn write_run(&self, record: &RunRecord) -> Result<(), FolderError> {
        report::write_run(record, &self.path)?;
        let events = self.without_events()?;
        report::events::write_run(record, &events)?;
        self.write_json("summary.json", record)
    }

    /// Reads the summary of a run; `None` where there is none.
    #[must_use]
    pub fn summary(&self) -> Option<RunRecord> {
        let text = fs::read_to_string(self.file("summary.json")).ok()?;
        serde_json::from_str(&text).ok()
    }

    /// Removes the summary of a run that is resumed: it is not whole until there is another one.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn forget_summary(&self) -> Result<(), FolderError> {
        let path = self.file("summary.json");
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(FolderError::write(path)(error))
            }
            _ => Ok(()),
        }
    }

    /// Returns the folder for events, without those of a process that was cut off.
    fn without_events(&self) -> Result<PathBuf, FolderError> {
        let events = self.file("events");
        if events.is_dir() {
            fs::remove_dir_all(&events).map_err(FolderError::write(&events))?;
        }
        Ok(events)
    }

    /// Writes a comparison's `summary.json`, `report.html`, `figures/` and TensorBoard events, which replace those of a
    /// comparison that was resumed.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn write_comparison(&self, record: &ComparisonRecord) -> Result<(), FolderError> {
        self.write_json("summary.json", record)?;
        report::write_comparison(record, &self.path)?;
        report::write_figures(record, &self.path)?;
        report::events::write_comparison(record, &self.without_events()?)?;
        Ok(())
    }

    /// Writes an advice's `summary.json`, `report.html` and TensorBoard events.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn write_advice(&self, record: &AdviceRecord) -> Result<(), FolderError> {
        self.write_json("summary.json", record)?;
        report::write_advice(record, &self.path)?;
        report::events::write_advice(record, &self.file("events"))?;
        Ok(())
    }

    /// Writes a search's `search.json` and `report.html`, and `chosen.toml`, the configuration of the arm to take. They
    /// replace those of a search that was resumed.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn write_search(&self, record: &SearchRecord, chosen: &Config) -> Result<(), FolderError> {
        let text = toml::to_string(chosen)
            .map_err(|error| FolderError::Serialise { what: "configuration", message: error.to_string() })?;
        files::write(&self.file("chosen.toml"), text)?;
        report::write_search(record, &self.path)?;
        self.write_json("search.json", record)
    }

    /// Removes the folder where nothing came of it: it should not look like a run.
    pub fn forget_if_empty(&self) {
        let metrics = fs::metadata(self.file("metrics.jsonl")).ok();
        if metrics.as_ref().is_some_and(|metrics| metrics.len() == 0) {
            let _ = fs::remove_file(self.file("metrics.jsonl"));
            let _ = fs::remove_file(self.file("config.toml"));
        }
        if metrics.is_none_or(|metrics| metrics.len() == 0) {
            let _ = fs::remove_dir_all(self.file("state"));
        }
        let _ = fs::remove_dir(self.file("cells"));
        let _ = fs::remove_dir(self.path());
    }

    /// Writes an audit's `audit.json` and `report.html`, and `exclude.toml` where there is a list of corrections.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn write_audit(&self, record: &AuditRecord, list: Option<&str>) -> Result<(), FolderError> {
        self.write_json("audit.json", record)?;
        report::write_audit(record, &self.path)?;
        match list {
            Some(list) => Ok(files::write(&self.file("exclude.toml"), list)?),
            None => Ok(()),
        }
    }

    /// Writes a JSON file, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_json(&self, name: &str, record: &impl Serialize) -> Result<(), FolderError> {
        let text = serde_json::to_string_pretty(record)
            .map_err(|error| FolderError::Serialise { what: "summary", message: error.to_string() })?;
        Ok(files::write(&self.file(name), text + "\n")?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_overwritten() {
        let runs = tempfile::tempdir().unwrap();
        let first = RunFolder::numbered(runs.path(), "a").unwrap();
        fs::write(first.file("model.safetensors"), "x").unwrap();
        let second = RunFolder::numbered(runs.path(), "a").unwrap();
        assert_eq!(second.path(), runs.path().join("a-2"));
        assert!(matches!(RunFolder::at(first.path()), Err(FolderError::Taken(_))));
        let file = runs.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(matches!(RunFolder::at(&file), Err(FolderError::Taken(_))));
    }
}
