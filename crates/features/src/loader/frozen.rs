//! The pass through the frozen stages, and the layout of what comes out.

use std::ops::Range;

use backbone::{Backbone, Mode, StageId};
use tch::{Device, Tensor};
use torch_extra::layout::channels_last;

use super::pixels::to_backbone;
use crate::Error;

/// Largest number of images that pass through frozen stages at once: few on a CPU, so that activations stay in its caches,
/// many on a GPU, so that all of it has work.
#[must_use]
pub fn most_at_once(device: Device) -> usize {
    if device.is_cuda() { 128 } else { 8 }
}

/// Number of images that pass through frozen stages at once where batches of `batch_size` are asked for. On a CPU it does not
/// depend on them; on a GPU it is the whole batch, or one of the equal parts of a large one, so that little padding is
/// computed.
#[must_use]
pub fn chunk(device: Device, batch_size: usize) -> usize {
    let most = most_at_once(device);
    if !device.is_cuda() {
        return most;
    }
    let batch_size = batch_size.max(1);
    batch_size.div_ceil(batch_size.div_ceil(most))
}

/// Runs `stages` over their input `x`, `[N, ..]`, `chunk` rows at a time, the last ones padded.
pub(super) fn run_frozen(backbone: &Backbone, x: &Tensor, stages: Range<StageId>, chunk: usize) -> Tensor {
    if stages.is_empty() {
        return x.shallow_clone();
    }
    let count = x.size()[0];
    let size = i64::try_from(chunk).unwrap_or(i64::MAX);
    let chunks: Vec<Tensor> = (0..count)
        .step_by(chunk)
        .map(|start| {
            let length = size.min(count - start);
            let whole = padded(&x.narrow(0, start, length), chunk);
            let features = tch::no_grad(|| backbone.forward(&whole, stages.clone(), Mode::Evaluate));
            features.narrow(0, 0, length)
        })
        .collect();
    Tensor::cat(&chunks, 0)
}

/// Returns `x`, `[N, ..]`, with rows of zeros appended until there are `rows`. A matrix product of another height may sum in
/// another order, and a GPU's library takes seconds to choose and load algorithms for it.
pub fn padded(x: &Tensor, rows: usize) -> Tensor {
    let mut padding = x.size();
    padding[0] = i64::try_from(rows).unwrap_or(i64::MAX) - padding[0];
    if padding[0] <= 0 {
        return x.shallow_clone();
    }
    Tensor::cat(&[x.shallow_clone(), Tensor::zeros(padding, (x.kind(), x.device()))], 0)
}

/// Returns maps in the network's layout. In another layout libraries such as oneDNN choose other algorithms, which give
/// other last bits.
pub(super) fn laid(x: &Tensor, backbone: &Backbone) -> Tensor {
    if backbone.is_channels_last() { channels_last(x) } else { x.contiguous() }
}

/// Whether features with this number of dimensions are stored as `[N, H, W, C]`: maps of a channels-last network.
pub(super) fn is_stored_channels_last(dimensions: usize, backbone: &Backbone) -> bool {
    dimensions == 4 && backbone.is_channels_last()
}

/// Returns features `[N, ..]` as they are stored, in the order in which the network's memory has them: maps of a
/// channels-last network as `[N, H, W, C]`.
pub(super) fn stored(x: &Tensor, backbone: &Backbone) -> Tensor {
    if is_stored_channels_last(x.dim(), backbone) { x.permute([0, 2, 3, 1]) } else { x.shallow_clone() }
}

/// Returns rows of stored features as the network's stages read them: on its device, in its type and layout, maps as
/// `[N, C, H, W]`.
///
/// # Errors
/// When libtorch fails.
pub(super) fn read(rows: &Tensor, backbone: &Backbone) -> Result<Tensor, Error> {
    let x = to_backbone(rows, backbone)?;
    let x = if is_stored_channels_last(x.dim(), backbone) { x.permute([0, 3, 1, 2]) } else { x };
    Ok(laid(&x, backbone))
}
