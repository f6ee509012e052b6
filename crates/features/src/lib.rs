//! Images in, batches out: through the frozen stages, whose features are computed once.
//!
//! - [`pictures`]: the images of a run: listed, decoded once, counted
//! - [`batches`]: from images to tensors, and through the frozen stages; features are kept in memory
//! - [`feature_cache`]: features on disk, from run to run; [`feature_key`]: what decides about them
//! - [`keeping`]: what keeping features costs and saves, in words

pub mod batches;
mod error;
pub mod feature_cache;
pub mod feature_key;
pub mod keeping;
pub mod pictures;

pub use error::Error;
