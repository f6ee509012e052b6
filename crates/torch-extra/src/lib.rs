//! What libtorch has and tch leaves out, behind a safe surface; the only crate of the workspace with `unsafe`.
//!
//! - [`cuda`]: loads libtorch's CUDA half at run time, so that one binary serves both kinds of machine.
//! - [`determinism`]: one seed and one thread count, so that a run can be repeated to the bit.
//! - [`random`]: random numbers that depend on a seed of their own alone.
//! - [`memory`]: freed memory is kept for the next batch.
//! - [`layout`]: images with the channels of a pixel together; [`room`]: a tensor's memory before it is one.
//! - [`autocast`]: mixed precision on CPU and GPU.
//! - [`convolution`]: convolution, bias, activation and sum in one pass, for constant weights.
//! - [`trained`]: a convolution with weights that learn.
//! - [`step`]: an optimizer's step over all tensors at once.
//! - [`distributed`]: several processes that compute together.
//! - [`rows`]: random masks of a batch of which this process has some rows.
//!
//! What tch has no function for at all stands in `shim`.
//!
//! Its build script also tells every crate below the torch line where libtorch lies.

pub mod autocast;
pub mod convolution;
pub mod cuda;
pub mod determinism;
pub mod distributed;
pub mod layout;
pub mod memory;
mod processor;
pub mod random;
pub mod room;
pub mod rows;
mod shim;
pub mod step;
pub mod trained;

pub use processor::processor;
pub use shim::Error;
