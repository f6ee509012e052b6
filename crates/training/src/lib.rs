//! The training loop: one phase of it, either of the two training steps of the recipe.
//!
//! A phase is a plan (what thaws when, at which rates), an objective and numbers; policies beside it decide and are
//! asked: [`schedule`] for the rate of a step, [`regularize::EarlyStopping`] and [`schedule::Plateau`] after an epoch.
//! In reading order: [`train`] goes over the epochs, `epoch` over the batches of one; [`objective`] is what is
//! minimised, with its [`penalties`], [`optimizer`] takes the steps, [`clip`] bounds them, [`average`] follows them. What a step has to tell
//! waits in [`readings`], and `scaler` keeps the gradients of float16 within its range. [`divergence`] looks for the
//! place where numbers went out of bounds; `gradient_flow` notes how large each stage's gradient is. [`range_test`] sweeps the learning rate.

pub mod average;
pub mod calibration;
pub mod clip;
pub mod divergence;
mod epoch;
mod error;
pub mod evaluate;
pub mod freeze;
mod gradient_flow;
pub mod objective;
pub mod optimizer;
pub mod outline;
pub mod penalties;
mod phase;
pub mod precision;
mod predictions;
pub mod range_test;
pub mod readings;
mod scaler;
pub mod schedule;
#[cfg(test)]
mod tests;

pub use error::Error;
pub use phase::{Ending, Feeds, MakeFeeds, Phase, Trained, enough_epochs, steps_per_epoch, train};
