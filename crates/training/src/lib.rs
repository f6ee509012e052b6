//! Network, batches and plan in; epochs out.
//!
//! A [`Phase`] says what one of the two training steps of the recipe is to do: which stages are trained from which epoch on,
//! what is minimised, and by which numbers. A [`Trainer`] does it, an epoch for each call; between two calls its caller
//! saves checkpoints, or makes the [`Loaders`] of the next segment of the plan. All that changes meanwhile, the weights
//! aside, is one value, [`TrainingState`]. Training calls nothing of its caller but the [`records::Session`], which hears and
//! may interrupt.
//!
//! In reading order: [`phase`](Phase) and [`freeze`] are what is to be done, [`state`] is what has been; [`trainer`](Trainer)
//! goes over the epochs, `epoch` over the batches of one, `step` takes one optimizer step. [`objective`] is what is minimised,
//! with its [`penalties`]; [`optimizer`] takes the steps along a [`schedule`], [`clip`] bounds them, [`average`] follows
//! them; [`best`] keeps the best weights of the run. What is drawn at random for a batch has a `seed` of its own. Metrics of steps wait in [`deferred`] to be read together, and `scaler` keeps the gradients of float16 within its range.
//! What of a step one of several processes computes, and by what means they take it together, is the crate `data_parallel`.
//! [`divergence`] looks for the place where numbers went out of bounds; `gradient_flow` measures each stage's gradient.
//! [`saved`] is a state of training as [`numbers`] and named [`tensors`], and [`save`] says when it is saved.
//! [`decide`] settles what a configuration leaves open, [`against_data`] refuses what images or network contradict. [`head_fit`]
//! computes a head from features in place of training it. [`evaluate`] measures a model on a split, [`calibration`] its
//! probabilities. [`outline`] says beforehand what a phase will do, [`range_test`] sweeps the learning rate, and [`precision`]
//! decides what networks compute in.

pub mod against_data;
pub mod average;
pub mod best;
pub mod calibration;
pub mod clip;
pub mod decide;
pub mod deferred;
pub mod divergence;
mod epoch;
mod error;
pub mod evaluate;
pub mod figures;
pub mod freeze;
mod gradient_flow;
pub mod head_fit;
mod loaders;
mod model;
pub mod numbers;
pub mod objective;
pub mod optimizer;
pub mod outline;
pub mod penalties;
mod phase;
pub mod precision;
mod predictions;
pub mod range_test;
pub mod save;
pub mod saved;
mod scaler;
pub mod schedule;
mod seed;
mod source_reference;
pub mod state;
mod step;
pub mod tensors;
#[cfg(test)]
mod tests;
mod trainer;

pub use best::Best;
pub use error::Error;
pub use loaders::Loaders;
pub use model::Model;
pub use numbers::TrainingNumbers;
pub use phase::{Phase, enough_epochs, steps_per_epoch};
pub use save::{SaveMoment, SaveState};
pub use saved::{Handed, SavedTraining};
pub use source_reference::SourceReference;
pub use state::{Ending, TrainingState};
pub use tensors::{StateError, Tensors};
pub use trainer::{PhaseEnd, Trainer};
