//! Attention of each patch to those of its window.

use std::sync::{Mutex, PoisonError};

use backbone::layers::attention::{
    apart, attend, describe_apart, describe_mixture, describe_scores, together,
};
use backbone::layers::{Activation, Linear, Projection};
use backbone::{Mode, Module, Path};
use graph::{Graph, Op, Value};
use tch::{Device, Kind, Tensor};

use crate::numbers::{INIT, Version};
use crate::offsets::Offsets;

/// How a map is cut into windows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Windows {
    /// Patches along a side.
    pub(crate) side: i64,
    /// Patches by which windows are shifted down and to the right.
    pub(crate) shift: i64,
}

/// Attention within windows.
#[derive(Debug)]
pub(crate) struct WindowAttention {
    windows: Windows,
    heads: i64,
    offsets: Offsets,
    scores: Scores,
    out: Projection,
    masks: Mutex<Option<Masks>>,
}

/// How queries, keys and values are made, and how the first two are compared.
#[derive(Debug)]
enum Scores {
    /// Their product over √depth.
    Product { joined: Projection },
    /// Their cosine times a factor for each head, at most 100. Keys have no bias, though there is a place for it in the file.
    Cosine {
        joined: Projection,
        bias_name: String,
        /// `[3 width]`.
        bias: Tensor,
        scale_name: String,
        /// Logarithm of the factor, `[heads, 1, 1]`.
        scale: Tensor,
    },
}

/// What is added to the scores of pairs that lie together only because the map was rolled.
#[derive(Debug)]
struct Masks {
    /// Height and width that they are for.
    sides: [i64; 2],
    /// `[windows, 1, patches, patches]`.
    values: Tensor,
}

/// Largest logarithm of a factor: ln 100.
const LARGEST: f64 = 4.605_170_185_988_092;

impl WindowAttention {
    /// Its variables below `path`, in the order of the state dict.
    pub(crate) fn new(path: &Path, version: Version, width: i64, heads: i64, windows: Windows) -> Self {
        let cpu = (Kind::Float, Device::Cpu);
        let scale = (version == Version::Second).then(|| {
            let ten = Tensor::full([heads, 1, 1], 10f64.ln(), cpu);
            path.undecayed("logit_scale");
            path.parameter("logit_scale", ten)
        });
        let offsets = Offsets::begin(path, version, windows.side, heads);
        let joined = &(path / "qkv");
        let scores = match scale {
            None => Scores::Product {
                joined: Projection::new(path, Linear::new(joined, width, 3 * width, INIT), 3),
            },
            Some(scale) => Scores::Cosine {
                joined: Projection::new(path, Linear::unbiased(joined, width, 3 * width, INIT), 3),
                bias_name: format!("{}.bias", joined.name()),
                bias: joined.parameter("bias", Tensor::zeros([3 * width], cpu)),
                scale_name: format!("{}.logit_scale", path.name()),
                scale,
            },
        };
        let out = Projection::new(path, Linear::new(&(path / "proj"), width, width, INIT), 1);
        let offsets = offsets.end(path, version);
        Self { windows, heads, offsets, scores, out, masks: Mutex::default() }
    }

    /// Windows of a map whose sides are multiples of a window's: how far they are shifted along each. Where there is one window
    /// alone there is nothing to shift.
    fn shifts(&self, sides: [i64; 2]) -> [i64; 2] {
        sides.map(|side| if self.windows.side >= side { 0 } else { self.windows.shift })
    }

