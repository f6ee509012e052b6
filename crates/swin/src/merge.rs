//! Between stages: four neighbours become one position of twice the width.

use backbone::layers::{LayerNorm, Linear};
use backbone::{Mode, Module, Path};
use graph::{Graph, Op, Value};
use tch::Tensor;

use crate::numbers::{EPS, INIT, Version};
use crate::window::{describe_padded, padded};

/// Joins the channels of 2x2 positions and halves their number by one matrix, with a norm before it, in v2 after it.
#[derive(Debug)]
pub(crate) struct Merge {
    version: Version,
    reduction: Linear,
    norm: LayerNorm,
}

impl Merge {
    /// From `width` channels to twice as many.
    pub(crate) fn new(path: &Path, version: Version, width: i64) -> Self {
        let normed = match version {
            Version::First => 4 * width,
            Version::Second => 2 * width,
        };
        Self {
            version,
            reduction: Linear::unbiased(&(path / "reduction"), 4 * width, 2 * width, INIT),
            norm: LayerNorm::new(&(path / "norm"), normed, EPS),
        }
    }
}

impl Module for Merge {
    /// `[N, H, W, C]` -> `[N, H / 2, W / 2, 2 C]`, odd sides rounded up.
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let size = x.size(); // [N, H, W, C]
        let x = padded(x, [size[1] % 2, size[2] % 2]);
        let (rows, columns) = ((size[1] + 1) / 2, (size[2] + 1) / 2);
        // The neighbour below comes before the one on the right.
        let x = x.reshape([size[0], rows, 2, columns, 2, size[3]]).permute([0, 1, 3, 4, 2, 5]);
        let x = x.reshape([size[0], rows, columns, 4 * size[3]]);
        match self.version {
            Version::First => self.reduction.forward(&self.norm.forward(&x, mode), mode),
            Version::Second => self.norm.forward(&self.reduction.forward(&x, mode), mode),
        }
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        let &[height, width, channels] = graph.shape(x) else { return x };
        let x = describe_padded(graph, x, [height % 2, width % 2]);
        let (rows, columns) = ((height + 1) / 2, (width + 1) / 2);
        let x = graph.push(Op::Reshape(vec![rows, 2, columns, 2, channels]), &[x]);
        let x = graph.push(Op::Transpose(vec![0, 2, 3, 1, 4]), &[x]);
        let x = graph.push(Op::Reshape(vec![rows, columns, 4 * channels]), &[x]);
        match self.version {
            Version::First => {
                let x = self.norm.describe(graph, x);
                self.reduction.describe(graph, x)
            }
            Version::Second => {
                let x = self.reduction.describe(graph, x);
                self.norm.describe(graph, x)
            }
        }
    }
}
