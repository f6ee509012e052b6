//! What attention knows of places: a number for each offset between two patches of a window, and each head.

use backbone::layers::{Activation, Linear, LinearInit};
use backbone::{Mode, Module, Path};
use graph::{Graph, Op, Value};
use tch::{Device, Kind, Tensor};

use crate::numbers::Version;

/// The numbers that are added to the scores of a window of `side * side` patches.
#[derive(Debug)]
pub(crate) struct Offsets {
    side: i64,
    heads: i64,
    /// The row of the table for each pair of patches: `[side^4]`, int64.
    index: Tensor,
    rows: Rows,
}

/// A row for each offset, `[(2 side - 1)^2, heads]`.
#[derive(Debug)]
enum Rows {
    /// Learned as they are.
    Table { name: String, values: Tensor },
    /// Given by a small network that reads the offset, on a logarithmic scale; 16 times a sigmoid of what it says.
    Network {
        name: String,
        /// `[1, 2 side - 1, 2 side - 1, 2]`.
        offsets: Tensor,
        hidden: Linear,
        out: Linear,
    },
}

/// The table or the offsets, which come before the projections in the state dict; the network comes after them.
#[derive(Debug)]
pub(crate) struct Begun {
    side: i64,
    heads: i64,
    index: Tensor,
    /// Name and values.
    table: String,
    values: Tensor,
}

impl Offsets {
    /// Registers what lies before the projections.
    pub(crate) fn begin(path: &Path, version: Version, side: i64, heads: i64) -> Begun {
        let (name, values) = match version {
            Version::First => {
                let name = "relative_position_bias_table";
                path.undecayed(name);
                (name, path.truncated_normal(name, &[(2 * side - 1) * (2 * side - 1), heads], 0.02))
            }
            Version::Second => {
                let name = "relative_coords_table";
                (name, path.buffer(name, logarithmic_offsets(side)))
            }
        };
        let index = path.buffer("relative_position_index", Tensor::from_slice(&index(side)));
        Begun { side, heads, index, table: format!("{}.{name}", path.name()), values }
    }

    /// `[heads, patches, patches]`, in the type of the weights.
    pub(crate) fn bias(&self) -> Tensor {
        let patches = self.side * self.side;
        let pick = |rows: &Tensor| {
            rows.index_select(0, &self.index).view([patches, patches, self.heads]).permute([2, 0, 1])
        };
        match &self.rows {
            Rows::Table { values, .. } => pick(values),
            Rows::Network { offsets, hidden, out, .. } => {
                // In this mode layers compute in their own type, whatever they were prepared for.
                let mode = Mode::TrainFixedNorm;
                let hidden = hidden.forward(offsets, mode).relu();
                let rows = out.forward(&hidden, mode).view([-1, self.heads]);
                pick(&rows).sigmoid() * 16.0
            }
        }
    }

    /// Describes [`Offsets::bias`].
    pub(crate) fn describe(&self, graph: &mut Graph) -> Value {
        let patches = self.side * self.side;
        let rows = (2 * self.side - 1) * (2 * self.side - 1);
        let places = index(self.side);
        let bias = match &self.rows {
            Rows::Table { name, .. } => {
                let op = Op::Rows { table: name.clone(), places };
                graph.push_of_shape(op, &[patches * patches, self.heads])
            }
            Rows::Network { name, hidden, out, .. } => {
                let offsets = graph.push_of_shape(Op::Parameter(name.clone()), &[rows, 2]);
                let x = hidden.describe(graph, offsets);
                let x = Activation::Relu.describe(graph, x);
                let x = out.describe(graph, x);
                graph.push(Op::Take { places }, &[x])
            }
        };
        let bias = graph.push(Op::Reshape(vec![patches, patches, self.heads]), &[bias]);
        let bias = graph.push(Op::Transpose(vec![2, 0, 1]), &[bias]);
        match &self.rows {
            Rows::Table { .. } => bias,
            Rows::Network { .. } => {
                let bias = graph.push(Op::Activation(graph::Activation::Sigmoid), &[bias]);
                graph.push(Op::Scale(16.0), &[bias])
            }
        }
    }
}

impl Begun {
    /// Registers what lies after the projections.
    pub(crate) fn end(self, path: &Path, version: Version) -> Offsets {
        let Self { side, heads, index, table, values } = self;
        let rows = match version {
            Version::First => Rows::Table { name: table, values },
            Version::Second => {
                let path = path / "cpb_mlp";
                let init = LinearInit::TruncatedNormalZeroBias(0.02);
                let hidden = Linear::new(&(&path / 0), 2, 512, init);
                let out = Linear::unbiased(&(&path / 2), 512, heads, init);
                Rows::Network { name: table, offsets: values, hidden, out }
            }
        };
        Offsets { side, heads, index, rows }
    }
}

/// For each pair of patches the row of the offset from the second to the first.
fn index(side: i64) -> Vec<i64> {
    let patches = side * side;
    let pairs = (0..patches).flat_map(|one| (0..patches).map(move |other| (one, other)));
    let offset = |one: i64, other: i64| one - other + side - 1;
    pairs
        .map(|(one, other)| {
            offset(one / side, other / side) * (2 * side - 1) + offset(one % side, other % side)
        })
        .collect()
}

/// sign(d) log2(1 + |d|) / 3 of every offset d along both axes, which reach from -8 to 8: `[1, 2 side - 1, 2 side - 1, 2]`.
fn logarithmic_offsets(side: i64) -> Tensor {
    let along: Vec<f32> = (1 - side..side).map(|offset| offset as f32).collect();
    let along = Tensor::from_slice(&along) / (side - 1) as f64 * 8.0;
    let along = along.sign() * (along.abs() + 1.0).log2() / 3.0;
    let count = 2 * side - 1;
    let rows = along.view([1, count, 1]).expand([1, count, count], false);
    let columns = along.view([1, 1, count]).expand([1, count, count], false);
    Tensor::stack(&[rows, columns], -1).to_device(Device::Cpu).to_kind(Kind::Float).contiguous()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_of_one_offset_share_a_row() {
        let index = index(2);
        assert_eq!(index.len(), 16);
        // Each patch to itself is the middle of the 3x3 offsets, and the last to the first is the last of them.
        assert!((0..4).all(|patch| index[patch * 4 + patch] == 4));
        assert_eq!((index[3 * 4], index[3]), (8, 0));
    }

    #[test]
    fn offsets_are_logarithmic_and_the_middle_is_zero() {
        let offsets = logarithmic_offsets(8);
        assert_eq!(offsets.size(), [1, 15, 15, 2]);
        let at = |place: [i64; 3]| offsets.double_value(&[0, place[0], place[1], place[2]]);
        assert_eq!(at([7, 7, 0]), 0.0);
        assert!(
            (at([14, 0, 0]) - 9f64.log2() / 3.0).abs() < 1e-6
                && (at([14, 0, 1]) + 9f64.log2() / 3.0).abs() < 1e-6
        );
    }
}
