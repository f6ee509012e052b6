//! How a batch of images lies in memory: oneDNN and cuDNN convolve fastest where the channels of a pixel lie together.

use tch::Tensor;

use crate::shim::{extra_channels_last, extra_is_channels_last, made};

/// The same values, `[N, C, H, W]`, stored as N, H, W, C; the same tensor if it lies so already. Tensors of another
/// number of dimensions stay as they are.
///
/// # Panics
/// When memory runs out, as every operation of tch does.
pub fn channels_last(x: &Tensor) -> Tensor {
    if x.dim() != 4 {
        return x.shallow_clone();
    }
    // SAFETY: `x` is a live tensor for the time of the call, which only reads it.
    made(|out| unsafe { extra_channels_last(x.as_ptr(), out) }).unwrap_or_else(|error| panic!("{error}"))
}

/// Whether it lies so.
pub fn is_channels_last(x: &Tensor) -> bool {
    // SAFETY: `x` is a live tensor for the time of the call, which only reads it.
    x.dim() == 4 && unsafe { extra_is_channels_last(x.as_ptr()) }
}

/// Whether two tensors have the same shape, type and device, and their values at the same places in memory.
#[must_use]
pub fn lie_alike(one: &Tensor, other: &Tensor) -> bool {
    let place = |tensor: &Tensor| (tensor.size(), tensor.kind(), tensor.device());
    // An extent of one has a stride that nobody takes.
    let strides = |tensor: &Tensor| {
        let extents = tensor.size().into_iter().zip(tensor.stride());
        extents.map(|(extent, stride)| if extent == 1 { 0 } else { stride }).collect::<Vec<_>>()
    };
    place(one) == place(other) && strides(one) == strides(other)
}
