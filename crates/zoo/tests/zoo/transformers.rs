//! The list of operations is wide enough for networks of attention: ViT-B/16 and Swin-T described, computed with made-up weights,
//! and written as ONNX. With `DESCRIBED` in the environment the files are left in that folder, with an input and the output, for
//! `tests/onnx/described.py` to run them in onnxruntime.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use backbone::{digest, interpreter};
use checkpoint::{Array, Dtype};
use graph::{Activation, Convolution, Graph, Op, Value, Window};
use onnx::{Facts, Options, Pixels, Precision};
use pretrained::InputSpec;
use tch::{Kind, Tensor};

/// A description under construction, and the weights that it names.
struct Draft {
    graph: Graph,
    weights: BTreeMap<String, Tensor>,
}

impl Draft {
    fn of(shape: &[i64]) -> (Self, Value) {
        let (graph, input) = Graph::of(shape);
        (Self { graph, weights: BTreeMap::new() }, input)
    }

    fn push(&mut self, op: Op, inputs: &[Value]) -> Value {
        self.graph.push(op, inputs)
    }

    fn weight(&mut self, name: &str, shape: &[i64], deviation: f64) -> String {
        let values = Tensor::randn(shape, (Kind::Float, tch::Device::Cpu)) * deviation;
        self.weights.insert(name.to_owned(), values);
        name.to_owned()
    }

    fn parameter(&mut self, name: &str, shape: &[i64]) -> Value {
        let name = self.weight(name, shape, 0.5);
        self.graph.push_of_shape(Op::Parameter(name), shape)
    }

    fn patches(&mut self, x: Value, width: i64, side: i64) -> Value {
        let weight = self.weight("patches.weight", &[width, 3, side, side], 0.05);
        let bias = Some(self.weight("patches.bias", &[width], 0.1));
        let window = Window::square(side, side, 0);
        let op = Convolution { weight, bias, norm: None, output: width, groups: 1, window };
        self.push(Op::Convolution(op), &[x])
    }

    fn linear(&mut self, x: Value, name: &str, outputs: i64) -> Value {
        let inputs = *self.graph.shape(x).last().unwrap();
        let weight = self.weight(&format!("{name}.weight"), &[outputs, inputs], (1.0 / inputs as f64).sqrt());
        let bias = Some(self.weight(&format!("{name}.bias"), &[outputs], 0.1));
        self.push(Op::Linear { weight, bias, inputs, outputs }, &[x])
    }

    fn norm(&mut self, x: Value, name: &str) -> Value {
        let width = *self.graph.shape(x).last().unwrap();
        let weight = self.weight(&format!("{name}.weight"), &[width], 0.5);
        let bias = self.weight(&format!("{name}.bias"), &[width], 0.1);
        self.push(Op::LayerNorm { weight, bias, eps: 1e-6 }, &[x])
    }

    /// x + W2 gelu(W1 norm(x)).
    fn perceptron(&mut self, x: Value, name: &str) -> Value {
        let width = *self.graph.shape(x).last().unwrap();
        let inner = self.norm(x, &format!("{name}.norm2"));
        let inner = self.linear(inner, &format!("{name}.mlp.0"), 4 * width);
        let inner = self.push(Op::Activation(Activation::Gelu), &[inner]);
        let inner = self.linear(inner, &format!("{name}.mlp.3"), width);
        self.push(Op::Add, &[x, inner])
    }

    /// Attention among the tokens of `[.., tokens, width]`, with what is added to the scores.
    fn attention(&mut self, x: Value, name: &str, heads: i64, bias: &[Value]) -> Value {
        let shape = self.graph.shape(x).to_vec();
        let (&[tokens, width], groups) = (&shape[shape.len() - 2..], shape.len() - 2) else { unreachable!() };
        let joined = self.linear(x, &format!("{name}.qkv"), 3 * width);
        let apart = [&shape[..groups], &[tokens, 3, heads, width / heads]].concat();
        let apart = self.push(Op::Reshape(apart), &[joined]);
        // [.., tokens, 3, heads, depth] -> [3, .., heads, tokens, depth]
        let order: Vec<usize> =
            [groups + 1].into_iter().chain(0..groups).chain([groups + 2, groups, groups + 3]).collect();
        let apart = self.push(Op::Transpose(order), &[apart]);
        let each = [&shape[..groups], &[heads, tokens, width / heads]].concat();
        let [queries, keys, values] = [0, 1, 2].map(|part| {
            let slice = self.push(Op::Slice { axis: 0, from: part, to: part + 1 }, &[apart]);
            self.push(Op::Reshape(each.clone()), &[slice])
        });
        let queries = self.push(Op::Scale(((width / heads) as f64).powf(-0.5)), &[queries]);
        let mut order: Vec<usize> = (0..groups + 3).collect();
        order.swap(groups + 1, groups + 2);
        let keys = self.push(Op::Transpose(order), &[keys]);
        let mut scores = self.push(Op::MatrixProduct, &[queries, keys]);
        for &bias in bias {
            scores = self.push(Op::Add, &[scores, bias]);
        }
        let shares = self.push(Op::Softmax, &[scores]);
        let mixed = self.push(Op::MatrixProduct, &[shares, values]);
        let mut order: Vec<usize> = (0..groups + 3).collect();
        order.swap(groups, groups + 1);
        let mixed = self.push(Op::Transpose(order), &[mixed]);
        let mixed = self.push(Op::Reshape(shape), &[mixed]);
        self.linear(mixed, &format!("{name}.out"), width)
    }

