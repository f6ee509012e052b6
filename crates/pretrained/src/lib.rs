//! Which pretrained weights exist, how their images must be prepared, and what a checkpoint file holds.
//!
//! This room knows files and numbers, not networks: it never builds a layer and links no libtorch.
//!
//! - [`catalog`]: the weights that exist, from `weights/catalog.toml`
//! - [`InputSpec`]: how images are prepared for them
//! - [`checkpoint`]: a `.pth` or `.safetensors` file read into named arrays
//! - [`digest`]: SHA-256 of a file, and what it is expected to be

pub mod catalog;
pub mod checkpoint;
pub mod digest;
mod error;
mod input;

pub use catalog::{Catalog, Entry, Origin};
pub use checkpoint::{Array, Checkpoint, Dtype, Format};
pub use digest::Digest;
pub use error::Error;
pub use input::{InputSpec, Interpolation};
