//! The TOML file of a run: read, checked, resolved.
//!
//! - [`Config`]: what the file says, nested by concern, unknown keys refused; [`read`] and [`overlay`] make it, and
//!   [`Source`] remembers where each key stands, so that a mistake found later still points at its line
//! - [`Run`]: the same, [`resolve`]d: names have become things (a network, weights, a device)
//! - [`Precision`]: the type that networks compute in

mod config;
mod precision;
mod run;

pub use config::*;
pub use precision::{Precision, PrecisionError};
pub use run::{Run, Threads, resolve};
