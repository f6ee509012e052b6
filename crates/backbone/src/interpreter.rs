//! Computes what a description says, operation by operation, with libtorch's plainest functions.

use std::collections::BTreeMap;

use graph::{Activation, Convolution, Graph, Node, Norm, Op, Value, Window};
use tch::{Kind, Tensor};

use crate::Backbone;

/// Returns the last value of a graph for a batch `[N, ..]`, with these tensors by name.
///
/// # Panics
/// When a tensor is missing, or a value has another shape than the graph says: the graph is not that of the weights.
pub fn run(graph: &Graph, weights: &BTreeMap<String, Tensor>, x: &Tensor) -> Tensor {
    run_through(graph, weights, x, &mut |_, value| value)
}

/// Does what [`run`] does with every value passed through a function of its own shape: one that looks at it, or rounds it.
///
/// # Panics
/// As [`run`].
pub fn run_through(
    graph: &Graph,
    weights: &BTreeMap<String, Tensor>,
    x: &Tensor,
    through: &mut dyn FnMut(Value, Tensor) -> Tensor,
) -> Tensor {
    let mut values: Vec<Tensor> = Vec::new();
    for (id, node) in graph.values().zip(graph.nodes()) {
        let inputs: Vec<&Tensor> = node.inputs.iter().map(|input| &values[input.index()]).collect();
        let value = if node.op == Op::Input { x.shallow_clone() } else { compute(node, &inputs, weights) };
        let batch = if node.constant { 1 } else { x.size()[0] };
        assert_eq!(value.size(), [&[batch], node.shape.as_slice()].concat(), "{:?}", node.op);
        values.push(through(id, value));
    }
    values.pop().expect("a graph has an input")
}

/// All tensors of a network by name.
#[must_use]
pub fn weights(backbone: &Backbone) -> BTreeMap<String, Tensor> {
    let variables = backbone.variables().all().into_iter();
    variables.map(|variable| (variable.name, variable.tensor)).collect()
}

fn compute(node: &Node, inputs: &[&Tensor], weights: &BTreeMap<String, Tensor>) -> Tensor {
    let named = |name: &str| weights.get(name).unwrap_or_else(|| panic!("no tensor is called {name}"));
    let x = || inputs[0];
    let axis = |axis: usize| axis as i64 + 1;
    match &node.op {
        Op::Input => x().shallow_clone(),
        Op::Parameter(name) => named(name).reshape([&[1], node.shape.as_slice()].concat()),
        Op::Constant(values) => Tensor::from_slice(values).reshape([&[1], node.shape.as_slice()].concat()),
        Op::Rows { table, places } => {
            let rows = named(table).index_select(0, &Tensor::from_slice(places));
            rows.reshape([&[1], node.shape.as_slice()].concat())
        }
        Op::Convolution(Convolution { weight, bias, norm, groups, window, .. }) => {
            let x = bordered(x(), window, 0.0);
            let bias = bias.as_deref().map(named);
            let stride = [window.stride; 2];
            let x = x.conv2d(named(weight), bias, stride, [0, 0], [1, 1], *groups);
            norm.as_ref().map_or_else(|| x.shallow_clone(), |norm| normalised(&x, norm, named))
        }
        Op::Normalise(norm) => normalised(x(), norm, named),
        Op::Linear { weight, bias, .. } => x().linear(named(weight), bias.as_deref().map(named)),
        Op::Activation(activation) => match activation {
            Activation::Relu => x().relu(),
            Activation::Relu6 => x().clamp(0.0, 6.0),
            Activation::Silu => x().silu(),
            Activation::Tanh => x().tanh(),
            Activation::Sigmoid => x().sigmoid(),
            Activation::Gelu => x().gelu("none"),
            Activation::HardSwish => x() * (x() + 3.0).clamp(0.0, 6.0) / 6.0,
            Activation::HardSigmoid => (x() + 3.0).clamp(0.0, 6.0) / 6.0,
            Activation::Exp => x().exp(),
        },
        Op::MaxPool(window) => {
            let x = bordered(x(), window, f64::NEG_INFINITY);
            x.max_pool2d(window.kernel, [window.stride; 2], [0, 0], [1, 1], false)
        }
        Op::AveragePool(window) => {
            let x = bordered(x(), window, 0.0);
            x.avg_pool2d(window.kernel, [window.stride; 2], [0, 0], false, true, None::<i64>)
        }
        Op::AdaptiveAveragePool { side } => x().adaptive_avg_pool2d([*side; 2]),
        Op::Mean { axes } => {
            let axes: Vec<i64> = axes.iter().map(|&of| axis(of)).collect();
            x().mean_dim(axes.as_slice(), false, None::<Kind>)
        }
        Op::Add => inputs.iter().skip(1).fold(x().shallow_clone(), |sum, other| sum + *other),
        Op::Multiply => inputs.iter().skip(1).fold(x().shallow_clone(), |product, other| product * *other),
        Op::Scale(factor) => x() * *factor,
        Op::Concatenate { axis: along } => {
            let batch = inputs.iter().map(|input| input.size()[0]).max().unwrap_or(1);
            let all = inputs.iter().map(|input| {
                let mut size = input.size();
                size[0] = batch;
                input.expand(&size, false)
            });
            Tensor::cat(&all.collect::<Vec<_>>(), axis(*along))
        }
        Op::Take { places } => x().index_select(1, &Tensor::from_slice(places)),
        Op::UnitLength => x() / x().norm_scalaropt_dim(2.0, [-1i64].as_slice(), true).clamp_min(1e-12),
        Op::Slice { axis: along, from, to } => x().narrow(axis(*along), *from, to - from),
        Op::Reshape(shape) => x().reshape([&[x().size()[0]], shape.as_slice()].concat()),
        Op::Transpose(order) => {
            let order: Vec<i64> = std::iter::once(0).chain(order.iter().map(|&of| axis(of))).collect();
            x().permute(&order)
        }
        Op::MatrixProduct => x().matmul(inputs[1]),
        Op::Softmax => x().softmax(-1, None::<Kind>),
        Op::LayerNorm { weight, bias, eps } => {
            let last = node.shape.last().copied().into_iter().collect::<Vec<_>>();
            x().layer_norm(&last, Some(named(weight)), Some(named(bias)), *eps, false)
        }
        Op::Standardise { mean, deviation } => (x() - named(mean)) / named(deviation),
    }
}

/// With positions of this value around it.
fn bordered(x: &Tensor, window: &Window, value: f64) -> Tensor {
    let Window { before: [top, left], after: [bottom, right], .. } = *window;
    x.pad([left, right, top, bottom], "constant", value)
}

fn normalised<'a>(x: &Tensor, norm: &Norm, named: impl Fn(&str) -> &'a Tensor) -> Tensor {
    let of = |what: &str| named(&format!("{}.{what}", norm.name));
    let shape: Vec<i64> = (0..x.dim()).map(|axis| if axis == 1 { -1 } else { 1 }).collect();
    let of = |what: &str| of(what).view(shape.as_slice());
    (x - of("running_mean")) / (of("running_var") + norm.eps).sqrt() * of("weight") + of("bias")
}
