//! What libtorch has and tch leaves out, behind a safe surface; the only crate of the workspace with `unsafe`.
//!
//! - [`cuda`]: loads libtorch's CUDA half at run time, so that one binary serves both kinds of machine.
//! - [`determinism`]: one seed and one thread count, so that a run can be repeated to the bit.
//!
//! Its build script also tells every crate below the torch line where libtorch lies.

pub mod cuda;
pub mod determinism;
