use std::fs;
use std::io::{BufRead, BufReader, BufWriter, Seek, SeekFrom, Write};
use std::path::PathBuf;

use records::Event;
use serde::Serialize;

use crate::{FolderError, RunFolder};

const METRICS: &str = "metrics.jsonl";

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
        let path = folder.file(METRICS);
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
        let path = folder.file(METRICS);
        let opened = fs::OpenOptions::new().create(true).write(true).truncate(false).open(&path);
        let file = opened.map_err(FolderError::write(&path))?;
        if let Err(fs::TryLockError::WouldBlock) = file.try_lock() {
            return Err(FolderError::StillRunning(folder.path().to_path_buf()));
        }
        file.set_len(0).map_err(FolderError::write(&path))?;
        Ok(Self { path, out: BufWriter::new(file), failure: None })
    }

    /// Opens it for a run that is resumed, after this number of lines; what an earlier process wrote after them is cut off.
    ///
    /// # Errors
    /// [`FolderError::StillRunning`] when another process is writing it, and when it cannot be written.
    pub fn resumed(folder: &RunFolder, lines: u64) -> Result<Self, FolderError> {
        let path = folder.file(METRICS);
        let opened = fs::OpenOptions::new().create(true).read(true).write(true).truncate(false).open(&path);
        let mut file = opened.map_err(FolderError::write(&path))?;
        if let Err(fs::TryLockError::WouldBlock) = file.try_lock() {
            return Err(FolderError::StillRunning(folder.path().to_path_buf()));
        }
        let mut cut = || -> std::io::Result<()> {
            let (_, end) = whole_lines(&file, lines)?;
            file.set_len(end)?;
            file.seek(SeekFrom::Start(end)).map(drop)
        };
        cut().map_err(FolderError::write(&path))?;
        Ok(Self { path, out: BufWriter::new(file), failure: None })
    }

    /// Returns the number of whole lines that the file of a run has; 0 where there is none.
    #[must_use]
    pub fn lines(folder: &RunFolder) -> u64 {
        let file = fs::File::open(folder.file(METRICS));
        file.and_then(|file| whole_lines(&file, u64::MAX)).map_or(0, |(lines, _)| lines)
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
            // What a state counts on has to outlive a power cut.
            Event::Saving => self.out.flush().and_then(|()| self.out.get_ref().sync_data()),
            Event::Raced { cell, .. } => self.line("arm", cell).and_then(|()| self.out.flush()),
            _ => Ok(()),
        };
        if let Err(error) = written {
            self.failure.get_or_insert(error);
        }
    }

    /// Writes what is buffered. The file stays locked for as long as this value lives.
    ///
    /// # Errors
    /// When this or an earlier line could not be written.
    pub fn finish(&mut self) -> Result<(), FolderError> {
        let flushed = self.out.flush();
        self.failure.take().map_or(flushed, Err).map_err(FolderError::write(&self.path))
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

/// Returns the number of whole lines, at most as many as asked for, and where the last of them ends, in bytes.
fn whole_lines(file: &fs::File, at_most: u64) -> std::io::Result<(u64, u64)> {
    let mut reader = BufReader::new(file);
    let (mut lines, mut end, mut line) = (0, 0, Vec::new());
    while lines < at_most {
        line.clear();
        let length = reader.read_until(b'\n', &mut line)?;
        if !line.ends_with(b"\n") {
            break;
        }
        lines += 1;
        end += length as u64;
    }
    Ok((lines, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_torn_line_and_those_that_no_state_counts_are_cut_off() {
        let home = tempfile::tempdir().unwrap();
        let folder = RunFolder::of_another(home.path());
        let file = folder.file(METRICS);
        assert_eq!(Metrics::lines(&folder), 0);
        for (text, whole, lines, kept) in [
            ("a\nb\nc", 2, 2, "a\nb\n"),
            ("a\nb\nc\n", 3, 2, "a\nb\n"),
            ("a\nb\n", 2, 0, ""),
            ("a\nb\n", 2, 5, "a\nb\n"),
        ] {
            fs::write(&file, text).unwrap();
            assert_eq!(Metrics::lines(&folder), whole, "{text:?}");
            let mut metrics = Metrics::resumed(&folder, lines).unwrap();
            assert!(matches!(Metrics::resumed(&folder, 0), Err(FolderError::StillRunning(_))));
            metrics.out.write_all(b"more\n").unwrap();
            metrics.finish().unwrap();
            assert_eq!(fs::read_to_string(&file).unwrap(), format!("{kept}more\n"), "{text:?}");
        }
    }
}
