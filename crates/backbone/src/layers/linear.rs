use graph::{Graph, Op, Value};
use tch::{Kind, Tensor};

use super::init::LinearInit;
use crate::module::{Mode, Module};
use crate::prepared::{Prepare, Slot};
use crate::variables::Path;

/// A fully connected layer with bias.
#[derive(Debug)]
pub struct Linear {
    name: String,
    weight: Tensor,
    bias: Tensor,
    /// Weight and bias in a shorter type, while they are constant.
    short: Slot<[Tensor; 2]>,
}

impl Linear {
    /// `inputs` to `outputs` features, the variables below `path`.
    #[must_use]
    pub fn new(path: &Path, inputs: i64, outputs: i64, init: LinearInit) -> Self {
        let layer = Self {
            name: path.name().to_owned(),
            weight: path.random("weight", &[outputs, inputs], init.weight(inputs, outputs)),
            bias: path.random("bias", &[outputs], init.bias(inputs)),
            short: Slot::default(),
        };
        path.can_be_prepared(Self {
            name: layer.name.clone(),
            weight: layer.weight.shallow_clone(),
            bias: layer.bias.shallow_clone(),
            short: layer.short.clone(),
        });
        layer
    }

    /// Sets its weight and bias, on its device and in its type.
    pub(crate) fn set(&self, weight: &Tensor, bias: &Tensor) {
        tch::no_grad(|| {
            self.weight.shallow_clone().copy_(weight);
            self.bias.shallow_clone().copy_(bias);
        });
    }

    /// The type of its values.
    pub(crate) fn kind(&self) -> Kind {
        self.weight.kind()
    }
}

impl Module for Linear {
    /// `[N, inputs]` -> `[N, outputs]`.
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let short = self.short.with(mode, |[weight, bias]| x.linear(weight, Some(bias)));
        short.unwrap_or_else(|| x.linear(&self.weight, Some(&self.bias)))
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        let (weight, bias) = (format!("{}.weight", self.name), format!("{}.bias", self.name));
        let size = self.weight.size(); // [outputs, inputs]
        graph.push(Op::Linear { weight, bias: Some(bias), inputs: size[1], outputs: size[0] }, &[x])
    }
}

impl Prepare for Linear {
    fn prepare(&self, kind: Kind) {
        let short = [&self.weight, &self.bias].map(|tensor| tensor.detach().to_kind(kind));
        self.short.put((kind != self.weight.kind()).then_some(short));
    }

    fn forget(&self) {
        self.short.put(None);
    }
}
