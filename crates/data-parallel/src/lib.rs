//! An optimizer step that several processes share: what each computes, how gradients and batch-norm come together, and whether all
//! hold the same weights afterwards.
//!
//! - [`split`]: what of a step is dealt out, as the configuration asks
//! - [`backend`]: over what they sum gradients
//! - [`work`]: what this process computes of a step, and how much it counts
//! - [`spread`]: gradients summed while the backward pass runs; batch-norm as if one process had seen all batches
//! - [`replicas`]: a checksum of the weights
//! - [`predicted`]: predictions of a split, in the order of its images

pub mod backend;
pub mod predicted;
pub mod replicas;
pub mod split;
pub mod spread;
pub mod work;
