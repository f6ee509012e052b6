use tch::Tensor;

use crate::{Backbone, StageId, Variable};

/// Copies of the parameters and buffers from a stage on.
#[derive(Debug)]
pub struct Snapshot(Vec<(Variable, Tensor)>);

impl Snapshot {
    /// Copies everything from stage `first` to the head.
    #[must_use]
    pub fn take(backbone: &Backbone, first: StageId) -> Self {
        let copied = backbone.changing_variables(first).map(|variable| {
            let copy = variable.tensor.detach().copy();
            (variable, copy)
        });
        Self(copied.collect())
    }

    /// Returns each tensor of the network with its copy.
    pub fn pairs(&self) -> impl Iterator<Item = (&Tensor, &Tensor)> {
        self.0.iter().map(|(variable, copy)| (&variable.tensor, copy))
    }

    /// Returns each copy with the name of its tensor.
    pub fn named(&self) -> impl Iterator<Item = (&str, &Tensor)> {
        self.0.iter().map(|(variable, copy)| (variable.name.as_str(), copy))
    }

    /// Puts the copies back.
    pub fn restore(&self) {
        tch::no_grad(|| {
            for (variable, copy) in &self.0 {
                variable.tensor.shallow_clone().copy_(copy);
            }
        });
    }
}
