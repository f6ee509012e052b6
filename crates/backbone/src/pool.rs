//! Pooling: how a stage's output becomes one feature vector an image.

use tch::Tensor;

use crate::trace::Trace;

/// How a stage's output becomes one feature vector an image. It is a fact of the stage: whatever reads pooled features asks
/// [`Stage::pool`](crate::Stage).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pool {
    /// The mean over positions: a map `[N, C, H, W]` becomes `[N, C]`, and `[N, D]` stays.
    #[default]
    Mean,
}

impl Pool {
    /// Returns a stage's output as feature vectors, `[N, D]`, in its own type.
    pub fn vectors(self, output: &Tensor) -> Tensor {
        match self {
            Self::Mean if output.dim() == 4 => output.mean_dim(&[2i64, 3][..], false, output.kind()), // [N, C]
            Self::Mean => output.flatten(1, -1),
        }
    }

    /// Returns a stage's output as a map, `[N, C, H, W]`; `None` where it has no more than one position.
    #[must_use]
    pub fn map(self, output: &Tensor) -> Option<Tensor> {
        match (self, &output.size()[..]) {
            (Self::Mean, [_, _, height, width]) if height * width > 1 => Some(output.shallow_clone()),
            _ => None,
        }
    }

    /// Shape and cost of [`Pool::vectors`], from those of the stage.
    #[must_use]
    pub fn trace(self, output: Trace) -> Trace {
        match (self, &output.shape[..]) {
            (Self::Mean, &[count, channels, ..]) => Trace { shape: vec![count, channels], ..output },
            _ => output,
        }
    }
}

#[cfg(test)]
mod tests {
    use tch::{Device, Kind};

    use super::*;

    #[test]
    fn maps_become_their_means_over_positions_and_vectors_stay() {
        let map = Tensor::arange(24, (Kind::Float, Device::Cpu)).view([2, 3, 2, 2]);
        let vectors = Pool::Mean.vectors(&map);
        assert_eq!(vectors, Tensor::from_slice(&[1.5f32, 5.5, 9.5, 13.5, 17.5, 21.5]).view([2, 3]));
        assert_eq!(Pool::Mean.trace(Trace::input(&[2, 3, 2, 2])).shape, [2, 3]);
        assert_eq!(Pool::Mean.vectors(&vectors), vectors);
        assert_eq!(Pool::Mean.trace(Trace::input(&[2, 3])).shape, [2, 3]);
    }

    #[test]
    fn one_position_is_no_map() {
        let of = |shape: &[i64]| Pool::Mean.map(&Tensor::zeros(shape, (Kind::Float, Device::Cpu)));
        assert_eq!(of(&[2, 3, 2, 1]).map(|map| map.size()), Some(vec![2, 3, 2, 1]));
        assert!(of(&[2, 3, 1, 1]).is_none() && of(&[2, 3]).is_none());
    }
}
