//! From images to tensors, and through the frozen stages.
//!
//! What lies before the first live stage gives the same output for the same image in every epoch. Where the training
//! images do not vary either, or show one of a few views in turn, a [`FeatureLoader`] computes it once and keeps it. Whether it is
//! kept or computed again, frozen stages run in chunks of one size ([`chunk`]), the last one padded, so that both ways give
//! the same bits: a matrix product of another height may sum in another order.
//!
//! Modules, in reading order: `variation`: whether images differ from epoch to epoch; `pixels`: images as tensors on a
//! device; `frozen`: the pass through frozen stages; `features`: what comes out, for every image; `preparation`: what a
//! loader is asked for; `share`: what of a step one process computes; `merged`, `shared`, `extract`: features found, computed by several processes, or here; `batch`, `epoch_batches`,
//! `feature_loader`: batches.

mod batch;
mod epoch_batches;
mod extract;
mod feature_loader;
mod features;
mod frozen;
mod merged;
mod pixels;
mod preparation;
mod share;
mod shared;
#[cfg(test)]
mod tests;
mod variation;

pub use batch::Batch;
pub use epoch_batches::{EpochBatches, EpochStart, Group, timed};
pub use feature_loader::FeatureLoader;
pub use features::Handover;
pub use frozen::{chunk, most_at_once, padded};
pub use pixels::{host_memory, to_backbone};
pub use preparation::{LaterCut, Preparation};
pub use share::{Share, Split};
pub use variation::Variation;
