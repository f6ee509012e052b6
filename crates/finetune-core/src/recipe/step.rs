//! What all five steps share: their inputs, and the account of what they did.

use std::time::Instant;

use features::dataset::DecodedDataset;
use records::{Event, RecipeStepRecord, Session, StepName};
use run_config::Run;
use tch::Kind;

use super::gather::Materials;
use super::plan::RecipePlan;
use crate::Error;
use run_folder::RunFolder;

/// What the steps read and none of them changes.
#[derive(Clone, Copy)]
pub(super) struct Inputs<'a> {
    pub(super) run: &'a Run,
    pub(super) materials: &'a Materials,
    /// The images of the run.
    pub(super) images: &'a DecodedDataset,
    pub(super) plan: &'a RecipePlan,
    /// Where checkpoints go; without it none are kept.
    pub(super) folder: Option<&'a RunFolder>,
    /// Type that the network computes in, where an earlier process has decided it.
    pub(super) kind: Option<Kind>,
}

/// What a step made.
pub(super) struct Step<T> {
    /// What the next step takes.
    pub(super) made: T,
    /// One sentence: what was done, or why nothing was.
    pub(super) what: String,
}

/// Carries out steps, times them, and writes down what they did.
pub(super) struct Steps {
    pub(super) records: Vec<RecipeStepRecord>,
    /// Seconds before the first step, which count as part of it: what the run needed from disk was read for its sake.
    seconds_before: f64,
}

impl Steps {
    pub(super) fn new(seconds_before: f64) -> Self {
        Self { records: Vec::new(), seconds_before }
    }

    /// Counts what an earlier process spent on the step that follows.
    pub(super) fn spent_before(&mut self, seconds: f64) {
        self.seconds_before += seconds;
    }

    /// Adds a step that an earlier process has ended.
    pub(super) fn add(&mut self, name: StepName, record: RecipeStepRecord, session: &mut Session<'_>) {
        session.emit(&Event::Began(name));
        session.emit(&Event::Ended(&record));
        self.records.push(record);
    }

    /// Carries out a step and hands on what it made.
    pub(super) fn perform<T>(
        &mut self,
        name: StepName,
        session: &mut Session<'_>,
        step: impl FnOnce(&mut Session<'_>) -> Result<Step<T>, Error>,
    ) -> Result<T, Error> {
        session.emit(&Event::Began(name));
        let began = Instant::now();
        let Step { made, what } = step(session)?;
        let seconds = std::mem::take(&mut self.seconds_before) + began.elapsed().as_secs_f64();
        let record = RecipeStepRecord { name: name.name().to_owned(), what, seconds };
        session.emit(&Event::Ended(&record));
        self.records.push(record);
        Ok(made)
    }
}