    /// Moves positions of `[height, width, channels]` towards the beginning, those that fall off come at the end.
    fn rolled(&mut self, x: Value, by: i64) -> Value {
        (0..2).fold(x, |x, axis| {
            let extent = self.graph.shape(x)[axis];
            let by = by.rem_euclid(extent);
            let late = self.push(Op::Slice { axis, from: by, to: extent }, &[x]);
            let early = self.push(Op::Slice { axis, from: 0, to: by }, &[x]);
            self.push(Op::Concatenate { axis }, &[late, early])
        })
    }
}

/// Dosovitskiy et al. 2020, as `torchvision.models.vit_b_16`.
fn vit_b_16() -> Draft {
    let (mut draft, x) = Draft::of(&[3, 224, 224]);
    let x = draft.patches(x, 768, 16);
    let x = draft.push(Op::Reshape(vec![768, 196]), &[x]);
    let x = draft.push(Op::Transpose(vec![1, 0]), &[x]);
    let class = draft.parameter("class_token", &[1, 768]);
    let x = draft.push(Op::Concatenate { axis: 0 }, &[class, x]);
    let positions = draft.parameter("pos_embedding", &[197, 768]);
    let mut x = draft.push(Op::Add, &[x, positions]);
    for layer in 0..12 {
        let name = format!("layers.{layer}");
        let inner = draft.norm(x, &format!("{name}.norm1"));
        let inner = draft.attention(inner, &name, 12, &[]);
        x = draft.push(Op::Add, &[x, inner]);
        x = draft.perceptron(x, &name);
    }
    let x = draft.norm(x, "norm");
    let x = draft.push(Op::Slice { axis: 0, from: 0, to: 1 }, &[x]);
    let x = draft.push(Op::Reshape(vec![-1]), &[x]);
    let _logits = draft.linear(x, "head", 10);
    draft
}

const WINDOW: i64 = 7;
const TOKENS: i64 = WINDOW * WINDOW;

/// Liu et al. 2021, as `torchvision.models.swin_t`.
fn swin_t() -> Draft {
    let (mut draft, x) = Draft::of(&[3, 224, 224]);
    let x = draft.patches(x, 96, 4);
    let x = draft.push(Op::Transpose(vec![1, 2, 0]), &[x]);
    let mut x = draft.norm(x, "patches.norm");
    for (stage, (depth, heads)) in [(2, 3), (2, 6), (6, 12), (2, 24)].into_iter().enumerate() {
        if stage > 0 {
            x = merged(&mut draft, x, &format!("merge.{stage}"));
        }
        for block in 0..depth {
            let shift = if block % 2 == 0 || draft.graph.shape(x)[0] <= WINDOW { 0 } else { WINDOW / 2 };
            x = windowed(&mut draft, x, &format!("stages.{stage}.{block}"), heads, shift);
        }
    }
    let x = draft.norm(x, "norm");
    let x = draft.push(Op::Mean { axes: vec![0, 1] }, &[x]);
    let _logits = draft.linear(x, "head", 10);
    draft
}

/// Four neighbours become one place of twice the width.
fn merged(draft: &mut Draft, x: Value, name: &str) -> Value {
    let &[height, width, channels] = draft.graph.shape(x) else { unreachable!() };
    let x = draft.push(Op::Reshape(vec![height / 2, 2, width / 2, 2, channels]), &[x]);
    let x = draft.push(Op::Transpose(vec![0, 2, 3, 1, 4]), &[x]);
    let x = draft.push(Op::Reshape(vec![height / 2, width / 2, 4 * channels]), &[x]);
    let x = draft.norm(x, &format!("{name}.norm"));
    draft.linear(x, &format!("{name}.reduction"), 2 * channels)
}

