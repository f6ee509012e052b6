//! Images in, batches out: through the frozen stages, whose features are computed once.
//!
//! - [`dataset`]: the images of a run: listed, decoded once, counted
//! - [`loader`]: from images to tensors, and through the frozen stages; features are kept in memory
//! - [`feature_cache`]: features on disk, from run to run; [`feature_key`]: what decides about them
//! - [`feature_cost`]: what keeping features costs and saves, in words

pub mod dataset;
mod error;
pub mod feature_cache;
pub mod feature_cost;
pub mod feature_key;
pub mod loader;
mod pieces;

pub use error::Error;
