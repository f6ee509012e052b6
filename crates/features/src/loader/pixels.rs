//! From prepared pixels to tensors where the network lies.

use std::sync::Arc;

use backbone::Backbone;
use images::{Allocate, BatchOrder, Batches, Layout, PixelBatch, Transform};
use tch::{Device, Kind, Tensor};
use torch_extra::room::{Order, Purpose, Room};

use crate::Error;
use crate::dataset::ImageSubset;

/// Returns batches of these images, in memory that becomes a tensor, in the layout of the network.
pub(super) fn prepared(
    backbone: &Backbone,
    ImageSubset { store, indices }: ImageSubset,
    transform: Transform,
    epoch: u32,
    batch_size: usize,
    workers: usize,
) -> Batches<Room> {
    let layout = if backbone.is_channels_last() { Layout::ChannelsLast } else { Layout::ChannelsFirst };
    let order = BatchOrder { indices, epoch, batch_size };
    Batches::within(&store, transform.laid(layout), order, workers, host_memory(backbone.placement().0, 0))
}

/// Returns a function that allocates host memory for batches which are sent to a device, with `rows` rows at least.
pub fn host_memory(device: Device, rows: usize) -> Arc<Allocate<Room>> {
    let purpose = if device.is_cuda() { Purpose::Sending } else { Purpose::Computing };
    Arc::new(move |[count, channels, height, width], layout| {
        let shape = [count.max(rows), channels, height, width];
        let shape = shape.map(|extent| i64::try_from(extent).unwrap_or(i64::MAX));
        let order = match layout {
            Layout::ChannelsFirst => Order::ChannelsFirst,
            Layout::ChannelsLast => Order::ChannelsLast,
        };
        Room::new(shape, order, purpose).map_err(|error| error.to_string())
    })
}

/// Pixels and labels of a batch on the network's device.
pub(super) struct OnDevice {
    /// `[N, C, H, W]`, in the network's type.
    pub(super) pixels: Tensor,
    /// `[N]`, int64.
    pub(super) labels: Tensor,
}

/// Sends a batch to the network's device.
///
/// # Errors
/// When libtorch fails.
pub(super) fn to_device(batch: PixelBatch<Room>, backbone: &Backbone) -> Result<OnDevice, Error> {
    let labels = Tensor::f_from_slice(&batch.labels)?;
    let pixels = to_backbone(&batch.pixels.into_tensor(), backbone)?;
    Ok(OnDevice { pixels, labels: sent(&labels, backbone.placement().0, labels.kind())? })
}

/// Returns a tensor on the network's device and in its type.
///
/// # Errors
/// When libtorch fails.
pub fn to_backbone(tensor: &Tensor, backbone: &Backbone) -> Result<Tensor, Error> {
    let (device, kind) = backbone.placement();
    sent(tensor, device, kind)
}

/// Sends a tensor to a device; to a GPU asynchronously.
fn sent(tensor: &Tensor, device: Device, kind: Kind) -> Result<Tensor, Error> {
    if device.is_cuda() && tensor.device() == Device::Cpu {
        return Ok(torch_extra::cuda::pinned(tensor)?.f_to_device_(device, kind, true, false)?);
    }
    Ok(tensor.f_to_device(device)?.f_to_kind(kind)?)
}
