use graph::{Graph, Value};
use tch::{Kind, Tensor};

use super::linear::Linear;
use crate::low_rank::Adaptable;
use crate::module::{Mode, Module};
use crate::prepared::{Prepare, Slot};
use crate::variables::Path;

/// A projection of attention: a fully connected layer whose weight can get a low-rank update ([`LowRank`](crate::LowRank)). While
/// weights are constant it computes with their sum, one matrix, as it does once that has become the weight.
#[derive(Debug)]
pub struct Projection {
    linear: Linear,
    adaptable: Adaptable,
    whole: Slot<Whole>,
}

/// A weight with its update in it.
#[derive(Debug)]
struct Whole {
    weight: Tensor,
    bias: Option<Tensor>,
}

/// What is made ready of a projection.
#[derive(Debug)]
struct Ready {
    adaptable: Adaptable,
    bias: Option<Tensor>,
    whole: Slot<Whole>,
}

impl Projection {
    /// Makes known, at `path`, that a layer can get an update; one for each of the equal `parts` of its outputs.
    #[must_use]
    pub fn new(path: &Path, linear: Linear, parts: i64) -> Self {
        let adaptable =
            Adaptable::new(linear.weight_name().to_owned(), linear.weight().shallow_clone(), parts);
        path.can_be_adapted(adaptable.clone());
        let whole = Slot::default();
        let bias = linear.bias().map(Tensor::shallow_clone);
        path.can_be_prepared(Ready { adaptable: adaptable.clone(), bias, whole: whole.clone() });
        Self { linear, adaptable, whole }
    }
}

impl Module for Projection {
    /// `[.., inputs]` -> `[.., outputs]`.
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let whole = self.whole.with(mode, |Whole { weight, bias }| x.linear(weight, bias.as_ref()));
        whole.unwrap_or_else(|| {
            let y = self.linear.forward(x, mode);
            self.adaptable.with_update(|update| &y + update.forward(x)).unwrap_or(y)
        })
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        self.linear.describe(graph, x)
    }
}

impl Prepare for Ready {
    fn prepare(&self, kind: Kind) {
        let short = |tensor: &Tensor| tensor.detach().to_kind(kind);
        let whole = self.adaptable.whole();
        self.whole
            .put(whole.map(|weight| Whole { weight: short(&weight), bias: self.bias.as_ref().map(short) }));
    }

    fn forget(&self) {
        self.whole.put(None);
    }
}
