//! A stopped run's state: its files, when they are written, and what differs since.
//!
//! Everything cheap and deterministic is done again when a run is resumed; the state of the training is laid over it. So a
//! state holds neither images nor features nor a network's architecture, and what is rebuilt is checked against it.
//!
//! - [`RunState`]: what is written; [`Basis`], what it was begun with, and [`Progress`], how far it got
//! - [`state_file`]: one safetensors file, its numbers in the metadata, its hash in its name
//! - [`StateFolder`]: the folder `state/` of a run: two files are kept, and one process at a time has it
//! - [`Keeper`]: when a state is saved; [`PhaseKeeper`]: that in a training phase
//! - [`image_list`], [`Means`]: what a run depends on besides its configuration
//! - [`keys`], [`differences`]: what may differ when it is resumed; [`reopen`]: a run that was begun before, compared with that

mod difference;
pub mod differences;
mod error;
pub mod image_list;
mod keeper;
pub mod keys;
mod means;
mod record;
mod reopened;
pub mod state_file;
mod state_folder;

pub use difference::{Difference, Effect};
pub use differences::differences;
pub use error::{CannotResume, Error};
pub use image_list::ImageList;
pub use keeper::{Clock, Keeper, PhaseKeeper};
pub use means::Means;
pub use record::{Basis, Begun, FrozenStage, Progress, RunState, VERSION};
pub use reopened::{Inexact, Materials, Reopened, basis, begin, reopen, same_configuration};
pub use state_folder::{Found, StateFolder};
pub use training::Tensors;
