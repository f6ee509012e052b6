//! The folder of a run: `config.toml`, `summary.json`, `metrics.jsonl`, `report.html`, `model.safetensors`,
//! `checkpoints/` and TensorBoard's `events/`. Nothing that is there is ever overwritten.

use std::fs;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use records::{AdviceRecord, ComparisonRecord, Depth, Event, RunRecord};
use run_config::Config;
use serde::Serialize;

use crate::Error;

/// A fresh folder for the results of a run.
#[derive(Clone, Debug)]
pub struct RunFolder {
    path: PathBuf,
}

impl RunFolder {
    /// Takes the place that the user named. An empty folder is taken as it is.
    ///
    /// # Errors
    /// When something is there already, or it cannot be made.
    pub fn at(path: &Path) -> Result<Self, Error> {
        let empty = match fs::read_dir(path) {
            Ok(mut entries) => entries.next().is_none(),
            Err(_) => !path.exists(),
        };
        if !empty {
            return Err(Error::FolderTaken(path.to_path_buf()));
        }
        fs::create_dir_all(path).map_err(Error::write(path))?;
        Ok(Self { path: path.to_path_buf() })
    }

    /// `runs/NAME`, or the first of `runs/NAME-2`, `runs/NAME-3`, ... that is free.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn numbered(runs: &Path, name: &str) -> Result<Self, Error> {
        let mut number = 1;
        loop {
            let path = runs.join(if number == 1 { name.to_owned() } else { format!("{name}-{number}") });
            match Self::at(&path) {
                Err(Error::FolderTaken(_)) => number += 1,
                other => return other,
            }
        }
    }

    /// The folder of a comparison that was cut off, to go on with it.
    ///
    /// # Errors
    /// When it holds none, or that of another configuration; the number of `compare.jobs` may differ.
    pub fn resumed(path: &Path, config: &Config) -> Result<Self, Error> {
        let file = path.join("config.toml");
        let text = fs::read_to_string(&file).map_err(|source| Error::Read { path: file, source })?;
        let without_jobs = |config: &Config| {
            let mut config = config.clone();
            if let Some(compare) = &mut config.compare {
                compare.jobs = 0;
            }
            config
        };
        let kept: Option<Config> = run_config::parse(&text).ok();
        if let Some(kept) = kept.as_ref().filter(|kept| kept.compare.is_none()) {
            return Err(Error::SingleRun {
                path: path.to_path_buf(),
                command: nearest_to_resuming(path, kept),
            });
        }
        let same =
            kept.is_some_and(|kept| kept.compare.is_some() && without_jobs(&kept) == without_jobs(config));
        if same { Ok(Self::of_another(path)) } else { Err(Error::OtherComparison(path.to_path_buf())) }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of a file or folder in it.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// The folder of a run that another process carries out.
    #[must_use]
    pub fn of_another(path: &Path) -> Self {
        Self { path: path.to_path_buf() }
    }

    /// The folder for checkpoints, made if need be.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn checkpoints(&self) -> Result<PathBuf, Error> {
        let path = self.file("checkpoints");
        fs::create_dir_all(&path).map_err(Error::write(&path))?;
        Ok(path)
    }

    /// Writes `config.toml`: the configuration with every default filled in.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_config(&self, config: &Config) -> Result<String, Error> {
        let text = toml::to_string(config)
            .map_err(|error| Error::Serialise { what: "configuration", message: error.to_string() })?;
        let path = self.file("config.toml");
        fs::write(&path, &text).map_err(Error::write(path))?;
        Ok(text)
    }

    /// Writes a run's `summary.json`, `report.html` and TensorBoard events.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn write_run(&self, record: &RunRecord) -> Result<(), Error> {
        self.write_summary(record)?;
        report::write_run(record, &self.path)?;
        report::events::write_run(record, &self.file("events"))?;
        Ok(())
    }

    /// Writes a grid's `summary.json`, `report.html`, `figures/` and TensorBoard events, which take the place of those of a
    /// comparison that was resumed.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn write_comparison(&self, record: &ComparisonRecord) -> Result<(), Error> {
        self.write_summary(record)?;
        report::write_comparison(record, &self.path)?;
        report::write_figures(record, &self.path)?;
        let events = self.file("events");
        if events.is_dir() {
            fs::remove_dir_all(&events).map_err(Error::write(&events))?;
        }
        report::events::write_comparison(record, &events)?;
        Ok(())
    }

    /// Writes an advice's `summary.json`, `report.html` and TensorBoard events.
    ///
    /// # Errors
    /// When one cannot be written.
    pub fn write_advice(&self, record: &AdviceRecord) -> Result<(), Error> {
        self.write_summary(record)?;
        report::write_advice(record, &self.path)?;
        report::events::write_advice(record, &self.file("events"))?;
        Ok(())
    }

    /// Writes `summary.json`, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write_summary(&self, record: &impl Serialize) -> Result<(), Error> {
        self.write_whole("summary.json", record)
    }

    /// Writes a JSON file, whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn write_whole(&self, name: &str, record: &impl Serialize) -> Result<(), Error> {
        let path = self.file(name);
        let text = serde_json::to_string_pretty(record)
            .map_err(|error| Error::Serialise { what: "summary", message: error.to_string() })?;
        let unfinished = self.file(&format!("{name}.part"));
        fs::write(&unfinished, text + "\n").and_then(|()| fs::rename(&unfinished, &path)).map_err(|error| {
            let _ = fs::remove_file(&unfinished);
            Error::write(path)(error)
        })
    }
}

