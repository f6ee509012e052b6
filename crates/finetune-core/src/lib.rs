//! The recipe of transfer learning: load, freeze, head, train-head, fine-tune; and what is done with many runs, before a run
//! and after it.
//!
//! In reading order:
//! - [`run_folder`]: what a run leaves behind
//! - [`Error`]: why a run failed
//! - [`grad_cam`]: which parts of an image speak for a class
//! - [`recipe`]: the five steps, planned and carried out
//! - [`advise`]: how far back to fine-tune, recommended before training
//! - [`compare`]: the comparison runner, many runs that share a folder
//! - [`search`](mod@search): which way to train is best, by racing on folds
//! - [`inspect`]: contents of a checkpoint file
//!
//! A trained model at work is the crate `trained-model`, the configuration `run-config`, the loop `training`, batches and cached features `features`, every network by
//! name `zoo`. What a run reports while it works is an event of `records`.

pub mod run_folder;

mod error;

pub mod grad_cam;
pub mod recipe;

pub mod advise;
pub mod compare;
pub mod search;

pub mod inspect;

pub use error::Error;
