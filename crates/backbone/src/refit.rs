//! Values of a checkpoint that become those of a tensor of another shape.

use tch::Tensor;

/// How a variable takes values of another shape: embeddings of positions, of which there are as many as the image has patches.
#[derive(Clone, Copy, Debug)]
pub struct Refit {
    /// Whether values of the first shape can become values of the second.
    pub fits: fn(&[i64], &[i64]) -> bool,
    /// The values in that shape, float32.
    pub refit: fn(&Tensor, &[i64]) -> Tensor,
}
