//! What was measured before, stored next to the page, which can be made work by work.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::Result;
use serde::{Deserialize, Serialize};

use super::machine::Machine;
use super::table::Outcomes;
use super::works::Work;

/// Of each work what was measured last.
pub(super) type Remembered = BTreeMap<Work, Measured>;

/// All runs of a work, its sides in turn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Measured {
    /// Where, with what, and when.
    pub(super) machine: Machine,
    /// As in `--precision`.
    pub(super) precision: String,
    /// Runs of each side.
    pub(super) rounds: usize,
    pub(super) outcomes: Outcomes,
}

/// What is remembered of this machine and precision; what is of another, or cannot be read, is left out.
pub(super) fn read(file: &Path, hardware: &str, precision: &str) -> Remembered {
    let text = fs::read(file).unwrap_or_default();
    let all: Remembered = serde_json::from_slice(&text).unwrap_or_default();
    let alike =
        |measured: &Measured| measured.machine.hardware == hardware && measured.precision == precision;
    all.into_iter().filter(|(_, measured)| alike(measured)).collect()
}

/// Replaces what was remembered.
///
/// # Errors
/// When the file cannot be written.
pub(super) fn write(file: &Path, remembered: &Remembered) -> Result<()> {
    let text = serde_json::to_string_pretty(remembered)? + "\n";
    Ok(files::write(file, text)?)
}

#[cfg(test)]
mod tests {
    use super::super::table::tests::head;
    use super::*;

    #[test]
    fn what_was_measured_on_this_machine_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("outcomes.json");
        assert!(read(&file, "a CPU", "auto").is_empty());
        let machine = Machine {
            hardware: "a CPU".to_owned(),
            program: "commit abc".to_owned(),
            day: "2026-01-31".to_owned(),
            load: None,
        };
        let measured = Measured { machine, precision: "auto".to_owned(), rounds: 3, outcomes: head() };
        let remembered = BTreeMap::from([(Work::Head, measured)]);
        write(&file, &remembered).unwrap();
        assert_eq!(read(&file, "a CPU", "auto"), remembered);
        assert!(read(&file, "another CPU", "auto").is_empty() && read(&file, "a CPU", "bf16").is_empty());
    }
}
