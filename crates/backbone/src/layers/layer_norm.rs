//! Layer normalisation (Ba, Kiros and Hinton, "Layer Normalization", 2016): over the values of one position, so that there are no
//! statistics of a batch.

use graph::{Graph, Op, Value};
use tch::{Device, Kind, Tensor};

use crate::module::{Mode, Module};
use crate::prepared::{Prepare, Slot};
use crate::variables::Path;

/// Layer normalisation over the last axis, with the variables of `torch.nn.LayerNorm`.
#[derive(Debug)]
pub struct LayerNorm {
    name: String,
    weight: Tensor,
    bias: Tensor,
    eps: f64,
    /// Weight and bias in a shorter type, while they are constant.
    short: Slot<[Tensor; 2]>,
}

impl LayerNorm {
    /// Over `width` values, `eps` added to their variance; starts as the identity of a standard normal input.
    #[must_use]
    pub fn new(path: &Path, width: i64, eps: f64) -> Self {
        let cpu = (Kind::Float, Device::Cpu);
        let norm = Self {
            name: path.name().to_owned(),
            weight: path.parameter("weight", Tensor::ones([width], cpu)),
            bias: path.parameter("bias", Tensor::zeros([width], cpu)),
            eps,
            short: Slot::default(),
        };
        path.can_be_prepared(Self {
            name: norm.name.clone(),
            weight: norm.weight.shallow_clone(),
            bias: norm.bias.shallow_clone(),
            eps,
            short: norm.short.clone(),
        });
        norm
    }
}

impl Module for LayerNorm {
    /// `[N, .., width]` -> the same shape.
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let by = |weight: &Tensor, bias: &Tensor| {
            x.layer_norm(self.weight.size(), Some(weight), Some(bias), self.eps, true)
        };
        let short = self.short.with(mode, |[weight, bias]| by(weight, bias));
        short.unwrap_or_else(|| by(&self.weight, &self.bias))
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        let (weight, bias) = (format!("{}.weight", self.name), format!("{}.bias", self.name));
        graph.push(Op::LayerNorm { weight, bias, eps: self.eps }, &[x])
    }
}

impl Prepare for LayerNorm {
    fn prepare(&self, kind: Kind) {
        let short = [&self.weight, &self.bias].map(|tensor| tensor.detach().to_kind(kind));
        self.short.put((kind != self.weight.kind()).then_some(short));
    }

    fn forget(&self) {
        self.short.put(None);
    }
}

/// Layer normalisation over the channels of each position of a map.
#[derive(Debug)]
pub struct ChannelNorm(LayerNorm);

impl ChannelNorm {
    /// Over `channels` values, `eps` added to their variance.
    #[must_use]
    pub fn new(path: &Path, channels: i64, eps: f64) -> Self {
        Self(LayerNorm::new(path, channels, eps))
    }
}

impl Module for ChannelNorm {
    /// `[N, channels, H, W]` -> the same shape.
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        channels_first(&self.0.forward(&channels_at_end(x), mode))
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        let x = describe_channels_at_end(graph, x);
        let x = self.0.describe(graph, x);
        describe_channels_first(graph, x)
    }
}

/// `[N, C, H, W]` -> `[N, H, W, C]`, in the same memory.
pub fn channels_at_end(x: &Tensor) -> Tensor {
    x.permute([0, 2, 3, 1])
}

/// `[N, H, W, C]` -> `[N, C, H, W]`, in the same memory.
pub fn channels_first(x: &Tensor) -> Tensor {
    x.permute([0, 3, 1, 2])
}

/// Describes [`channels_at_end`].
pub fn describe_channels_at_end(graph: &mut Graph, x: Value) -> Value {
    graph.push(Op::Transpose(vec![1, 2, 0]), &[x])
}

/// Describes [`channels_first`].
pub fn describe_channels_first(graph: &mut Graph, x: Value) -> Value {
    graph.push(Op::Transpose(vec![2, 0, 1]), &[x])
}
