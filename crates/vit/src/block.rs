//! One block of the encoder: attention, then a small network on each token, each as a correction to its input.

use backbone::layers::{LayerNorm, Linear, LinearInit, Projection, SelfAttention};
use backbone::{Mode, Module, Path};
use graph::{Activation, Graph, Op, Value};
use regularize::stochastic_depth::stochastic_depth;
use tch::{Device, Kind, Tensor};

use crate::names::Names;
use crate::shape::Shape;

/// x + attention(norm(x)), then x + mlp(norm(x)). The norms come first (Baevski and Auli 2019), so that nothing stands between
/// the end and the beginning but sums.
#[derive(Debug)]
pub(crate) struct Block {
    attention_norm: LayerNorm,
    attention: SelfAttention,
    attention_scale: Option<LayerScale>,
    mlp_norm: LayerNorm,
    widen: Linear,
    narrow: Linear,
    mlp_scale: Option<LayerScale>,
    rates: Rates,
}

/// Probabilities with which a block leaves something out in training.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rates {
    /// Of a value of each branch and of the inner layer.
    pub(crate) dropout: f64,
    /// Of a whole branch.
    pub(crate) stochastic_depth: f64,
}

/// Added to the variance, in all networks of the family.
pub(crate) const EPS: f64 = 1e-6;

impl Block {
    /// Block `number`, from 0, its variables below the network's `root`.
    pub(crate) fn new(root: &Path, names: Names, number: usize, shape: Shape, rates: Rates) -> Self {
        let Shape { width, heads, .. } = shape;
        let path = names.block(root, number);
        let [joined_init, out_init, mlp_init] = match names {
            Names::TorchVision => {
                [LinearInit::Xavier(0.0), LinearInit::TorchDefaultZeroBias, LinearInit::Xavier(1e-6)]
            }
            Names::Dino => [LinearInit::TruncatedNormalZeroBias(0.02); 3],
        };
        // In the order of the state dict.
        let attention_norm = LayerNorm::new(&path.descend(names.attention_norm()), width, EPS);
        let joined = names.joined();
        let joined = Linear::named(&path.descend(joined.path), joined.names, width, 3 * width, joined_init);
        let joined = Projection::new(&path, joined, 3);
        let out = Linear::new(&path.descend(names.attention_out()), width, width, out_init);
        let out = Projection::new(&path, out, 1);
        let attention_scale = names.attention_scale().map(|name| LayerScale::new(&path, name, width));
        let mlp_norm = LayerNorm::new(&path.descend(names.mlp_norm()), width, EPS);
        let [widen, narrow] = names.mlp();
        let widen = Linear::new(&path.descend(widen), width, 4 * width, mlp_init);
        let narrow = Linear::new(&path.descend(narrow), 4 * width, width, mlp_init);
        let mlp_scale = names.mlp_scale().map(|name| LayerScale::new(&path, name, width));
        let attention = SelfAttention { joined, out, heads };
        Self { attention_norm, attention, attention_scale, mlp_norm, widen, narrow, mlp_scale, rates }
    }

    /// x plus a branch, of which something is left out in training.
    fn corrected(&self, x: &Tensor, branch: &Tensor, scale: Option<&LayerScale>, mode: Mode) -> Tensor {
        let branch = self.dropped(branch, mode);
        let branch = scale.map_or_else(|| branch.shallow_clone(), |scale| &branch * &scale.factors);
        let skips = mode.is_training() && self.rates.stochastic_depth > 0.0;
        let branch = if skips { stochastic_depth(&branch, self.rates.stochastic_depth) } else { branch };
        // What is short stays short: a scale is not, even where the rest was prepared to be.
        (x + branch).to_kind(x.kind())
    }

    fn dropped(&self, x: &Tensor, mode: Mode) -> Tensor {
        let drops = mode.is_training() && self.rates.dropout > 0.0;
        if drops { torch_extra::rows::dropout(x, self.rates.dropout) } else { x.shallow_clone() }
    }
}

impl Module for Block {
    /// `[N, tokens, width]` -> `[N, tokens, width]`.
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let branch = self.attention.forward(&self.attention_norm.forward(x, mode), mode);
        let x = self.corrected(x, &branch, self.attention_scale.as_ref(), mode);
        let inner = self.widen.forward(&self.mlp_norm.forward(&x, mode), mode).gelu("none"); // [N, tokens, 4 width]
        let branch = self.narrow.forward(&self.dropped(&inner, mode), mode);
        self.corrected(&x, &branch, self.mlp_scale.as_ref(), mode)
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        let corrected = |graph: &mut Graph, x: Value, branch: Value, scale: Option<&LayerScale>| {
            let branch = scale.map_or(branch, |scale| scale.describe(graph, branch));
            graph.push(Op::Add, &[x, branch])
        };
        let branch = self.attention_norm.describe(graph, x);
        let branch = self.attention.describe(graph, branch);
        let x = corrected(graph, x, branch, self.attention_scale.as_ref());
        let branch = self.mlp_norm.describe(graph, x);
        let branch = self.widen.describe(graph, branch);
        let branch = graph.push(Op::Activation(Activation::Gelu), &[branch]);
        let branch = self.narrow.describe(graph, branch);
        corrected(graph, x, branch, self.mlp_scale.as_ref())
    }

    fn has_branch(&self) -> bool {
        true
    }
}

/// A factor for each channel of a branch (Touvron et al. 2021, "Going Deeper with Image Transformers").
#[derive(Debug)]
struct LayerScale {
    name: String,
    /// `[width]`.
    factors: Tensor,
}

impl LayerScale {
    fn new(path: &Path, name: &str, width: i64) -> Self {
        let path = path.descend(name);
        let factors = path.parameter("gamma", Tensor::ones([width], (Kind::Float, Device::Cpu)));
        Self { name: format!("{}.gamma", path.name()), factors }
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        let factors = graph.push_of_shape(Op::Parameter(self.name.clone()), &self.factors.size());
        graph.push(Op::Multiply, &[x, factors])
    }
}
