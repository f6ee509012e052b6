//! Attention, in steps that families put together: ViT takes it as it is, Swin within windows and with a bias.

use graph::{Graph, Op, Value};
use tch::Tensor;

use super::projection::Projection;
use crate::module::{Mode, Module};

/// Attention of every token to every token, in several heads (Vaswani et al. 2017, "Attention Is All You Need"): softmax(Q K' /
/// √depth) V, the heads joined and projected.
#[derive(Debug)]
pub struct SelfAttention {
    /// Queries, keys and values of all heads in one product, `width` to `3 width`.
    pub joined: Projection,
    /// The projection of the joined heads, `width` to `width`.
    pub out: Projection,
    /// Number of heads, which divides the width.
    pub heads: i64,
}

impl Module for SelfAttention {
    /// `[N, tokens, width]` -> `[N, tokens, width]`.
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let [queries, keys, values] = apart(&self.joined.forward(x, mode), self.heads);
        self.out.forward(&together(&attend(&queries, &keys, &values, None, None)), mode)
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        let joined = self.joined.describe(graph, x);
        let mixed = describe_attention(graph, joined, self.heads, &[]);
        self.out.describe(graph, mixed)
    }
}

/// softmax(Q K' scale + bias) V for `[N, heads, tokens, depth]`, by the library's fused kernel where it has one; the scale is
/// 1 / √depth where none is given.
pub fn attend(
    queries: &Tensor,
    keys: &Tensor,
    values: &Tensor,
    bias: Option<&Tensor>,
    scale: Option<f64>,
) -> Tensor {
    Tensor::scaled_dot_product_attention(queries, keys, values, bias, 0.0, false, scale, false)
}

/// Takes queries, keys and values apart: `[N, tokens, 3 width]` -> `[N, heads, tokens, width / heads]` each.
pub fn apart(joined: &Tensor, heads: i64) -> [Tensor; 3] {
    let size = joined.size();
    let parts = joined.view([size[0], size[1], 3, heads, size[2] / 3 / heads]).permute([2, 0, 3, 1, 4]);
    [0, 1, 2].map(|part| parts.select(0, part))
}

/// Joins the heads: `[N, heads, tokens, depth]` -> `[N, tokens, heads * depth]`.
pub fn together(mixed: &Tensor) -> Tensor {
    mixed.transpose(1, 2).flatten(2, 3)
}

/// Describes attention of queries, keys and values `[.., tokens, 3 width]` with what is added to its scores
/// (`[.., heads, tokens, tokens]`): `[.., tokens, width]`.
pub fn describe_attention(graph: &mut Graph, joined: Value, heads: i64, biases: &[Value]) -> Value {
    let [queries, keys, values] = describe_apart(graph, joined, heads);
    let depth = graph.shape(queries).last().copied().unwrap_or(1).max(1);
    let queries = graph.push(Op::Scale((depth as f64).powf(-0.5)), &[queries]);
    let scores = describe_scores(graph, queries, keys);
    describe_mixture(graph, scores, biases, values)
}

/// Describes [`apart`]: `[.., tokens, 3 width]` -> `[.., heads, tokens, depth]` each.
pub fn describe_apart(graph: &mut Graph, joined: Value, heads: i64) -> [Value; 3] {
    let shape = graph.shape(joined).to_vec();
    let groups = shape.len().saturating_sub(2);
    let (tokens, width) = (shape[groups], shape[groups + 1] / 3);
    let split = [&shape[..groups], &[tokens, 3, heads, width / heads]].concat();
    let split = graph.push(Op::Reshape(split), &[joined]);
    // [.., tokens, 3, heads, depth] -> [3, .., heads, tokens, depth]
    let order: Vec<usize> =
        [groups + 1].into_iter().chain(0..groups).chain([groups + 2, groups, groups + 3]).collect();
    let split = graph.push(Op::Transpose(order), &[split]);
    let each = [&shape[..groups], &[heads, tokens, width / heads]].concat();
    [0, 1, 2].map(|part| {
        let slice = graph.push(Op::Slice { axis: 0, from: part, to: part + 1 }, &[split]);
        graph.push(Op::Reshape(each.clone()), &[slice])
    })
}

/// Describes Q K': `[.., tokens, depth]` twice -> `[.., tokens, tokens]`.
pub fn describe_scores(graph: &mut Graph, queries: Value, keys: Value) -> Value {
    let axes = graph.shape(keys).len();
    let mut order: Vec<usize> = (0..axes).collect();
    order.swap(axes - 2, axes - 1);
    let keys = graph.push(Op::Transpose(order), &[keys]);
    graph.push(Op::MatrixProduct, &[queries, keys])
}

/// Describes softmax(scores + biases) V with the heads joined: `[.., heads, tokens, tokens]` -> `[.., tokens, width]`.
pub fn describe_mixture(graph: &mut Graph, scores: Value, biases: &[Value], values: Value) -> Value {
    let scores = biases.iter().fold(scores, |scores, &bias| graph.push(Op::Add, &[scores, bias]));
    let shares = graph.push(Op::Softmax, &[scores]);
    let mixed = graph.push(Op::MatrixProduct, &[shares, values]);
    let shape = graph.shape(mixed).to_vec(); // [.., heads, tokens, depth]
    let groups = shape.len().saturating_sub(3);
    let mut order: Vec<usize> = (0..shape.len()).collect();
    order.swap(groups, groups + 1);
    let mixed = graph.push(Op::Transpose(order), &[mixed]);
    let joined = [&shape[..groups], &[shape[groups + 1], shape[groups] * shape[groups + 2]]].concat();
    graph.push(Op::Reshape(joined), &[mixed])
}
