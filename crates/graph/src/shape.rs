//! Shapes and costs of operations, from the shapes that they read.

use crate::op::{Convolution, Op};

/// Returns the shape of what an operation gives, without the batch. It is only arithmetic: what an operation cannot read gives
/// extents of 0 or less.
pub(crate) fn of(op: &Op, inputs: &[&[i64]]) -> Vec<i64> {
    let first = || inputs.first().map_or_else(Vec::new, |shape| shape.to_vec());
    match op {
        Op::Input
        | Op::Parameter(_)
        | Op::Constant(_)
        | Op::Rows { .. }
        | Op::Activation(_)
        | Op::Scale(_)
        | Op::Softmax
        | Op::UnitLength
        | Op::Normalise(_)
        | Op::LayerNorm { .. }
        | Op::Standardise { .. } => first(),
        Op::Convolution(Convolution { output, window, .. }) => {
            let mut shape = positions(first(), |axis, extent| window.places(axis, extent));
            shape[0] = *output;
            shape
        }
        Op::MaxPool(window) | Op::AveragePool(window) => {
            positions(first(), |axis, extent| window.places(axis, extent))
        }
        Op::AdaptiveAveragePool { side } => positions(first(), |_, _| *side),
        Op::Linear { outputs, .. } => with_last(first(), *outputs),
        Op::Mean { axes } => {
            let kept = first().into_iter().enumerate().filter(|(axis, _)| !axes.contains(axis));
            kept.map(|(_, extent)| extent).collect()
        }
        Op::Add | Op::Multiply => inputs.iter().fold(Vec::new(), |shape, other| joined(&shape, other)),
        Op::Concatenate { axis } => {
            let mut shape = first();
            shape[*axis] = inputs.iter().map(|shape| shape[*axis]).sum();
            shape
        }
        Op::Take { places } => {
            let mut shape = first();
            shape[0] = i64::try_from(places.len()).unwrap_or(i64::MAX);
            shape
        }
        Op::Slice { axis, from, to } => {
            let mut shape = first();
            shape[*axis] = to - from;
            shape
        }
        Op::Reshape(shape) => {
            let all: i64 = first().iter().product();
            let known: i64 = shape.iter().filter(|&&extent| extent >= 0).product();
            let open = if known == 0 { 0 } else { all / known };
            shape.iter().map(|&extent| if extent < 0 { open } else { extent }).collect()
        }
        Op::Transpose(order) => {
            let shape = first();
            order.iter().map(|&axis| shape[axis]).collect()
        }
        Op::MatrixProduct => {
            let [left, right] = [0, 1].map(|index| inputs.get(index).copied().unwrap_or_default());
            let (rows, columns) = (left.len().saturating_sub(1), right.len().saturating_sub(1));
            let mut shape = joined(&left[..rows.saturating_sub(1)], &right[..columns.saturating_sub(1)]);
            shape.extend(left.get(rows.wrapping_sub(1)));
            shape.extend(right.get(columns));
            shape
        }
    }
}

/// Returns the multiplications with an addition each for one image.
pub(crate) fn multiply_adds(op: &Op, inputs: &[&[i64]], shape: &[i64]) -> u64 {
    let terms = match op {
        Op::Convolution(Convolution { groups, window, .. }) => {
            let channels = inputs.first().and_then(|shape| shape.first()).copied().unwrap_or(0);
            channels / groups * window.kernel[0] * window.kernel[1]
        }
        Op::Linear { inputs, .. } => *inputs,
        Op::MatrixProduct => inputs.first().and_then(|shape| shape.last()).copied().unwrap_or(0),
        _ => 0,
    };
    let products = shape.iter().product::<i64>().saturating_mul(terms);
    u64::try_from(products).unwrap_or(0)
}

/// Replaces the extents behind the channels.
fn positions(mut shape: Vec<i64>, extent: impl Fn(usize, i64) -> i64) -> Vec<i64> {
    for (axis, side) in shape.iter_mut().skip(1).enumerate() {
        *side = extent(axis, *side);
    }
    shape
}