    /// Queries, keys and values of tokens `[N, patches, width]`: `[N, heads, patches, depth]` each, and the factor of the scores
    /// where it is not 1 / √depth.
    fn compared(&self, x: &Tensor, mode: Mode) -> ([Tensor; 3], Option<f64>) {
        match &self.scores {
            Scores::Product { joined } => (apart(&joined.forward(x, mode), self.heads), None),
            Scores::Cosine { joined, bias, scale, .. } => {
                let width = bias.size()[0] / 3;
                let zeros = bias.zeros_like().narrow(0, 0, width);
                let parts = [bias.narrow(0, 0, width), zeros, bias.narrow(0, 2 * width, width)];
                let joined = joined.forward(x, mode);
                let joined = &joined + Tensor::cat(&parts, 0).to_kind(joined.kind());
                let [queries, keys, values] = apart(&joined, self.heads);
                let factor = scale.clamp_max(LARGEST).exp().to_kind(joined.kind());
                ([unit(&queries) * factor, unit(&keys), values], Some(1.0))
            }
        }
    }

    /// The masks for a map of these sides, `[windows, 1, patches, patches]`, like `x` in type and device.
    fn masks(&self, sides: [i64; 2], shifts: [i64; 2], x: &Tensor) -> Tensor {
        let mut masks = self.masks.lock().unwrap_or_else(PoisonError::into_inner);
        let fits = |masks: &Masks| {
            masks.sides == sides && masks.values.kind() == x.kind() && masks.values.device() == x.device()
        };
        if let Some(masks) = masks.as_ref().filter(|masks| fits(masks)) {
            return masks.values.shallow_clone();
        }
        let (side, patches) = (self.windows.side, self.windows.side * self.windows.side);
        let values = Tensor::from_slice(&masks_of_kinds(shifts, side)).view([-1, 1, patches, patches]);
        let values = values.index_select(0, &Tensor::from_slice(&kinds(sides.map(|extent| extent / side))));
        let values = values.to_device(x.device()).to_kind(x.kind());
        *masks = Some(Masks { sides, values: values.shallow_clone() });
        values
    }
}

/// Vectors of length 1 along the last axis, or 0.
fn unit(x: &Tensor) -> Tensor {
    x / x.norm_scalaropt_dim(2.0, [-1i64].as_slice(), true).clamp_min(1e-12)
}

impl Module for WindowAttention {
    /// `[N, H, W, width]` -> `[N, H, W, width]`.
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let &[count, height, width, channels] = &x.size()[..] else { return x.shallow_clone() };
        let side = self.windows.side;
        let [bottom, right] = [height, width].map(|extent| (side - extent % side) % side);
        let x = padded(x, [bottom, right]);
        let (all_rows, all_columns) = (height + bottom, width + right);
        let shifts = self.shifts([all_rows, all_columns]);
        let shifted = shifts != [0, 0];
        let x = if shifted { x.roll(shifts.map(|shift| -shift), [1, 2]) } else { x };
        let (rows, columns) = (all_rows / side, all_columns / side);
        let x = x.reshape([count, rows, side, columns, side, channels]).permute([0, 1, 3, 2, 4, 5]);
        let x = x.reshape([count * rows * columns, side * side, channels]);

        let ([queries, keys, values], scale) = self.compared(&x, mode);
        let bias = self.offsets.bias().to_kind(queries.kind()).unsqueeze(0); // [1, heads, patches, patches]
        let mixed = if shifted {
            // With an axis for windows: masks differ between them, and images share them.
            let by_image = |x: &Tensor| x.unflatten(0, [count, rows * columns]);
            let bias = bias + self.masks([all_rows, all_columns], shifts, &queries);
            let [queries, keys, values] = [queries, keys, values].map(|x| by_image(&x));
            attend(&queries, &keys, &values, Some(&bias), scale).flatten(0, 1)
        } else {
            attend(&queries, &keys, &values, Some(&bias), scale)
        };
        let x = self.out.forward(&together(&mixed), mode); // [N windows, patches, width]

