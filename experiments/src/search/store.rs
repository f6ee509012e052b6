//! The finished cells as files below `docs/search`: one for each data set, one line for each cell.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use super::record::Record;

/// Reads all finished cells of a folder.
///
/// # Errors
/// A file cannot be read; a line is no record.
pub(super) fn read(folder: &Path) -> Result<Vec<Record>> {
    let mut paths: Vec<PathBuf> = match fs::read_dir(folder) {
        Ok(entries) => entries.flatten().map(|entry| entry.path()).collect(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", folder.display())),
    };
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "jsonl"));
    paths.sort();
    let mut records = Vec::new();
    for path in paths {
        let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
        for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            let at = || format!("{}:{} is no finished cell", path.display(), number + 1);
            records.push(serde_json::from_str(line).with_context(at)?);
        }
    }
    Ok(records)
}

/// Appends a finished cell, one process at a time.
pub(super) fn append(folder: &Path, record: &Record) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let path = folder.join(format!("{}.jsonl", record.set));
    let write = || -> Result<()> {
        let mut file = OpenOptions::new().append(true).create(true).open(&path)?;
        file.lock()?;
        file.write_all((serde_json::to_string(record)? + "\n").as_bytes())?;
        Ok(())
    };
    write().with_context(|| format!("cannot write {}", path.display()))
}

/// The right to carry out a cell, for as long as it is held: no other process has it.
pub(super) struct Claim {
    _held: File,
}

impl Claim {
    /// `None` where another process holds it.
    pub(super) fn of(folder: &Path, cell: &str) -> Result<Option<Self>> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let path = folder.join(format!("{cell}.claim"));
        let file = File::create(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(file.try_lock().is_ok().then_some(Self { _held: file }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::record::tests::record;
    use super::*;

    #[test]
    fn lines_are_appended_and_a_torn_one_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        assert!(read(&folder.join("none")).unwrap().is_empty());
        let records = [
            record("a", "head", 0, &[true]),
            record("b", "head", 0, &[true]),
            record("a", "all", 1, &[false]),
        ];
        records.iter().for_each(|record| append(folder, record).unwrap());
        let found = read(folder).unwrap();
        assert_eq!(found, [&records[0], &records[2], &records[1]].map(Clone::clone));
        fs::write(folder.join("a.jsonl"), "{}\n").unwrap();
        assert!(read(folder).unwrap_err().to_string().contains("a.jsonl:1"));
    }

    #[test]
    fn a_cell_is_claimed_once() {
        let folder = tempfile::tempdir().unwrap();
        let first = Claim::of(folder.path(), "x").unwrap();
        assert!(first.is_some() && Claim::of(folder.path(), "x").unwrap().is_none());
        drop(first);
        assert!(Claim::of(folder.path(), "x").unwrap().is_some());
    }
}