/// `metrics.jsonl`: a line for each optimizer step and each epoch, as they happen.
#[derive(Debug)]
pub struct Metrics {
    path: PathBuf,
    out: BufWriter<fs::File>,
    failure: Option<std::io::Error>,
}

impl Metrics {
    /// Opens it in the run's folder.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn create(folder: &RunFolder) -> Result<Self, Error> {
        let path = folder.file("metrics.jsonl");
        let file = fs::File::create_new(&path).map_err(Error::write(&path))?;
        // Held as long as the run lasts, so that nobody resumes what is still going on. Where a file system knows no locks
        // there is nobody to tell.
        let _ = file.try_lock();
        Ok(Self { path, out: BufWriter::new(file), failure: None })
    }

    /// Opens it anew for a comparison that goes on: what its finished cells have to say is written again.
    ///
    /// # Errors
    /// When another process is still writing it, or it cannot be written.
    pub fn again(folder: &RunFolder) -> Result<Self, Error> {
        let path = folder.file("metrics.jsonl");
        let opened = fs::OpenOptions::new().create(true).write(true).truncate(false).open(&path);
        let file = opened.map_err(Error::write(&path))?;
        if let Err(fs::TryLockError::WouldBlock) = file.try_lock() {
            return Err(Error::StillRunning(folder.path().to_path_buf()));
        }
        file.set_len(0).map_err(Error::write(&path))?;
        Ok(Self { path, out: BufWriter::new(file), failure: None })
    }

    /// Writes what belongs into it. A failure is kept for [`Metrics::finish`]: a listener cannot stop a run.
    pub fn listen(&mut self, event: &Event<'_>) {
        let written = match event {
            // Whoever watches the file sees when training has begun.
            Event::Stepped { record, .. } if record.step == 1 => {
                self.line("step", record).and_then(|()| self.out.flush())
            }
            Event::Stepped { record, .. } => self.line("step", record),
            Event::Epoch { record, .. } => self.line("epoch", record).and_then(|()| self.out.flush()),
            Event::Cell { record, .. } => self.line("cell", record).and_then(|()| self.out.flush()),
            Event::Diverged { record, .. } => self.line("diverged", record).and_then(|()| self.out.flush()),
            _ => Ok(()),
        };
        if let Err(error) = written {
            self.failure.get_or_insert(error);
        }
    }

    /// Writes the rest.
    ///
    /// # Errors
    /// When this or an earlier line could not be written.
    pub fn finish(mut self) -> Result<(), Error> {
        let flushed = self.out.flush();
        match self.failure.map_or(flushed, Err) {
            Ok(()) => Ok(()),
            Err(error) => Err(Error::write(self.path)(error)),
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

/// The command that comes nearest to going on with a single run: a new one from its last weights.
fn nearest_to_resuming(path: &Path, kept: &Config) -> String {
    let last = path.join("checkpoints/last.safetensors");
    let weights = if last.exists() { last } else { path.join("model.safetensors") };
    let depth = if kept.finetune.depth == Depth::Scratch { " --set finetune.depth=all" } else { "" };
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
        assert!(matches!(RunFolder::at(first.path()), Err(Error::FolderTaken(_))));
        let file = runs.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(matches!(RunFolder::at(&file), Err(Error::FolderTaken(_))));
    }
}
