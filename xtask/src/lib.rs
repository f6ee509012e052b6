//! `cargo xtask`: sets a machine up, fetches weights and data, runs the default experiment and every test.
//!
//! It links no libtorch, no network stack and no fonts, so it builds in seconds and runs before libtorch is there. What
//! does the work is run when it is needed: `finetune`, and the tools of the rooms above the torch line (`tools`).
//! Results go to stdout, progress and messages to stderr. Exit codes: 0 done, 1 failed, 2 usage, 130 interrupted.
//!
//! - `cli`: the command line
//! - [`setup`]: libtorch into the user's cache, linked into the workspace
//! - `doctor`: what is there, what is missing, what mends it
//! - `test`: formatting, clippy and all tests
//! - `bundle`: `finetune` with all that it needs, for people without the sources
//! - `caller`: `fetch-weights` and `fetch-data` of `machine-commands`, in this workspace
//! - `cases`: the kinds of input that people bring, and what becomes of each
//! - [`recipe`]: the default experiment, letters of two alphabets
//! - `experiments`: hands `bench` and `search` on to the program of that name
//! - [`tools`], [`workspace`], [`program`]: what the commands share; [`process`], [`disk`]: of `machine-commands`
//!
//! What is public is what `experiments` uses as well.

mod bundle;
mod caller;
mod cases;
mod cli;
mod doctor;
mod experiments;
pub mod program;
pub mod recipe;
pub mod setup;
mod test;
pub mod tools;
pub mod workspace;

pub use cli::main;
pub use machine_commands::{disk, process};
