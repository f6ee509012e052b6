//! The five steps, planned and carried out.

mod gather;
mod perform;
mod plan;
mod samples;

pub use gather::{Materials, gather};
pub use perform::{Finished, description, perform};
pub use plan::{Action, PlannedStep, StepName, plan};
