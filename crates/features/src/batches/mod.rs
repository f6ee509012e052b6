//! From images to tensors, and through the frozen stages.
//!
//! What lies before the first live stage gives the same output for the same image in every epoch. Where the training
//! images do not vary either, or show one of a few views in turn, a [`Feed`] computes it once and keeps it. Whether it is
//! kept or computed again, frozen stages run in chunks of one size ([`chunk`]), the last one padded, so that both ways give
//! the same bits: a matrix product of another height may sum in another order.
//!
//! Modules, in reading order: `variation`: whether images differ from epoch to epoch; `pixels`: images as tensors on a
//! device; `frozen`: the pass through frozen stages; `features`: what comes out, for every image; `preparation`: what a
//! loader is asked for; `merged`, `extract`: features found or computed; `loader`: batches.

mod extract;
mod features;
mod frozen;
mod loader;
mod merged;
mod pixels;
mod preparation;
#[cfg(test)]
mod tests;
mod variation;

pub use features::Passed;
pub use frozen::{chunk, most_at_once, padded};
pub use loader::{Batch, Drawn, Feed, timed};
pub use pixels::{place, room};
pub use preparation::{Preparation, Stop};
pub use variation::Variation;
