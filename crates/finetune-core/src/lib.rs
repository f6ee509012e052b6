//! The recipe of transfer learning: load, freeze, head, train-head, fine-tune; and what is done with many runs, before a run
//! and after it.
//!
//! In reading order:
//! - [`mismatch`]: why weights do not fit a network, and what would fit; [`wide_images`]: a warning about images of 16 bits
//! - [`model_file`], [`run_folder`]: what a run leaves behind
//! - [`Error`]: why a run failed
//! - [`grad_cam`]: which parts of an image speak for a class
//! - [`recipe`]: the five steps, planned and carried out
//! - [`advise`]: how far back to fine-tune, recommended before training
//! - [`audit`]: what is wrong with the data
//! - [`compare`]: the comparison runner, many runs that share a folder
//! - [`model`]: a trained network ready for use; [`predict`]: its predictions for files; [`measure`]: how good they are
//! - [`inspect`]: contents of a checkpoint file
//!
//! The configuration is the crate `run-config`, the loop `training`, batches and cached features `features`, every network by
//! name `zoo`. What a run reports while it works is an event of `records`.

pub mod mismatch;
pub mod wide_images;

pub mod model_file;
pub mod run_folder;

mod error;

pub mod grad_cam;
pub mod recipe;

pub mod advise;
pub mod audit;
pub mod compare;

pub mod model;
pub mod predict;

pub mod measure;

pub mod inspect;

pub use error::Error;
