//! The folder of a run: `config.toml`, `summary.json`, `metrics.jsonl`, `report.html`, `model.safetensors`,
//! `predictions.csv` of a fold, `checkpoints/` and TensorBoard's `events/`. No earlier result is ever overwritten.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use predictions::Predictions;
use records::{AdviceRecord, AuditRecord, ComparisonRecord, Depth, Event, RunRecord, SearchRecord};
use run_config::Config;
use serde::Serialize;

/// Why the folder of a run cannot be used or written.
#[derive(Debug, thiserror::Error)]
pub enum FolderError {
    /// Something is there already.
    #[error("{} exists already and is not overwritten; choose another folder with --out, or remove it", .0.display())]
    Taken(PathBuf),
    /// A single run, which cannot be resumed.
    #[error("{} is a single run, and only a comparison can be resumed; the nearest is a new run from its last weights: {command}", path.display())]
    SingleRun {
        /// The run's folder.
        path: PathBuf,
        /// The command for a new run from its last weights.
        command: String,
    },
    /// A comparison of another configuration.
    #[error("{} does not hold a comparison of this configuration; resume with the configuration and options it was begun with, or begin a new one with --out", .0.display())]
    OtherComparison(PathBuf),
    /// A search of another configuration.
    #[error("{} does not hold a search of this configuration; resume with the configuration and options it was begun with (the budget may differ), or begin a new one with --out", .0.display())]
    OtherSearch(PathBuf),
    /// Another process carries out the comparison or search.
    #[error("{} is still being worked on; wait for it, or stop it first", .0.display())]
    StillRunning(PathBuf),
    /// A file could not be read or written.
    #[error(transparent)]
    File(#[from] files::Error),
    /// Predictions could not be written.
    #[error(transparent)]
    Predictions(#[from] predictions::Error),
    /// The report could not be written.
    #[error(transparent)]
    Report(#[from] report::Error),
    /// A record could not be turned into JSON or TOML.
    #[error("cannot write the {what}: {message}")]
    Serialise {
        /// What was to be written.
        what: &'static str,
        /// The serialiser's message.
        message: String,
    },
}

impl FolderError {
    /// Returns a function for `map_err` on writing to `path`.
    pub(crate) fn write(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |source| files::Error { action: "write", path, source }.into()
    }
}

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
            if let Some(compare) = &mut config.compare {
                compare.jobs = 0;
            }
            config
        };
        let previous: Option<Config> = run_config::parse(&text).ok();
        if let Some(previous) = previous.as_ref().filter(|previous| previous.compare.is_none()) {
            return Err(FolderError::SingleRun {
                path: path.to_path_buf(),
                command: command_from_last_weights(path, previous),
            });
        }
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
        let without_budget = |config: Config| Config { search: None, ..config };
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

    /// Writes a run's `summary.json`, `report.html` and TensorBoard events.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn write_run(&self, record: &RunRecord) -> Result<(), FolderError> {
        self.write_json("summary.json", record)?;
        report::write_run(record, &self.path)?;
        report::events::write_run(record, &self.file("events"))?;
        Ok(())
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
        let events = self.file("events");
        if events.is_dir() {
            fs::remove_dir_all(&events).map_err(FolderError::write(&events))?;
        }
        report::events::write_comparison(record, &events)?;
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
        if fs::metadata(self.file("metrics.jsonl")).is_ok_and(|metrics| metrics.len() == 0) {
            let _ = fs::remove_file(self.file("metrics.jsonl"));
            let _ = fs::remove_file(self.file("config.toml"));
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
    pub(crate) fn write_json(&self, name: &str, record: &impl Serialize) -> Result<(), FolderError> {
        let text = serde_json::to_string_pretty(record)
            .map_err(|error| FolderError::Serialise { what: "summary", message: error.to_string() })?;
        Ok(files::write(&self.file(name), text + "\n")?)
    }
}

/// `metrics.jsonl`: a line for each step and each epoch, written as they happen.
#[derive(Debug)]
pub struct Metrics {
    path: PathBuf,
    out: BufWriter<fs::File>,
    failure: Option<std::io::Error>,
}

impl Metrics {
    /// Creates it in the run's folder.
    ///
    /// # Errors
    /// When it cannot be created.
    pub fn create(folder: &RunFolder) -> Result<Self, FolderError> {
        let path = folder.file("metrics.jsonl");
        let file = fs::File::create_new(&path).map_err(FolderError::write(&path))?;
        // Held as long as the run lasts, so that a running comparison is not resumed; ignored on a file system without locks.
        let _ = file.try_lock();
        Ok(Self { path, out: BufWriter::new(file), failure: None })
    }

    /// Opens it for a comparison that is resumed: the lines of finished cells are written again.
    ///
    /// # Errors
    /// [`FolderError::StillRunning`] when another process is writing it, and when it cannot be written.
    pub fn reopen(folder: &RunFolder) -> Result<Self, FolderError> {
        let path = folder.file("metrics.jsonl");
        let opened = fs::OpenOptions::new().create(true).write(true).truncate(false).open(&path);
        let file = opened.map_err(FolderError::write(&path))?;
        if let Err(fs::TryLockError::WouldBlock) = file.try_lock() {
            return Err(FolderError::StillRunning(folder.path().to_path_buf()));
        }
        file.set_len(0).map_err(FolderError::write(&path))?;
        Ok(Self { path, out: BufWriter::new(file), failure: None })
    }

    /// Writes the line of an event, if it has one. An error is reported by [`Metrics::finish`]: a listener cannot stop a run.
    pub fn listen(&mut self, event: &Event<'_>) {
        let written = match event {
            // At once, so that a reader of the file sees when training begins.
            Event::Stepped { record, .. } if record.step == 1 => {
                self.line("step", record).and_then(|()| self.out.flush())
            }
            Event::Stepped { record, .. } => self.line("step", record),
            Event::Epoch { record, .. } => self.line("epoch", record).and_then(|()| self.out.flush()),
            Event::HeadFit(record) => self.line("head", record).and_then(|()| self.out.flush()),
            Event::Cell { record, .. } => self.line("cell", record).and_then(|()| self.out.flush()),
            Event::Diverged { record, .. } => self.line("diverged", record).and_then(|()| self.out.flush()),
            Event::Raced { cell, .. } => self.line("arm", cell).and_then(|()| self.out.flush()),
            _ => Ok(()),
        };
        if let Err(error) = written {
            self.failure.get_or_insert(error);
        }
    }

    /// Writes what is buffered.
    ///
    /// # Errors
    /// When this or an earlier line could not be written.
    pub fn finish(mut self) -> Result<(), FolderError> {
        let flushed = self.out.flush();
        match self.failure.map_or(flushed, Err) {
            Ok(()) => Ok(()),
            Err(error) => Err(FolderError::write(self.path)(error)),
        }
    }

    fn line(&mut self, kind: &str, record: &impl Serialize) -> std::io::Result<()> {
        #[derive(Serialize)]
        struct Line<'a, R> {
            kind: &'a str,
            #[serde(flatten)]
            record: &'a R,
        }
        serde_json::to_writer(&mut self.out, &Line { kind, record })?;
        self.out.write_all(b"\n")
    }
}

/// Returns the command for a new run from the last weights of a single run.
fn command_from_last_weights(path: &Path, previous: &Config) -> String {
    let last = path.join("checkpoints/last.safetensors");
    let weights = if last.exists() { last } else { path.join("model.safetensors") };
    let depth = if previous.finetune.depth == Depth::Scratch { " --set finetune.depth=all" } else { "" };
    format!(
        "finetune --config {} --set model.weights={} --set finetune.head=keep{depth}",
        path.join("config.toml").display(),
        weights.display()
    )
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
