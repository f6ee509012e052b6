//! Which pretrained weights exist, how their images must be prepared, and what a checkpoint file holds.
//!
//! This room knows files and numbers, not networks: it never builds a layer and links no libtorch.
//!
//! - [`catalog`]: the weights that exist, from `weights/catalog.toml`
//! - [`data_sets`]: the public image sets that can be fetched, from `data_sets.toml`
//! - [`InputSpec`]: how images are prepared for them
//! - [`locate`]: where a file of the catalog lies on this machine
//! - `checkpoint` (behind the cargo feature `checkpoints`, on by default): a `.pth` or `.safetensors` file read into
//!   named arrays
//! - `fetch` (behind the cargo feature of that name): how the file gets here; the binary `fetch`, the downloader, does
//!   it from a command line
//! - `safetensors_file` (`checkpoints` too): named arrays written to a file, the same bytes for the same
//!   content
//! - [`digest`]: SHA-256 of a file, and what it is expected to be

#[cfg(any(feature = "checkpoints", feature = "fetch"))]
pub mod catalog;
#[cfg(feature = "checkpoints")]
pub mod checkpoint;
pub mod data_sets;
pub mod digest;
mod error;
#[cfg(feature = "fetch")]
pub mod fetch;
mod fit;
mod input;
mod locate;
mod partial_input;
#[cfg(feature = "checkpoints")]
pub mod safetensors_file;
mod sample_range;

pub use catalog::{Catalog, Entry, Origin};
#[cfg(feature = "checkpoints")]
pub use checkpoint::{Array, Checkpoint, Dialect, Dtype, Format, Layout};
pub use digest::Digest;
pub use error::Error;
pub use fit::Fit;
pub use input::{InputSpec, Interpolation};
pub use locate::{locate, torch_cache};
pub use partial_input::PartialInput;
pub use sample_range::{NoSampleRange, SampleRange};
