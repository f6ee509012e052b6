//! Events of a run, for progress bars, logs and files. A listener cannot change the run.

use crate::{
    CellRecord, DivergedRecord, EpochRecord, HeadFitRecord, PhasePlanRecord, RaceCellRecord,
    RecipeStepRecord, SearchRecord, StepName, StepRecord,
};

/// An event of a run.
#[derive(Debug)]
pub enum Event<'a> {
    /// Begin of a step of the recipe.
    Began(StepName),
    /// End of a step of the recipe.
    Ended(&'a RecipeStepRecord),
    /// Plans of the training phases, once it is decided which stages are frozen.
    Planned(&'a [PhasePlanRecord]),
    /// Progress of decoding images or of computing features.
    Prepared {
        /// Name of the work, `"decoding"`.
        what: &'a str,
        /// Number of images done.
        done: u64,
        /// Number of all images.
        total: u64,
    },
    /// End of an optimizer step.
    Stepped {
        /// Its record.
        record: &'a StepRecord,
        /// Steps taken in this epoch.
        done: u64,
        /// Steps in this epoch.
        total: u64,
        /// Epochs of this step of the recipe.
        epochs: u32,
    },
    /// A head was computed.
    HeadFit(&'a HeadFitRecord),
    /// End of an epoch.
    Epoch {
        /// Its record.
        record: &'a EpochRecord,
        /// Epochs of this step of the recipe.
        epochs: u32,
    },
    /// End of a run of a comparison.
    Cell {
        /// Its record.
        record: &'a CellRecord,
        /// Runs done.
        done: usize,
        /// Runs in all.
        total: usize,
    },
    /// Divergence of a run of a comparison; the others go on.
    Diverged {
        /// Its record.
        record: &'a DivergedRecord,
        /// Runs done.
        done: usize,
        /// Runs in all.
        total: usize,
    },
    /// End of a cell of a search.
    Raced {
        /// Its line.
        cell: &'a RaceCellRecord,
        /// What may be spent, in words: `of 3 final runs`.
        budget: &'a str,
    },
    /// Standing of all arms of a search, after a cell and at its end.
    Standing {
        /// The arms, and what is in front.
        search: &'a SearchRecord,
        /// Whether the search is over.
        over: bool,
    },
    /// A state of the run is about to be saved: what was emitted until now counts as written.
    Saving,
    /// Message about what is done next, in a sentence.
    Note(String),
    /// Message about something to check, in a sentence.
    Warning(String),
}

/// Where events go.
pub type Listener<'a> = dyn FnMut(&Event<'_>) + Send + 'a;
