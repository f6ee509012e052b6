//! Images in, batches out: through the frozen stages, whose outputs are computed once.
//!
//! - [`pictures`]: the images of a run: listed, decoded once, counted
//! - [`batches`]: from images to tensors, and through the frozen stages; what they give is kept
//! - [`feature_cache`]: the same, from run to run; [`feature_key`]: what decides about it
//! - [`keeping`]: what keeping takes and spares, in words

pub mod batches;
pub mod cache_folder;
mod error;
pub mod feature_cache;
pub mod feature_key;
pub mod keeping;
pub mod pictures;

pub use error::Error;
