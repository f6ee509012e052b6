use tch::{Device, Kind, Tensor};

/// The sum of scalars; a zero that goes with any other scalar if there are none.
pub(crate) fn sum(terms: impl Iterator<Item = Tensor>) -> Tensor {
    terms.reduce(|sum, term| sum + term).unwrap_or_else(|| Tensor::zeros([], (Kind::Float, Device::Cpu)))
}

/// `Σ x²` over all values of a tensor; a scalar.
pub(crate) fn square_sum(x: &Tensor) -> Tensor {
    x.square().sum(x.kind())
}
