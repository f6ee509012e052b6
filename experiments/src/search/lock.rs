//! The commit that locks: after it, held-out sets may be measured.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use xtask::process;
use xtask::workspace::Workspace;

use super::plan::{SEEDS, SIZES};
use super::sets::{Part, SETS};
use super::settings::{Kind, SETTINGS};

/// What was locked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Lock {
    /// The commit that has code, thresholds, prior and calibration map.
    pub(super) commit: String,
    /// When, as `2026-01-31`.
    pub(super) day: String,
    /// The held-out sets.
    pub(super) sets: Vec<String>,
    pub(super) settings: Vec<String>,
    pub(super) sizes: Vec<usize>,
    pub(super) seeds: u64,
}

/// Whether held-out sets may be measured.
pub(super) fn is_there(results: &Path) -> bool {
    path(results).is_file()
}

/// Reads the lock; `None` where there is none.
pub(super) fn read(results: &Path) -> Result<Option<Lock>> {
    if !is_there(results) {
        return Ok(None);
    }
    let path = path(results);
    let text = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Some(serde_json::from_slice(&text).with_context(|| format!("{} is no lock", path.display()))?))
}

/// Records the commit that is checked out, which must have everything.
///
/// # Errors
/// There is a lock; something is not committed.
pub(super) fn write(workspace: &Workspace, results: &Path) -> Result<()> {
    if is_there(results) {
        bail!("{} is there: held-out sets are measured once", path(results).display());
    }
    let ask = |program: &str, words: &[&str]| {
        process::ask(Command::new(program).args(words).current_dir(&workspace.root))
    };
    let commit = ask("git", &["rev-parse", "HEAD"]).context("this is no checkout of git")?;
    let changed =
        ask("git", &["status", "--porcelain", "--untracked-files=no"]).context("git has no status")?;
    if !changed.is_empty() {
        bail!("something is not committed: {changed}");
    }
    let lock = Lock {
        commit,
        day: ask("date", &["-u", "+%F"]).context("there is no date")?,
        sets: SETS.iter().filter(|set| set.part == Part::HeldOut).map(|set| set.name.to_owned()).collect(),
        settings: SETTINGS
            .iter()
            .filter(|setting| !matches!(setting.kind, Kind::Growth | Kind::Earlier))
            .map(|setting| setting.name.to_owned())
            .collect(),
        sizes: SIZES.to_vec(),
        seeds: SEEDS,
    };
    fs::create_dir_all(results).with_context(|| format!("cannot make {}", results.display()))?;
    files::write(&path(results), serde_json::to_string_pretty(&lock)? + "\n")?;
    anstream::println!(
        "Locked at {}. Commit docs/search/lock.json before the first held-out cell.",
        lock.commit
    );
    Ok(())
}

fn path(results: &Path) -> PathBuf {
    results.join("lock.json")
}
