//! Two linear layers with GELU between them, at each position alone.

use graph::{Graph, Op, Value};
use tch::{Kind, Tensor};
use torch_extra::convolution::{FusedConvolution, Pointwise};

use super::init::LinearInit;
use crate::module::Mode;
use crate::prepared::{Prepare, Slot};
use crate::variables::Path;

/// W2 gelu(W1 x + b1) + b2 over the last axis, each value times a scale of its own where there is one ("layer scale", Touvron et
/// al., "Going deeper with Image Transformers", 2021). The end of a residual branch.
#[derive(Debug)]
pub struct Perceptron {
    layers: [Layer; 2],
    scale: Option<LayerScale>,
    /// Both layers with what follows them in one operation each, while the weights are constant.
    fused: Slot<[FusedConvolution; 2]>,
}

/// Factors of the values of a branch, and their name.
#[derive(Debug)]
pub struct LayerScale {
    /// TorchVision's name.
    pub name: String,
    /// As many as the branch has channels, in any shape.
    pub values: Tensor,
}

#[derive(Debug)]
struct Layer {
    name: String,
    /// `[outputs, inputs]`.
    weight: Tensor,
    /// `[outputs]`.
    bias: Tensor,
}

impl Perceptron {
    /// `width` to `inner` to `width` values, the variables of the two layers below `paths`.
    #[must_use]
    pub fn new(
        paths: [&Path; 2],
        width: i64,
        inner: i64,
        init: LinearInit,
        scale: Option<LayerScale>,
    ) -> Self {
        let [first, last] = paths;
        let layers = [Layer::new(first, width, inner, init), Layer::new(last, inner, width, init)];
        let perceptron = Self { layers, scale, fused: Slot::default() };
        last.can_be_prepared(perceptron.twin());
        perceptron
    }

    /// A second handle on the same layers.
    fn twin(&self) -> Self {
        let scale = self.scale.as_ref().map(|LayerScale { name, values }| LayerScale {
            name: name.clone(),
            values: values.shallow_clone(),
        });
        Self { layers: self.layers.each_ref().map(Layer::twin), scale, fused: self.fused.clone() }
    }

    /// Returns what is added to the shortcut, `[N, .., width]` -> the same shape.
    pub fn branch(&self, x: &Tensor) -> Tensor {
        let [first, last] = &self.layers;
        let x = last.forward(&first.forward(x).gelu("none"));
        self.scale.as_ref().map_or_else(|| x.shallow_clone(), |scale| &x * scale.values.reshape([-1]))
    }

    /// branch(x) + skip, `[N, .., width]` each.
    pub fn forward_add(&self, x: &Tensor, skip: &Tensor, mode: Mode) -> Tensor {
        let fused = self.fused.with(mode, |[first, last]| {
            let sum = last.forward_add(&first.forward(&map(x)), &map(skip));
            sum.permute([0, 2, 3, 1]).reshape(x.size())
        });
        fused.unwrap_or_else(|| self.branch(x) + skip)
    }

    /// Describes [`Perceptron::forward_add`].
    pub fn describe_add(&self, graph: &mut Graph, x: Value, skip: Value) -> Value {
        let [first, last] = &self.layers;
        let x = first.describe(graph, x);
        let x = graph.push(Op::Activation(graph::Activation::Gelu), &[x]);
        let mut x = last.describe(graph, x);
        if let Some(LayerScale { name, values }) = &self.scale {
            let scale = graph.push_of_shape(Op::Parameter(name.clone()), &[values.numel() as i64]);
            x = graph.push(Op::Multiply, &[x, scale]);
        }
        graph.push(Op::Add, &[x, skip])
    }
}

/// Values `[N, .., width]` as a map `[N, width, ..]` of which a convolution of one position computes the same.
fn map(x: &Tensor) -> Tensor {
    let x = match x.dim() {
        4 => x.shallow_clone(),
        _ => x.reshape([1, -1, 1, x.size().last().copied().unwrap_or(1)]),
    };
    x.permute([0, 3, 1, 2])
}

impl Prepare for Perceptron {
    fn prepare(&self, kind: Kind) {
        let [first, last] = self.layers.each_ref().map(Layer::twin);
        let scaled = match &self.scale {
            Some(LayerScale { values, .. }) => last.scaled(&values.detach().reshape([-1])),
            None => last,
        };
        self.fused.put(Some([first.fused(kind, Pointwise::Gelu), scaled.fused(kind, Pointwise::Identity)]));
    }

    fn forget(&self) {
        self.fused.put(None);
    }
}

impl Layer {
    fn new(path: &Path, inputs: i64, outputs: i64, init: LinearInit) -> Self {
        Self {
            name: path.name().to_owned(),
            weight: path.random("weight", &[outputs, inputs], init.weight(inputs, outputs)),
            bias: path.random("bias", &[outputs], init.bias(inputs)),
        }
    }

    fn twin(&self) -> Self {
        let [weight, bias] = [&self.weight, &self.bias].map(Tensor::shallow_clone);
        Self { name: self.name.clone(), weight, bias }
    }

    fn forward(&self, x: &Tensor) -> Tensor {
        x.linear(&self.weight, Some(&self.bias))
    }

    /// The layer whose output is this one's times a scale for each value, computed in float64.
    fn scaled(&self, scale: &Tensor) -> Self {
        let double = |tensor: &Tensor| tensor.detach().to_kind(Kind::Double);
        let weight = (double(&self.weight) * double(scale).unsqueeze(1)).to_kind(self.weight.kind());
        let bias = (double(&self.bias) * double(scale)).to_kind(self.bias.kind());
        Self { name: self.name.clone(), weight, bias }
    }

    fn fused(&self, kind: Kind, pointwise: Pointwise) -> FusedConvolution {
        let weight = self.weight.detach().unsqueeze(-1).unsqueeze(-1);
        FusedConvolution::new(&weight, &self.bias, kind, [[0, 0], [1, 1]], 1, pointwise)
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        let (weight, bias) = (format!("{}.weight", self.name), format!("{}.bias", self.name));
        let size = self.weight.size(); // [outputs, inputs]
        graph.push(Op::Linear { weight, bias: Some(bias), inputs: size[1], outputs: size[0] }, &[x])
    }
}
