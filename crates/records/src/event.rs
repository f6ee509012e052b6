//! What a run says while it works. It is told, never asked: nothing that listens can change a run.

use crate::{
    CellRecord, DivergedRecord, EpochRecord, PhasePlanRecord, RecipeStepRecord, StepName, StepRecord,
};

/// Something happened.
#[derive(Debug)]
pub enum Event<'a> {
    /// A step of the recipe begins.
    Began(StepName),
    /// A step of the recipe is done.
    Ended(&'a RecipeStepRecord),
    /// What the training steps are going to do, once it is decided which stages are frozen.
    Planned(&'a [PhasePlanRecord]),
    /// Pictures are decoded, or frozen stages computed.
    Prepared {
        /// What is being done, `"decoding"`.
        what: &'a str,
        /// Pictures done.
        done: u64,
        /// Pictures in all.
        total: u64,
    },
    /// An optimizer step was taken.
    Stepped {
        /// What came of it.
        record: &'a StepRecord,
        /// Steps taken in this epoch.
        done: u64,
        /// Steps in this epoch.
        total: u64,
        /// Epochs of this step of the recipe.
        epochs: u32,
    },
    /// An epoch is over.
    Epoch {
        /// What came of it.
        record: &'a EpochRecord,
        /// Epochs of this step of the recipe.
        epochs: u32,
    },
    /// A run of a grid is over.
    Cell {
        /// What came of it.
        record: &'a CellRecord,
        /// Runs done.
        done: usize,
        /// Runs in all.
        total: usize,
    },
    /// A run of a grid has run away; the others go on.
    Diverged {
        /// What is known of it.
        record: &'a DivergedRecord,
        /// Runs done.
        done: usize,
        /// Runs in all.
        total: usize,
    },
    /// Something about to be done, in a sentence.
    Note(String),
    /// Something the user should know.
    Warning(String),
}

/// Where events go.
pub type Listener<'a> = dyn FnMut(&Event<'_>) + Send + 'a;
