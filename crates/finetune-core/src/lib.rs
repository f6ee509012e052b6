//! The recipe of transfer learning: load, freeze, head, train-head, fine-tune; and what is done with many runs, before a run
//! and after it.
//!
//! In reading order:
//! - [`Error`]: why a run failed
//! - [`recipe`]: the five steps, planned and carried out
//! - [`advise`]: how far back to fine-tune, recommended before training
//! - [`audit`]: what is wrong with the data
//! - [`compare`]: the comparison runner, many runs that share a folder; [`helpers`]: the processes that share it
//! - [`search`](mod@search): which way to train is best, by racing on folds
//!
//! A trained model at work is the crate `trained-model`, the configuration `run-config`, the loop `training`, batches and cached features `features`, every network by
//! name `zoo`, its folder `run-folder`, its saved state `run-state`. What a run reports while it works is an event of `records`.

mod error;

pub mod recipe;

pub mod advise;
pub mod audit;
pub mod compare;
pub mod helpers;
pub mod search;

pub use error::Error;
