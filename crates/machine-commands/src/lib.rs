//! The commands that prepare a machine, as parts of both programs: [`fetch_weights`], [`fetch_data`] and what [`doctor`] says of
//! any machine. `cargo xtask` has them for those with the sources, `finetune` for those without.
//!
//! The work is done by the downloader, a program of its own, so that neither links a network stack.
//!
//! - [`Caller`]: which of the two programs asks, and where it works
//! - [`fetch_weights`], [`fetch_data`]: arguments and `perform`
//! - [`doctor`]: findings, and how they are printed
//! - [`tool`]: programs that answer in JSON lines, the downloader among them
//! - [`process`]: spawning, with Ctrl-C passed on; [`disk`]: free space

mod caller;
pub mod disk;
pub mod doctor;
pub mod fetch_data;
pub mod fetch_weights;
pub mod process;
pub mod tool;

pub use caller::Caller;
