//! The contract between networks and everything that trains them: **a network is a list of named stages, from input
//! to head**.
//!
//! Transfer learning keeps the early stages and retrains the later ones, so that is the one thing a network must be
//! able to say of itself: where it can be cut. [`Backbone`] is a struct and not a trait, because behaviour never varies
//! between networks, only data does. A family of networks supplies the stages; freezing, loading, cutting and head
//! replacement are written here, once.
//!
//! - [`Backbone`], [`Stage`], [`StageId`], [`Head`], [`Aux`]: the network.
//! - [`Family`], [`Network`], [`Parts`]: what a family's crate exports, a table with a constructor for each network.
//! - [`Options`]: what every constructor takes.
//! - [`layers`]: [`ConvNorm`](layers::ConvNorm), [`Linear`](layers::Linear) and pooling, with TorchVision's initialisations.
//! - [`Path`], [`Variables`]: the named parameters and buffers, under TorchVision's names.
//! - [`Values`]: random numbers, a checkpoint's, or none.
//! - [`Trace`]: what a forward pass would give and cost, without one.
//! - [`LoadReport`]: what became of a checkpoint.
//! - [`digest`]: SHA-256 of a stage; [`Snapshot`]: copies of weights to go back to.

pub mod digest;
mod family;
mod head;
pub mod layers;
mod load;
mod network;
mod options;
mod prepared;
mod snapshot;
mod stage;
mod trace;
mod values;
mod variables;

pub use family::{Family, Network, Parts};
pub use head::{Aux, Collected, Head, Output};
pub use load::{LoadError, LoadReport, WrongShape};
pub use network::{Backbone, UnknownStage};
pub use options::{Auxiliary, Options};
pub use snapshot::Snapshot;
pub use stage::{Mode, Module, Sequence, Stage, StageId};
pub use trace::Trace;
pub use values::Values;
pub use variables::{Path, Role, Variable, Variables};
