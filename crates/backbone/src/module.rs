//! What every layer, branch and head is: a tensor in, a tensor out, in one of four modes.

use std::fmt::Debug;

use graph::{Graph, Value};
use tch::Tensor;

/// Whether batch-norm uses the batch's statistics and dropout drops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Batch statistics, which also move the running ones; dropout and stochastic depth on.
    Train,
    /// Running statistics, which do not move; dropout and stochastic depth on.
    TrainFixedNorm,
    /// Batch statistics, averaged into the running ones with equal weights; dropout and stochastic depth off. It measures
    /// the statistics again for weights that no training step has seen.
    MeasureNorm {
        /// Batches measured before this one; at 0 what the running statistics held is forgotten.
        before: u32,
    },
    /// Running statistics; dropout and stochastic depth off. The same input gives the same output.
    Evaluate,
}

impl Mode {
    /// Whether batches move the running statistics of batch-norm.
    #[must_use]
    pub fn moves_norms(self) -> bool {
        matches!(self, Self::Train | Self::MeasureNorm { .. })
    }

    /// Whether a step is taken on what comes out: dropout, stochastic depth and auxiliary heads take part.
    #[must_use]
    pub fn is_training(self) -> bool {
        matches!(self, Self::Train | Self::TrainFixedNorm)
    }
}

/// Something that turns a tensor into a tensor.
pub trait Module: Debug + Send {
    /// Computes the output for a batch, `[N, ..]` -> `[N, ..]`; each module states its shapes.
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor;

    /// Describes what it computes in evaluation: adds the operations that make its output of the value `x`, and returns
    /// that output. Shapes and costs follow from it, and so does the file of an exported model.
    fn describe(&self, graph: &mut Graph, x: Value) -> Value;

    /// Whether there is a residual branch in it, which stochastic depth can skip.
    fn has_branch(&self) -> bool {
        false
    }
}

/// Modules one after another.
#[derive(Debug, Default)]
pub struct Sequence {
    modules: Vec<Box<dyn Module>>,
}

impl Sequence {
    /// Nothing yet: the identity.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With one more module at the end.
    #[must_use]
    pub fn then(mut self, module: impl Module + 'static) -> Self {
        self.modules.push(Box::new(module));
        self
    }
}

impl Module for Sequence {
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        self.modules.iter().fold(x.shallow_clone(), |x, module| module.forward(&x, mode))
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        self.modules.iter().fold(x, |x, module| module.describe(graph, x))
    }

    fn has_branch(&self) -> bool {
        self.modules.iter().any(|module| module.has_branch())
    }
}
