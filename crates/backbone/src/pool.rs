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
    /// The first of the tokens `[N, tokens, C]`, the class token, which has gathered what the head needs; the others are read
    /// by nobody.
    ClassToken {
        /// Tokens before those of the patches.
        special: i64,
    },
    /// The mean over the tokens of patches, `[N, tokens, C]`.
    Patches {
        /// Tokens before those of the patches: the class token, registers.
        special: i64,
    },
}

impl Pool {
    /// Returns a stage's output as feature vectors, `[N, D]`, in its own type.
    pub fn vectors(self, output: &Tensor) -> Tensor {
        match self {
            Self::Mean if output.dim() == 4 => output.mean_dim(&[2i64, 3][..], false, output.kind()), // [N, C]
            Self::ClassToken { .. } if output.dim() == 3 => output.select(1, 0),
            Self::Patches { special } if output.dim() == 3 => {
                patches(output, special).mean_dim(&[1i64][..], false, output.kind())
            }
            _ => output.flatten(1, -1),
        }
    }

    /// Returns a stage's output as a map, `[N, C, H, W]`; `None` where it has no more than one position, or nothing reads
    /// any but the class token.
    #[must_use]
    pub fn map(self, output: &Tensor) -> Option<Tensor> {
        match (self, &output.size()[..]) {
            (Self::Mean, [_, _, height, width]) if height * width > 1 => Some(output.shallow_clone()),
            (Self::Patches { special }, &[count, tokens, channels]) => {
                let side = side(tokens - special).filter(|&side| side > 1)?;
                Some(patches(output, special).transpose(1, 2).reshape([count, channels, side, side]))
            }
            _ => None,
        }
    }

    /// Returns the number of channels of an output of this shape, `[N, ..]`.
    #[must_use]
    pub fn channels(self, shape: &[i64]) -> i64 {
        let axis = if self.has_tokens(shape) { 2 } else { 1 };
        shape.get(axis).copied().unwrap_or(0)
    }

    /// Returns the number of positions along each side of an output of this shape, `[N, ..]`; `None` where it has none.
    #[must_use]
    pub fn sides(self, shape: &[i64]) -> Option<[i64; 2]> {
        match (self, shape) {
            (Self::Mean, &[_, _, height, width]) => Some([height, width]),
            (Self::ClassToken { special } | Self::Patches { special }, &[_, tokens, _]) => {
                side(tokens - special).map(|side| [side; 2])
            }
            _ => None,
        }
    }

    fn has_tokens(self, shape: &[i64]) -> bool {
        self != Self::Mean && shape.len() == 3
    }

    /// Describes [`Pool::vectors`] of a stage's output.
    pub fn describe(self, graph: &mut Graph, output: Value) -> Value {
        let shape = graph.shape(output).to_vec();
        match (self, &shape[..]) {
            (Self::Mean, [_, _, _]) => graph.push(Op::Mean { axes: vec![1, 2] }, &[output]),
            (Self::ClassToken { .. }, [_, _]) => {
                let first = graph.push(Op::Slice { axis: 0, from: 0, to: 1 }, &[output]);
                graph.push(Op::Reshape(vec![-1]), &[first])
            }
            (Self::Patches { special }, &[tokens, _]) => {
                let patches = graph.push(Op::Slice { axis: 0, from: special, to: tokens }, &[output]);
                graph.push(Op::Mean { axes: vec![0] }, &[patches])
            }
            (_, [_]) => output,
            _ => graph.push(Op::Reshape(vec![-1]), &[output]),
        }
    }
}

/// The tokens `[N, tokens, C]` after the first `special`.
fn patches(output: &Tensor, special: i64) -> Tensor {
    output.narrow(1, special, output.size()[1] - special)
}

/// Side of a square of this many positions.
fn side(positions: i64) -> Option<i64> {
    let side = (positions.max(0) as f64).sqrt().round() as i64;
    (side * side == positions).then_some(side)
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

    #[test]
    fn tokens_are_a_class_token_or_their_mean_and_make_a_map() {
        // Two registers besides the class token, four patches, two channels.
        let tokens = Tensor::arange(14, (Kind::Float, Device::Cpu)).view([1, 7, 2]);
        let patches = Pool::Patches { special: 3 };
        assert_eq!(
            Pool::ClassToken { special: 3 }.vectors(&tokens),
            Tensor::from_slice(&[0f32, 1.0]).view([1, 2])
        );
        assert_eq!(patches.vectors(&tokens), Tensor::from_slice(&[9f32, 10.0]).view([1, 2]));
        let map = Tensor::from_slice(&[6f32, 8.0, 10.0, 12.0, 7.0, 9.0, 11.0, 13.0]).view([1, 2, 2, 2]);
        assert_eq!(patches.map(&tokens), Some(map));
        assert!(Pool::ClassToken { special: 3 }.map(&tokens).is_none());
        assert!(patches.map(&tokens.narrow(1, 0, 4)).is_none(), "one position");
        assert_eq!((patches.channels(&[1, 7, 2]), patches.sides(&[1, 7, 2])), (2, Some([2, 2])));
        for pool in [patches, Pool::ClassToken { special: 3 }] {
            let (mut graph, x) = Graph::of(&[7, 2]);
            let vectors = pool.describe(&mut graph, x);
            assert_eq!(graph.shape(vectors), [2]);
        }
    }
}