        let x = x.reshape([count, rows, columns, side, side, channels]).permute([0, 1, 3, 2, 4, 5]);
        let x = x.reshape([count, all_rows, all_columns, channels]);
        let x = if shifted { x.roll(shifts, [1, 2]) } else { x };
        x.narrow(1, 0, height).narrow(2, 0, width)
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        let &[height, width, channels] = graph.shape(x) else { return x };
        let (side, patches) = (self.windows.side, self.windows.side * self.windows.side);
        let [bottom, right] = [height, width].map(|extent| (side - extent.rem_euclid(side)) % side);
        let x = describe_padded(graph, x, [bottom, right]);
        let sides = [height + bottom, width + right];
        let shifts = self.shifts(sides);
        let x = rolled(graph, x, shifts);
        let [rows, columns] = sides.map(|extent| extent / side);
        let x = graph.push(Op::Reshape(vec![rows, side, columns, side, channels]), &[x]);
        let x = graph.push(Op::Transpose(vec![0, 2, 1, 3, 4]), &[x]);
        let x = graph.push(Op::Reshape(vec![rows * columns, patches, channels]), &[x]);

        let mut biases = vec![self.offsets.describe(graph)];
        if shifts != [0, 0] {
            let masks = Op::Constant(masks_of_kinds(shifts, side));
            let masks = graph.push_of_shape(masks, &[4, 1, patches, patches]);
            biases.push(graph.push(Op::Take { places: kinds([rows, columns]) }, &[masks]));
        }
        let [scores, values] = self.describe_scores(graph, x);
        let x = describe_mixture(graph, scores, &biases, values);
        let x = self.out.describe(graph, x);

        let x = graph.push(Op::Reshape(vec![rows, columns, side, side, channels]), &[x]);
        let x = graph.push(Op::Transpose(vec![0, 2, 1, 3, 4]), &[x]);
        let x = graph.push(Op::Reshape(vec![sides[0], sides[1], channels]), &[x]);
        let x = rolled(graph, x, shifts.map(|shift| -shift));
        [height, width].into_iter().enumerate().fold(x, |x, (axis, extent)| match graph.shape(x)[axis] {
            whole if whole == extent => x,
            _ => graph.push(Op::Slice { axis, from: 0, to: extent }, &[x]),
        })
    }
}

impl WindowAttention {
    /// Describes the scores of `[windows, patches, width]` without what is added to them, and the values.
    fn describe_scores(&self, graph: &mut Graph, x: Value) -> [Value; 2] {
        match &self.scores {
            Scores::Product { joined } => {
                let joined = joined.describe(graph, x);
                let [queries, keys, values] = describe_apart(graph, joined, self.heads);
                let depth = graph.shape(queries).last().copied().unwrap_or(1).max(1);
                let queries = graph.push(Op::Scale((depth as f64).powf(-0.5)), &[queries]);
                [describe_scores(graph, queries, keys), values]
            }
            Scores::Cosine { joined, bias_name, bias, scale_name, scale } => {
                let length = bias.size()[0];
                let there: Vec<f32> =
                    (0..length).map(|place| if place * 3 / length == 1 { 0.0 } else { 1.0 }).collect();
                let there = graph.push_of_shape(Op::Constant(there), &[length]);
                let bias = graph.push_of_shape(Op::Parameter(bias_name.clone()), &[length]);
                let bias = graph.push(Op::Multiply, &[bias, there]);
                let joined = joined.describe(graph, x);
                let joined = graph.push(Op::Add, &[joined, bias]);
                let [queries, keys, values] = describe_apart(graph, joined, self.heads);
                let [queries, keys] = [queries, keys].map(|x| graph.push(Op::UnitLength, &[x]));
                let scores = describe_scores(graph, queries, keys);
                // exp(min(scale, LARGEST)), where min(a, b) is b - relu(b - a).
                let scale = graph.push_of_shape(Op::Parameter(scale_name.clone()), &scale.size());
                let largest = graph.push_of_shape(Op::Constant(vec![LARGEST as f32]), &[1, 1, 1]);
                let negative = graph.push(Op::Scale(-1.0), &[scale]);
                let below = graph.push(Op::Add, &[largest, negative]);
                let below = Activation::Relu.describe(graph, below);
                let below = graph.push(Op::Scale(-1.0), &[below]);
                let scale = graph.push(Op::Add, &[largest, below]);
                let factor = graph.push(Op::Activation(graph::Activation::Exp), &[scale]);
                [graph.push(Op::Multiply, &[scores, factor]), values]
            }
        }
    }
}

