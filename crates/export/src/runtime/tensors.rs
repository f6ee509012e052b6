//! Constants of a file as tensors.

use onnx::{Constant, Elements};
use tch::{Kind, TchError, Tensor};

/// Returns the tensor of a constant.
pub(super) fn tensor(Constant { dims, elements, bytes }: &Constant) -> Result<Tensor, TchError> {
    Tensor::f_from_data_size(bytes, dims, kind(*elements))
}

/// The type of libtorch.
pub(super) fn kind(elements: Elements) -> Kind {
    match elements {
        Elements::Float32 => Kind::Float,
        Elements::Float16 => Kind::Half,
        Elements::Uint8 => Kind::Uint8,
        Elements::Int8 => Kind::Int8,
        Elements::Int32 => Kind::Int,
        Elements::Int64 => Kind::Int64,
    }
}
