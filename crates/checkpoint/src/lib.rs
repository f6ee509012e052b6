//! Files of weights of every kind, read as data: `.pth`, `.safetensors` and their relatives become named arrays.
//!
//! Links no libtorch and builds no network. The format of a file is recognised by its content, never by its name. Nothing in a
//! file is executed, no length in it is believed before it is compared with the file, and whatever is wrong comes back as an
//! [`Error`].
//!
//! - [`open`], [`read`]: a file of any [`Format`], first its names and shapes, then its values
//! - [`Checkpoint`]: named [`Array`]s, metadata, names of classes
//! - [`Layout`], [`Dialect`]: the names that a network wants, and [`Unwrapped`], what was taken off to find them
//! - [`safetensors_file`]: named arrays written to a file, the same bytes for the same content

mod array;
mod checkpoint;
mod classes;
mod content;
mod dtype;
mod error;
mod opened;
mod parts;
mod pickle;
mod safetensors;
pub mod safetensors_file;
mod sniff;
mod torch;
mod unwrap;

pub use array::{Array, NotFinite};
pub use checkpoint::{Checkpoint, Format};
pub use dtype::Dtype;
pub use error::Error;
pub use opened::{Described, Opened, open, read};
pub use unwrap::{Dialect, Layout, Unwrapped};
