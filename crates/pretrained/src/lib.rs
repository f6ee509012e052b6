//! Which pretrained weights and public image sets exist, where they lie, and how their images must be prepared.
//!
//! Links no libtorch and reads no checkpoint: what is in a file of weights is the crate `checkpoint`'s.
//!
//! - [`catalog`]: the weights that exist, from `weights/catalog.toml`
//! - [`data_sets`]: the public image sets that can be fetched, from `data_sets.toml`
//! - [`InputSpec`]: how images are prepared for them
//! - [`locate`]: where a file of the catalog lies on this machine
//! - [`hub`]: a file on Hugging Face's hub, by its name there
//! - `fetch` (behind the cargo feature of that name): how the file gets here; the binary `finetune-fetch`, the downloader, does
//!   it from a command line
//! - [`Digest`]: what the SHA-256 of a file is expected to be

mod called;
pub mod catalog;
pub mod data_sets;
mod digest;
mod error;
#[cfg(feature = "fetch")]
pub mod fetch;
mod fit;
pub mod hub;
mod input;
mod locate;
mod partial_input;
mod sample_range;

pub use called::as_called;
pub use catalog::{Catalog, Entry, Origin};
pub use digest::Digest;
pub use error::Error;
pub use fit::Fit;
pub use input::{InputSpec, Interpolation};
pub use locate::{locate, torch_cache};
pub use partial_input::PartialInput;
pub use sample_range::{NoSampleRange, SampleRange};
