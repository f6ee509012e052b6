//! The contract between networks and everything that trains them: **a network is a list of named stages, from input
//! to head**.
//!
//! Transfer learning keeps the early stages and retrains the later ones, so that is the one thing a network must be
//! able to state: where it can be cut. [`Backbone`] is a struct and not a trait, because behaviour never varies
//! between networks, only data does. A family of networks supplies the stages; freezing, loading, cutting and head
//! replacement are written here, once.
//!
//! In reading order, each using only those before it:
//!
//! - [`Module`], [`Mode`]: a tensor in, a tensor out, and a description of that.
//! - [`Trace`]: what a forward pass would give and cost, without one.
//! - [`Values`]: random numbers, a checkpoint's, or none.
//! - [`Path`], [`Variables`]: the named parameters and buffers, under TorchVision's names.
//! - [`layers`]: [`ConvNorm`](layers::ConvNorm), [`Linear`](layers::Linear) and pooling, with TorchVision's initialisations.
//! - [`LowRank`]: updates of attention's weights that are trained in their place.
//! - [`Refit`]: values of a file that become those of a tensor of another shape.
//! - [`Pool`]: a stage's output as one feature vector an image.
//! - [`Head`], [`Aux`]; [`Stage`], [`StageId`]; [`Parts`], both together; [`Backbone`]: the network.
//! - [`BlockDecay`]: learning rates within a stage that is made of blocks.
//! - [`Ending`]: where a network ends, and what its head reads.
//! - [`Options`]: what every constructor takes.
//! - [`Family`], [`Network`]: what a family's crate exports, a table with a constructor for each network.
//! - [`LoadReport`]: what became of a checkpoint.
//! - [`interpreter`]: computes a description of a network, to prove it and to see the values on the way.
//! - [`digest`]: SHA-256 of a stage; [`Snapshot`]: copies of weights to go back to.

mod block_decay;
pub mod digest;
mod distribution;
mod ending;
mod family;
mod head;
pub mod interpreter;
pub mod layers;
mod load;
mod low_rank;
mod module;
mod network;
mod options;
mod parts;
mod pool;
mod prepared;
mod refit;
mod running_statistics;
mod snapshot;
mod stage;
mod trace;
mod values;
mod variables;

pub use block_decay::BlockDecay;
pub use ending::{Ending, EndingError};
pub use family::{Family, Network};
pub use head::{Aux, Collected, Head, Output};
pub use load::{LoadError, LoadReport, WrongShape};
pub use low_rank::LowRank;
pub use module::{Mode, Module, Sequence};
pub use network::Backbone;
pub use options::{Auxiliary, Options};
pub use parts::Parts;
pub use pool::Pool;
pub use refit::Refit;
pub use running_statistics::RunningStatistics;
pub use snapshot::Snapshot;
pub use stage::{Stage, StageId, UnknownStage};
pub use trace::Trace;
pub use values::Values;
pub use variables::{Path, Role, Variable, Variables};
