//! From an image to tokens: patches, the class token, positions, registers.

use backbone::layers::{Activation, Conv, ConvInit, ConvNorm};
use backbone::{Mode, Module, Path};
use graph::{Graph, Op, Value};
use tch::{Device, Kind, Tensor};

use crate::names::Names;
use crate::positions;
use crate::shape::Shape;

/// Every patch as a token, with where it lies added, and tokens that stand for no patch before them.
#[derive(Debug)]
pub(crate) struct Patches {
    project: ConvNorm,
    /// `[1, 1, width]`.
    class: Named,
    /// Of the class token and of every patch, row by row: `[1, 1 + H W, width]`.
    positions: Named,
    /// `[1, registers, width]`.
    registers: Option<Named>,
    dropout: f64,
}

/// A tensor and its name.
#[derive(Debug)]
struct Named {
    name: &'static str,
    tensor: Tensor,
}

impl Patches {
    /// For square images of this side, its variables below the network's `root`.
    pub(crate) fn new(
        root: &Path,
        names: Names,
        shape: Shape,
        [channels, side]: [i64; 2],
        dropout: f64,
    ) -> Self {
        let Shape { patch, width, registers, .. } = shape;
        let conv = Conv::new(channels, width, patch).stride(patch).activation(Activation::Identity);
        let grid = (side / patch).max(0);
        let extents = [1, 1 + grid * grid, width];
        let (class, positions) = (names.class_token(), names.positions());
        // In the order of the state dict.
        let (project, class, positions, registers) = match names {
            Names::TorchVision => {
                let zeros = Tensor::zeros([1, 1, width], (Kind::Float, Device::Cpu));
                let class = Named { name: class, tensor: root.parameter(class, zeros) };
                let project = conv.init(ConvInit::Patches).biased(&root.descend(names.patches()));
                let tensor = root.normal(positions, &extents, 0.02);
                root.refitted(positions, positions::TORCHVISION);
                (project, class, Named { name: positions, tensor }, None)
            }
            Names::Dino => {
                let tiny = |name: &'static str, count: i64| Named {
                    name,
                    tensor: root.normal(name, &[1, count, width], 1e-6),
                };
                let class = tiny(class, 1);
                let tensor = root.truncated_normal(positions, &extents, 0.02);
                let refit = if registers > 0 { positions::DINO_REGISTERS } else { positions::DINO };
                root.refitted(positions, refit);
                let registers = (registers > 0).then(|| tiny(REGISTERS, registers));
                let project = conv.biased(&root.descend(names.patches()));
                (project, class, Named { name: positions, tensor }, registers)
            }
        };
        for token in [&class, &positions].into_iter().chain(&registers) {
            root.undecayed(token.name);
        }
        Self { project, class, positions, registers, dropout }
    }

    /// The roots of its variables.
    pub(crate) fn roots(names: Names, shape: Shape) -> Vec<&'static str> {
        let registers = (shape.registers > 0).then_some(REGISTERS);
        [names.class_token(), names.positions(), names.patches()].into_iter().chain(registers).collect()
    }
}

const REGISTERS: &str = "register_tokens";

impl Module for Patches {
    /// `[N, channels, side, side]` -> `[N, 1 + registers + H W, width]`.
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let patches = self.project.forward(x, mode).flatten(2, 3).transpose(1, 2); // [N, H W, width]
        let each = |tokens: &Tensor| tokens.expand([patches.size()[0], -1, -1], false);
        let tokens = Tensor::cat(&[each(&self.class.tensor), patches.shallow_clone()], 1);
        let tokens = tokens + &self.positions.tensor;
        let tokens = match &self.registers {
            None => tokens,
            Some(registers) => {
                let count = tokens.size()[1];
                let parts = [tokens.narrow(1, 0, 1), each(&registers.tensor), tokens.narrow(1, 1, count - 1)];
                Tensor::cat(&parts, 1)
            }
        };
        let tokens = tokens.to_kind(x.kind());
        let drops = mode.is_training() && self.dropout > 0.0;
        if drops { torch_extra::rows::dropout(&tokens, self.dropout) } else { tokens }
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        let patches = self.project.describe(graph, x);
        let &[width, rows, columns] = graph.shape(patches) else { return patches };
        let count = rows * columns;
        let patches = graph.push(Op::Reshape(vec![width, count]), &[patches]);
        let patches = graph.push(Op::Transpose(vec![1, 0]), &[patches]);
        let parameter = |graph: &mut Graph, of: &Named, count: i64| {
            graph.push_of_shape(Op::Parameter(of.name.to_owned()), &[count, width])
        };
        let class = parameter(graph, &self.class, 1);
        let tokens = graph.push(Op::Concatenate { axis: 0 }, &[class, patches]);
        let positions = parameter(graph, &self.positions, self.positions.tensor.size()[1]);
        let tokens = graph.push(Op::Add, &[tokens, positions]);
        let Some(registers) = &self.registers else { return tokens };
        let first = graph.push(Op::Slice { axis: 0, from: 0, to: 1 }, &[tokens]);
        let rest = graph.push(Op::Slice { axis: 0, from: 1, to: 1 + count }, &[tokens]);
        let registers = parameter(graph, registers, registers.tensor.size()[1]);
        graph.push(Op::Concatenate { axis: 0 }, &[first, registers, rest])
    }
}
