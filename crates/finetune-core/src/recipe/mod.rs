//! The five steps, planned and carried out.

mod perform;
mod plan;
mod samples;

pub use perform::{Finished, Materials, description, gather, perform};
pub use plan::{Action, PlannedStep, StepName, plan};