/// Attention within windows, which are shifted in every other block.
fn windowed(draft: &mut Draft, x: Value, name: &str, heads: i64, shift: i64) -> Value {
    let &[height, width, channels] = draft.graph.shape(x) else { unreachable!() };
    let (rows, columns) = (height / WINDOW, width / WINDOW);
    let inner = draft.norm(x, &format!("{name}.norm1"));
    let inner = if shift > 0 { draft.rolled(inner, shift) } else { inner };
    let inner = draft.push(Op::Reshape(vec![rows, WINDOW, columns, WINDOW, channels]), &[inner]);
    let inner = draft.push(Op::Transpose(vec![0, 2, 1, 3, 4]), &[inner]);
    let inner = draft.push(Op::Reshape(vec![rows * columns, TOKENS, channels]), &[inner]);

    let table = draft.weight(&format!("{name}.relative"), &[(2 * WINDOW - 1) * (2 * WINDOW - 1), heads], 0.5);
    let bias = draft.graph.push_of_shape(Op::Rows { table, places: relative() }, &[TOKENS * TOKENS, heads]);
    let bias = draft.push(Op::Reshape(vec![TOKENS, TOKENS, heads]), &[bias]);
    let mut bias = vec![draft.push(Op::Transpose(vec![2, 0, 1]), &[bias])];
    if shift > 0 {
        let shape = [rows * columns, 1, TOKENS, TOKENS];
        bias.push(draft.graph.push_of_shape(Op::Constant(mask(height, width, shift)), &shape));
    }
    let inner = draft.attention(inner, name, heads, &bias);

    let inner = draft.push(Op::Reshape(vec![rows, columns, WINDOW, WINDOW, channels]), &[inner]);
    let inner = draft.push(Op::Transpose(vec![0, 2, 1, 3, 4]), &[inner]);
    let inner = draft.push(Op::Reshape(vec![height, width, channels]), &[inner]);
    let inner = if shift > 0 { draft.rolled(inner, -shift) } else { inner };
    let x = draft.push(Op::Add, &[x, inner]);
    draft.perceptron(x, name)
}

/// Which row of the table of relative positions counts for each pair of tokens of a window.
fn relative() -> Vec<i64> {
    let pairs = (0..TOKENS).flat_map(|one| (0..TOKENS).map(move |other| (one, other)));
    let offset = |one: i64, other: i64| one - other + WINDOW - 1;
    pairs
        .map(|(one, other)| {
            offset(one / WINDOW, other / WINDOW) * (2 * WINDOW - 1) + offset(one % WINDOW, other % WINDOW)
        })
        .collect()
}

/// -100 for pairs of tokens that lie together only because positions were rolled.
fn mask(height: i64, width: i64, shift: i64) -> Vec<f32> {
    let part = |place: i64, extent: i64| match place {
        place if place < extent - WINDOW => 0,
        place if place < extent - shift => 1,
        _ => 2,
    };
    let mut values = Vec::new();
    for row in 0..height / WINDOW {
        for column in 0..width / WINDOW {
            let region = |token: i64| {
                let (y, x) = (row * WINDOW + token / WINDOW, column * WINDOW + token % WINDOW);
                3 * part(y, height) + part(x, width)
            };
            for one in 0..TOKENS {
                values
                    .extend((0..TOKENS).map(|other| if region(one) == region(other) { 0.0 } else { -100.0 }));
            }
        }
    }
    values
}

#[test]
fn networks_of_attention_can_be_described_computed_and_written() {
    let _one_at_a_time = conformance::one_at_a_time();
    tch::manual_seed(5);
    // Multiply-adds as TorchVision publishes them, in units of 1e9; ours count the products of attention too.
    for (name, draft, published) in [("vit_b_16", vit_b_16(), 17.56), ("swin_t", swin_t(), 4.49)] {
        let Draft { graph, weights } = draft;
        let cost = graph.multiply_adds_from(0) as f64 / 1e9;
        assert!((cost / published - 1.0).abs() < 0.03, "{name}: {cost}");
        let x = Tensor::randn([2, 3, 224, 224], (Kind::Float, tch::Device::Cpu));
        let logits = tch::no_grad(|| interpreter::run(&graph, &weights, &x));
        assert_eq!(logits.size(), [2, 10]);
        let alone = tch::no_grad(|| interpreter::run(&graph, &weights, &x.narrow(0, 1, 1)));
        assert!((alone - logits.narrow(0, 1, 1)).abs().max().double_value(&[]) < 1e-3, "{name}");
        let array = |tensor: &Tensor| {
            let shape = tensor.size().iter().map(|&extent| extent as usize).collect();
            Array::new(shape, Dtype::F32, digest::bytes(tensor).unwrap()).unwrap()
        };
        let arrays = weights.iter().map(|(name, tensor)| (name.clone(), array(tensor))).collect();
        let facts = Facts {
            arch: name.to_owned(),
            classes: (0..10).map(|class| class.to_string()).collect(),
            input: InputSpec::imagenet(),
            temperature: 1.0,
            model_sha256: String::new(),
            producer: String::new(),
        };
        let options = Options { pixels: Pixels::Prepared, precision: Precision::Float32 };
        let file = onnx::write(&graph, &arrays, &facts, &options).unwrap();
        if let Some(folder) = std::env::var_os("DESCRIBED").map(PathBuf::from) {
            fs::write(folder.join(format!("{name}.onnx")), file).unwrap();
            fs::write(folder.join(format!("{name}.input")), digest::bytes(&x).unwrap()).unwrap();
            fs::write(folder.join(format!("{name}.logits")), digest::bytes(&logits).unwrap()).unwrap();
        }
    }
}
