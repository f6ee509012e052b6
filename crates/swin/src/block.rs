//! One block: attention within windows, then a small network at each position, each as a correction to its input.

use backbone::layers::{LayerNorm, Linear};
use backbone::{Mode, Module, Path};
use graph::{Activation, Graph, Op, Value};
use regularize::stochastic_depth::stochastic_depth;
use tch::Tensor;

use crate::numbers::{EPS, INIT, Version};
use crate::window::{WindowAttention, Windows};

/// x + attention(norm(x)), then x + mlp(norm(x)); in v2 the norm comes last, x + norm(attention(x)).
#[derive(Debug)]
pub(crate) struct Block {
    version: Version,
    attention_norm: LayerNorm,
    attention: WindowAttention,
    mlp_norm: LayerNorm,
    widen: Linear,
    narrow: Linear,
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

impl Block {
    /// A block of `width` channels, its variables below `path` in the order of the state dict.
    pub(crate) fn new(
        path: &Path,
        version: Version,
        width: i64,
        heads: i64,
        windows: Windows,
        rates: Rates,
    ) -> Self {
        Self {
            version,
            attention_norm: LayerNorm::new(&(path / "norm1"), width, EPS),
            attention: WindowAttention::new(&(path / "attn"), version, width, heads, windows),
            mlp_norm: LayerNorm::new(&(path / "norm2"), width, EPS),
            widen: Linear::new(&path.descend("mlp.0"), width, 4 * width, INIT),
            narrow: Linear::new(&path.descend("mlp.3"), 4 * width, width, INIT),
            rates,
        }
    }

    /// x plus a branch of it, with the norm before or after that.
    fn corrected(
        &self,
        x: &Tensor,
        norm: &LayerNorm,
        mode: Mode,
        branch: impl Fn(&Tensor) -> Tensor,
    ) -> Tensor {
        let branch = match self.version {
            Version::First => self.dropped(&branch(&norm.forward(x, mode)), mode),
            Version::Second => norm.forward(&self.dropped(&branch(x), mode), mode),
        };
        let skips = mode.is_training() && self.rates.stochastic_depth > 0.0;
        if skips { x + stochastic_depth(&branch, self.rates.stochastic_depth) } else { x + branch }
    }

    fn dropped(&self, x: &Tensor, mode: Mode) -> Tensor {
        let drops = mode.is_training() && self.rates.dropout > 0.0;
        if drops { torch_extra::rows::dropout(x, self.rates.dropout) } else { x.shallow_clone() }
    }

    /// Describes [`Block::corrected`].
    fn describe_corrected(
        &self,
        graph: &mut Graph,
        x: Value,
        norm: &LayerNorm,
        branch: impl Fn(&mut Graph, Value) -> Value,
    ) -> Value {
        let branch = match self.version {
            Version::First => {
                let x = norm.describe(graph, x);
                branch(graph, x)
            }
            Version::Second => {
                let x = branch(graph, x);
                norm.describe(graph, x)
            }
        };
        graph.push(Op::Add, &[x, branch])
    }
}

impl Module for Block {
    /// `[N, H, W, width]` -> `[N, H, W, width]`.
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let x = self.corrected(x, &self.attention_norm, mode, |x| self.attention.forward(x, mode));
        self.corrected(&x, &self.mlp_norm, mode, |x| {
            let inner = self.widen.forward(x, mode).gelu("none"); // [N, H, W, 4 width]
            self.narrow.forward(&self.dropped(&inner, mode), mode)
        })
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        let x = self
            .describe_corrected(graph, x, &self.attention_norm, |graph, x| self.attention.describe(graph, x));
        self.describe_corrected(graph, x, &self.mlp_norm, |graph, x| {
            let inner = self.widen.describe(graph, x);
            let inner = graph.push(Op::Activation(Activation::Gelu), &[inner]);
            self.narrow.describe(graph, inner)
        })
    }

    fn has_branch(&self) -> bool {
        true
    }
}