/// Zeros below and on the right of `[N, H, W, C]`.
pub(crate) fn padded(x: &Tensor, [bottom, right]: [i64; 2]) -> Tensor {
    if [bottom, right] == [0, 0] { x.shallow_clone() } else { x.constant_pad_nd([0, 0, 0, right, 0, bottom]) }
}

/// Describes [`padded`].
pub(crate) fn describe_padded(graph: &mut Graph, x: Value, zeros: [i64; 2]) -> Value {
    zeros.into_iter().enumerate().fold(x, |x, (axis, zeros)| {
        if zeros <= 0 {
            return x;
        }
        let mut shape = graph.shape(x).to_vec();
        shape[axis] = zeros;
        let count = usize::try_from(shape.iter().product::<i64>()).unwrap_or(0);
        let zeros = graph.push_of_shape(Op::Constant(vec![0.0; count]), &shape);
        graph.push(Op::Concatenate { axis }, &[x, zeros])
    })
}

/// Moves positions of `[height, width, channels]` towards the beginning of each axis; those that fall off come at the end.
fn rolled(graph: &mut Graph, x: Value, by: [i64; 2]) -> Value {
    by.into_iter().enumerate().fold(x, |x, (axis, by)| {
        let extent = graph.shape(x)[axis];
        let by = if extent > 0 { by.rem_euclid(extent) } else { 0 };
        if by == 0 {
            return x;
        }
        let late = graph.push(Op::Slice { axis, from: by, to: extent }, &[x]);
        let early = graph.push(Op::Slice { axis, from: 0, to: by }, &[x]);
        graph.push(Op::Concatenate { axis }, &[late, early])
    })
}

/// -100 for pairs of patches that lie together only because positions were rolled, else 0: for each kind of window and each pair.
/// Only windows at the end of a row or a column hold what has come round: `2 * last_row + last_column` is the kind.
fn masks_of_kinds([down, right]: [i64; 2], side: i64) -> Vec<f32> {
    let kinds = [[false, false], [false, true], [true, false], [true, true]];
    let masks = kinds.into_iter().flat_map(|[last_row, last_column]| {
        let came_round = |patch: i64| {
            (last_row && patch / side >= side - down, last_column && patch % side >= side - right)
        };
        let sides: Vec<(bool, bool)> = (0..side * side).map(came_round).collect();
        let pairs = sides.iter().flat_map(|one| sides.iter().map(move |other| one == other));
        pairs.map(|together| if together { 0.0 } else { -100.0 }).collect::<Vec<f32>>()
    });
    masks.collect()
}

/// The kind of each window, row by row.
fn kinds([rows, columns]: [i64; 2]) -> Vec<i64> {
    let of = |row: i64, column: i64| 2 * i64::from(row + 1 == rows) + i64::from(column + 1 == columns);
    (0..rows).flat_map(|row| (0..columns).map(move |column| of(row, column))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_round_attends_only_to_itself() {
        assert_eq!(kinds([2, 3]), [0, 0, 1, 2, 2, 3]);
        // Windows of 2x2 patches, shifted by one: in the corner no two patches were neighbours.
        let masks = masks_of_kinds([1, 1], 2);
        let of = |kind: usize, one: usize, other: usize| masks[kind * 16 + one * 4 + other];
        assert!((0..16).all(|pair| masks[pair] == 0.0));
        assert!((0..4).all(|one| (0..4).all(|other| (of(3, one, other) == 0.0) == (one == other))));
        // At the end of a row the left half and the right half are apart.
        assert_eq!([of(1, 0, 2), of(1, 1, 3), of(1, 0, 1), of(1, 2, 3)], [0.0, 0.0, -100.0, -100.0]);
    }
}
