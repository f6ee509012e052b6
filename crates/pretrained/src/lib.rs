//! Which pretrained weights exist, how their images must be prepared, and what a checkpoint file holds.

mod input;

pub use input::{InputSpec, Interpolation};
