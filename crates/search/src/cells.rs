use std::path::{Path, PathBuf};
use std::{fs, io};

use files::{Lease, Terms};
use serde::{Deserialize, Serialize};

use crate::next::{Cell, CellResult};
use crate::race::Race;
use crate::{Answers, Error, HeldOut};

/// Folders of a race's cells. The process that has the lease of one trains it; `summary.json`, written last, ends it.
#[derive(Clone, Debug)]
pub struct Cells {
    folder: PathBuf,
}

/// Content of a cell's `summary.json`.
#[derive(Debug, Serialize, Deserialize)]
struct Summary {
    arm: String,
    /// From 1.
    fold: usize,
    seconds: f64,
    held_out: Vec<ArmAnswers>,
}

/// Answers of one arm.
#[derive(Debug, Serialize, Deserialize)]
struct ArmAnswers {
    arm: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    logits: Option<Vec<f32>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    losses: Option<Vec<f64>>,
    /// A character for each image, `1` where it was classified correctly.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    correct: String,
}

impl Cells {
    /// Returns the cells of the search in a folder.
    #[must_use]
    pub fn of(search: &Path) -> Self {
        Self { folder: search.join("cells") }
    }

    /// Reads the result of a cell; `None` until it is finished.
    ///
    /// # Errors
    /// [`Error::Files`], and [`Error::ForeignCell`] for a file that is not of this race.
    pub fn read(&self, race: &Race, cell: Cell) -> Result<Option<CellResult>, Error> {
        let path = self.path(race, cell).join("summary.json");
        let text = match fs::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text.map_err(|source| self.failed("read", path.clone(), source))?,
        };
        let foreign = |message: String| Error::ForeignCell { path: path.clone(), message };
        let summary: Summary = serde_json::from_slice(&text).map_err(|error| foreign(error.to_string()))?;
        let index = |name: &str| race.arms().iter().position(|arm| arm.name == name);
        let held_out = summary.held_out.into_iter().map(|of_arm| {
            let ArmAnswers { arm, logits, losses, correct } = of_arm;
            let answers = match (logits, losses) {
                (Some(logits), None) => Answers::Logits(logits),
                (None, Some(losses)) => Answers::Judged {
                    losses,
                    correct: correct.bytes().map(|answer| answer == b'1').collect(),
                },
                _ => return None,
            };
            Some(HeldOut { arm: index(&arm)?, answers })
        });
        let held_out: Option<Vec<HeldOut>> = held_out.collect();
        match held_out.filter(|_| index(&summary.arm) == Some(cell.arm) && summary.fold == cell.fold + 1) {
            Some(held_out) => Ok(Some(CellResult { cell, held_out, minutes: summary.seconds / 60.0 })),
            None => Err(foreign("it has other arms".to_owned())),
        }
    }

    /// Takes the folder of a cell that no process has begun, or whose process is gone; `None` for any other. The process that has it
    /// trains the cell.
    ///
    /// # Errors
    /// [`Error::Files`].
    pub fn claim(&self, race: &Race, cell: Cell) -> Result<Option<Lease>, Error> {
        fs::create_dir_all(&self.folder)
            .map_err(|source| self.failed("write", self.folder.clone(), source))?;
        let path = self.path(race, cell);
        let lease = Lease::take(&path, &["summary.json"], Terms::default());
        lease.map_err(|source| self.failed("write", path, source))
    }

    /// Removes the folder of a cell that will not be finished.
    ///
    /// # Errors
    /// [`Error::Files`].
    pub fn release(&self, race: &Race, cell: Cell, lease: Lease) -> Result<(), Error> {
        lease.give_up().map_err(|source| self.failed("remove", self.path(race, cell), source))
    }

    /// Writes the result of a cell.
    ///
    /// # Errors
    /// [`Error::Files`].
    pub fn write(&self, race: &Race, result: &CellResult) -> Result<(), Error> {
        let name = |arm: usize| race.arms()[arm].name.clone();
        let answers = |held_out: &HeldOut| {
            let (mut logits, mut losses, mut correct) = (None, None, String::new());
            match &held_out.answers {
                Answers::Logits(all) => logits = Some(all.clone()),
                Answers::Judged { losses: all, correct: answers } => {
                    losses = Some(all.clone());
                    correct = answers.iter().map(|&answer| if answer { '1' } else { '0' }).collect();
                }
            }
            ArmAnswers { arm: name(held_out.arm), logits, losses, correct }
        };
        let summary = Summary {
            arm: name(result.cell.arm),
            fold: result.cell.fold + 1,
            seconds: 60.0 * result.minutes,
            held_out: result.held_out.iter().map(answers).collect(),
        };
        let path = self.path(race, result.cell).join("summary.json");
        let text = serde_json::to_string(&summary)
            .map_err(|error| Error::ForeignCell { path: path.clone(), message: error.to_string() })?;
        Ok(files::write(&path, text + "\n")?)
    }

    /// Path of a cell, `cells/last-2-x-0.3-fold-1`.
    #[must_use]
    pub fn path(&self, race: &Race, cell: Cell) -> PathBuf {
        let plain = |character: char| {
            if character.is_alphanumeric() || character == '.' { character } else { '-' }
        };
        let name: String = race.arms()[cell.arm].name.chars().map(plain).collect();
        self.folder.join(format!("{name}-fold-{}", cell.fold + 1))
    }

    fn failed(&self, action: &'static str, path: PathBuf, source: io::Error) -> Error {
        files::Error { action, path, source }.into()
    }
}
