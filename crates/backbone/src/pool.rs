//! Pooling: how a stage's output becomes one feature vector an image.

use graph::{Graph, Op, Value};
use tch::Tensor;

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

    /// Describes [`Pool::vectors`] of a stage's output.
    pub fn describe(self, graph: &mut Graph, output: Value) -> Value {
        match (self, graph.shape(output).len()) {
            (Self::Mean, 3) => graph.push(Op::Mean { axes: vec![1, 2] }, &[output]),
            (Self::Mean, 1) => output,
            (Self::Mean, _) => graph.push(Op::Reshape(vec![-1]), &[output]),
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
        let described = |shape: &[i64]| {
            let (mut graph, x) = Graph::of(shape);
            let vectors = Pool::Mean.describe(&mut graph, x);
            graph.shape(vectors).to_vec()
        };
        assert_eq!(described(&[3, 2, 2]), [3]);
        assert_eq!(Pool::Mean.vectors(&vectors), vectors);
        assert_eq!(described(&[3]), [3]);
    }

    #[test]
    fn one_position_is_no_map() {
        let of = |shape: &[i64]| Pool::Mean.map(&Tensor::zeros(shape, (Kind::Float, Device::Cpu)));
        assert_eq!(of(&[2, 3, 2, 1]).map(|map| map.size()), Some(vec![2, 3, 2, 1]));
        assert!(of(&[2, 3, 1, 1]).is_none() && of(&[2, 3]).is_none());
    }
}
