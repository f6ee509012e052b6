//! The recipe: five steps, each of which takes what the one before it made.
//!
//! | step | makes |
//! |---|---|
//! | [`load`] | `Loaded`: the network, with the source weights |
//! | [`freeze`] | `Frozen`: that, and which stages are trained |
//! | [`head`] | `Prepared`: that with its head, on its device, and what is kept of the source |
//! | `train-head`, `fine-tune` ([`training`]) | `Trained`: the network, and the state of its training |
//! | [`measure`] | `Measured`: evaluations, temperature, samples |
//!
//! [`perform()`] is all of them; [`lr_find()`] stops at `Prepared`, and `out_of_fold`, a cell of a search, at `Trained`. Before
//! the first step `gather` reads what they need, and refuses what images or network contradict (`training::against_data`,
//! `kept_head`); [`plan()`] says what each step is going to do. A
//! [`Course`] is what a run saves on the way and goes on from; the steps before training are done again then.

mod chosen_images;
mod course;
mod decide;
mod freeze;
mod frozen_proof;
mod gather;
mod head;
mod head_features;
mod head_fit;
mod kept_head;
mod kept_pixels;
mod load;
mod loaders;
mod lr_find;
mod measure;
mod out_of_fold;
mod perform;
mod phase;
mod plan;
mod prepared;
mod samples;
mod source;
mod step;
mod trained;
mod training;
mod words;

pub(crate) use chosen_images::images_of;
pub use course::{Course, Resumed};
pub(crate) use decide::decide;
pub use gather::{Materials, can_prepare, gather, gather_chosen, suits};
pub(crate) use gather::{build, end, forget_skipping};
pub(crate) use head_features::head_features;
pub use kept_head::ClassOrder;
pub(crate) use kept_head::has_classifier;
pub(crate) use loaders::{shows_the_same, variation};
pub use lr_find::lr_find;
pub(crate) use out_of_fold::{OutOfFold, keep_features, out_of_fold};
pub use perform::{Finished, perform};
pub use plan::{RecipePlan, Training, plan};
