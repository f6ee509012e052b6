//! What many finished runs show together: a table, differences between settings, and conclusions in sentences.
//!
//! Only records go in, and only figures and text come out; which runs there are, and how they are trained, is decided
//! elsewhere.
//!
//! - [`Finished`]: the runs of a comparison
//! - [`OutOfFold`]: the folds of each setting and seed taken together, as one run measured on every image once
//! - [`metrics`]: figures of a run beyond its accuracy, by name; [`Judge`]: by which of them settings are compared
//! - [`rows`]: the seeds of each setting taken together
//! - [`Effects`]: by how much settings differ, with confidence intervals
//! - [`conclusions`]: what follows, in sentences; [`differences`]: the effects that they rest on
//! - [`training`]: how one run was trained, reduced to two figures

mod effects;
mod folds;
mod judge;
mod metrics;
mod out_of_fold;
mod rows;
mod sentences;
mod training;

use records::{CellRecord, DivergedRecord};

pub use effects::{Conclusion, Effect, Effects, Group};
pub use folds::Pooled;
pub use judge::{Figure, Judge};
pub use metrics::metrics;
pub use out_of_fold::OutOfFold;
pub use rows::{Ended, rows};
pub use sentences::{conclusions, differences, diverged, of_folds};
pub use training::training;

/// The runs of a comparison that ended.
#[derive(Clone, Copy, Debug)]
pub struct Finished<'a> {
    /// Runs that finished.
    pub cells: &'a [CellRecord],
    /// Runs that diverged.
    pub diverged: &'a [DivergedRecord],
    /// Group of classes whose accuracy is compared; `None` for all classes.
    pub judged_on: Option<&'a str>,
    /// What is compared; accuracy where a group of classes is judged.
    pub judged_by: Judge<'a>,
    /// Setting that the others are compared with; `None` where methods of transfer are compared and not settings.
    pub baseline: Option<&'a str>,
}
