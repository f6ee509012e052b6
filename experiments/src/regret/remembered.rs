//! What was measured of each task, as `docs/regret/TASK.json`: a comparison takes an hour, and is not run again for a table.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde::{Deserialize, Serialize};

use super::outcome::{Advised, Outcome, Tried};
use super::tasks::Task;

/// A task's file.
#[derive(Serialize, Deserialize)]
struct Measured {
    /// The commit and the compiler of the program.
    program: String,
    day: String,
    /// Test accuracy of each depth for each seed.
    accuracies: BTreeMap<String, Vec<f64>>,
    /// Test accuracy of the runs that followed the advice.
    followed: Vec<f64>,
    advised: Vec<Advised>,
}

/// Reads what was measured of a task; `None` where nothing was, or not all depths of the comparison of today.
///
/// # Errors
/// The file cannot be read.
pub(super) fn read(folder: &Path, task: &'static Task) -> Result<Option<Outcome>> {
    let path = file(folder, task);
    if !path.exists() {
        return Ok(None);
    }
    let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let Measured { program, day, mut accuracies, followed, advised } =
        serde_json::from_slice(&text).with_context(|| format!("{} is of an unknown form", path.display()))?;
    let depths: Option<Vec<Tried>> = task
        .source
        .depths()
        .iter()
        .map(|&(depth, trained)| {
            accuracies.remove(depth).map(|accuracies| Tried { depth, trained, accuracies })
        })
        .collect();
    Ok(depths.map(|depths| Outcome { task, depths, advised, followed, program, day }))
}

/// Writes a task's file.
///
/// # Errors
/// It cannot be written.
pub(super) fn write(folder: &Path, outcome: &Outcome) -> Result<()> {
    let Outcome { task, depths, advised, followed, program, day } = outcome;
    let accuracies = depths.iter().map(|tried| (tried.depth.to_owned(), tried.accuracies.clone())).collect();
    let measured = Measured {
        program: program.clone(),
        day: day.clone(),
        accuracies,
        followed: followed.clone(),
        advised: advised.clone(),
    };
    let path = file(folder, task);
    let text = serde_json::to_string_pretty(&measured)? + "\n";
    Ok(files::write(&path, text)?)
}

fn file(folder: &Path, task: &Task) -> PathBuf {
    folder.join(format!("{}.json", task.name))
}

#[cfg(test)]
mod tests {
    use super::super::tasks::TASKS;
    use super::*;

    #[test]
    fn what_was_written_is_read_and_one_of_other_depths_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let task = &TASKS[0];
        assert!(read(folder.path(), task).unwrap().is_none());
        let tried = |&(depth, trained): &(&'static str, Option<usize>)| Tried {
            depth,
            trained,
            accuracies: vec![0.5, 0.25],
        };
        let mut outcome = Outcome {
            task,
            depths: task.source.depths().iter().map(tried).collect(),
            advised: Vec::new(),
            followed: vec![0.5],
            program: "commit abc".to_owned(),
            day: "2026-01-31".to_owned(),
        };
        write(folder.path(), &outcome).unwrap();
        let found = read(folder.path(), task).unwrap().unwrap();
        assert_eq!(found.depths[1].accuracies, [0.5, 0.25]);
        assert_eq!((found.program.as_str(), found.followed.as_slice()), ("commit abc", &[0.5][..]));
        outcome.depths.pop();
        write(folder.path(), &outcome).unwrap();
        assert!(read(folder.path(), task).unwrap().is_none());
    }
}