fn with_last(mut shape: Vec<i64>, extent: i64) -> Vec<i64> {
    if let Some(last) = shape.last_mut() {
        *last = extent;
    }
    shape
}

/// The shape that two values have together: aligned at the last axis; an extent of 1 is that of the other.
fn joined(left: &[i64], right: &[i64]) -> Vec<i64> {
    let axes = left.len().max(right.len());
    let at = |shape: &[i64], axis: usize| (axis + shape.len()).checked_sub(axes).map(|axis| shape[axis]);
    let both = (0..axes).map(|axis| match (at(left, axis), at(right, axis)) {
        (Some(1) | None, Some(extent)) | (Some(extent), _) => extent,
        (None, None) => 1,
    });
    both.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Graph, Window};

    #[test]
    fn a_convolution_and_a_pool_count_their_windows() {
        let (mut graph, x) = Graph::of(&[3, 224, 224]);
        let conv = Convolution {
            weight: "conv1.weight".into(),
            bias: None,
            norm: None,
            output: 64,
            groups: 1,
            window: Window::square(7, 2, 3),
        };
        let x = graph.push(Op::Convolution(conv), &[x]);
        assert_eq!((graph.shape(x), graph.node(x).multiply_adds), (&[64, 112, 112][..], 118_013_952));
        let x = graph.push(Op::MaxPool(Window::square(3, 2, 1)), &[x]);
        assert_eq!(graph.shape(x), [64, 56, 56]);
        let x = graph.push(Op::Mean { axes: vec![1, 2] }, &[x]);
        let linear = Op::Linear { weight: "w".into(), bias: None, inputs: 64, outputs: 10 };
        let x = graph.push(linear, &[x]);
        assert_eq!((graph.shape(x), graph.multiply_adds_from(2)), (&[10][..], 640));
    }

    #[test]
    fn attention_has_the_shapes_of_its_heads() {
        let (mut graph, x) = Graph::of(&[3, 197, 64]);
        let turned = graph.push(Op::Transpose(vec![0, 2, 1]), &[x]);
        let scores = graph.push(Op::MatrixProduct, &[x, turned]);
        assert_eq!((graph.shape(scores), graph.node(scores).multiply_adds), (&[3, 197, 197][..], 7_451_328));
        let bias = graph.push_of_shape(Op::Parameter("bias".into()), &[197, 197]);
        let scores = graph.push(Op::Add, &[scores, bias]);
        assert!(graph.node(bias).constant && !graph.node(scores).constant);
        let mixed = graph.push(Op::MatrixProduct, &[scores, x]);
        let tokens = graph.push(Op::Transpose(vec![1, 0, 2]), &[mixed]);
        let tokens = graph.push(Op::Reshape(vec![197, -1]), &[tokens]);
        assert_eq!((graph.shape(mixed), graph.shape(tokens)), (&[3, 197, 64][..], &[197, 192][..]));
        let first = graph.push(Op::Slice { axis: 0, from: 0, to: 1 }, &[tokens]);
        let both = graph.push(Op::Concatenate { axis: 0 }, &[first, tokens]);
        assert_eq!(graph.shape(both), [198, 192]);
    }

    #[test]
    fn an_input_too_small_leaves_no_positions() {
        let (mut graph, x) = Graph::of(&[1, 2, 2]);
        let x = graph.push(Op::AveragePool(Window::square(5, 1, 0)), &[x]);
        assert!(graph.shape(x)[1] <= 0 && graph.node(x).multiply_adds == 0);
        // Nor does a sum make any.
        let sum = graph.push(Op::Add, &[x, x]);
        assert_eq!(graph.shape(sum), graph.shape(x));
        assert_eq!(joined(&[4, 1, 3], &[5, 1]), [4, 5, 3]);
    }
}
