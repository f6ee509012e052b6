//! The five steps, planned and carried out.

mod against_data;
mod frozen;
mod gather;
mod head;
mod kept_head;
mod lr_find;
mod perform;
mod plan;
mod results;
mod samples;
mod source;
mod training;

pub(crate) use against_data::has_classifier;
pub use gather::{Materials, can_prepare, gather, gather_chosen, suits};
pub(crate) use gather::{build, forget_skipping};
pub use kept_head::ClassOrder;
pub use lr_find::lr_find;
pub(crate) use perform::drawn;
pub use perform::{Finished, perform};
pub use plan::{Action, PlannedStep, plan};
#[cfg(test)]
pub(crate) use source::Kept;
#[cfg(test)]
pub(crate) use training::mode_of;
