use graph::{Graph, Op, Value};
use tch::{Kind, Tensor};

use super::init::LinearInit;
use crate::module::{Mode, Module};
use crate::prepared::{Prepare, Slot};
use crate::variables::Path;

/// A fully connected layer over the last axis.
#[derive(Debug)]
pub struct Linear {
    /// Names of weight and bias.
    names: [String; 2],
    weight: Tensor,
    bias: Option<Tensor>,
    /// Weight and bias in a shorter type, while they are constant.
    short: Slot<Short>,
}

#[derive(Debug)]
struct Short {
    weight: Tensor,
    bias: Option<Tensor>,
}

impl Linear {
    /// `inputs` to `outputs` features, the variables below `path`.
    #[must_use]
    pub fn new(path: &Path, inputs: i64, outputs: i64, init: LinearInit) -> Self {
        Self::named(path, ["weight", "bias"], inputs, outputs, init)
    }

    /// The same with other names than `weight` and `bias`.
    #[must_use]
    pub fn named(path: &Path, names: [&str; 2], inputs: i64, outputs: i64, init: LinearInit) -> Self {
        let weight = path.random(names[0], &[outputs, inputs], init.weight(inputs, outputs));
        let bias = path.random(names[1], &[outputs], init.bias(inputs));
        Self::holding(path, names, weight, Some(bias))
    }

    /// The same without a bias.
    #[must_use]
    pub fn unbiased(path: &Path, inputs: i64, outputs: i64, init: LinearInit) -> Self {
        let weight = path.random("weight", &[outputs, inputs], init.weight(inputs, outputs));
        Self::holding(path, ["weight", "bias"], weight, None)
    }

    fn holding(path: &Path, names: [&str; 2], weight: Tensor, bias: Option<Tensor>) -> Self {
        let names = names.map(|name| format!("{}.{name}", path.name()));
        let layer = Self { names, weight, bias, short: Slot::default() };
        path.can_be_prepared(Self {
            names: layer.names.clone(),
            weight: layer.weight.shallow_clone(),
            bias: layer.bias.as_ref().map(Tensor::shallow_clone),
            short: layer.short.clone(),
        });
        layer
    }

    /// Sets its weight and bias, on its device and in its type.
    pub(crate) fn set(&self, weight: &Tensor, bias: &Tensor) {
        tch::no_grad(|| {
            self.weight.shallow_clone().copy_(weight);
            if let Some(own) = &self.bias {
                own.shallow_clone().copy_(bias);
            }
        });
    }

    /// The name of its weight.
    pub(super) fn weight_name(&self) -> &str {
        &self.names[0]
    }

    /// `[outputs, inputs]`.
    pub(super) fn weight(&self) -> &Tensor {
        &self.weight
    }

    /// `[outputs]`.
    pub(super) fn bias(&self) -> Option<&Tensor> {
        self.bias.as_ref()
    }

    /// The type of its values.
    pub(crate) fn kind(&self) -> Kind {
        self.weight.kind()
    }
}

impl Module for Linear {
    /// `[.., inputs]` -> `[.., outputs]`.
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let short = self.short.with(mode, |Short { weight, bias }| x.linear(weight, bias.as_ref()));
        short.unwrap_or_else(|| x.linear(&self.weight, self.bias.as_ref()))
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        let [weight, bias] = self.names.clone();
        let bias = self.bias.is_some().then_some(bias);
        let size = self.weight.size(); // [outputs, inputs]
        graph.push(Op::Linear { weight, bias, inputs: size[1], outputs: size[0] }, &[x])
    }
}

impl Prepare for Linear {
    fn prepare(&self, kind: Kind) {
        let short = |tensor: &Tensor| tensor.detach().to_kind(kind);
        let short = Short { weight: short(&self.weight), bias: self.bias.as_ref().map(short) };
        self.short.put((kind != self.weight.kind()).then_some(short));
    }

    fn forget(&self) {
        self.short.put(None);
    }
}
