//! Classifiers: the head at the end of a network, and auxiliary heads on its way.

use tch::{Kind, Tensor};

use crate::layers::{Linear, LinearInit};
use crate::module::{Mode, Module};
use crate::trace::Trace;
use crate::variables::Path;

/// The classifier at a network's end, the part that step `head` replaces: flatten, dropout, linear.
#[derive(Debug)]
pub struct Head {
    /// The path root of its variables, `fc` or `classifier.6`.
    pub root: &'static str,
    /// Length of the feature vector it reads.
    pub features: i64,
    /// Number of classes, the length of its output.
    pub classes: i64,
    /// Probability of dropping a feature in training.
    pub dropout: f64,
    /// Initialisation of a new one.
    pub init: LinearInit,
    linear: Linear,
}

impl Head {
    /// Draws a new head, its variables made below `path / root`.
    #[must_use]
    pub fn new(
        path: &Path,
        root: &'static str,
        features: i64,
        classes: i64,
        dropout: f64,
        init: LinearInit,
    ) -> Self {
        let linear = Linear::new(&path.descend(root), features, classes, init);
        Self { root, features, classes, dropout, init, linear }
    }

    /// Draws a new one to take its place, for another number of classes.
    #[must_use]
    pub fn renewed(&self, path: &Path, classes: i64, init: LinearInit) -> Self {
        Self::new(path, self.root, self.features, classes, self.dropout, init)
    }

    /// The type of its values.
    pub(crate) fn kind(&self) -> Kind {
        self.linear.kind()
    }

    /// The roots of the variables it owns: one.
    #[must_use]
    pub fn roots(&self) -> Vec<String> {
        vec![self.root.to_owned()]
    }
}

impl Module for Head {
    /// `[N, features, ..]` -> logits `[N, classes]`.
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let x = x.flatten(1, -1).dropout(self.dropout, mode.is_training()); // [N, features]
        // Under autocast the product is short; a loss wants all digits.
        self.linear.forward(&x, mode).to_kind(self.kind())
    }

    fn trace(&self, x: Trace) -> Trace {
        self.linear.trace(x.flat())
    }
}

/// An auxiliary classifier on an inner stage, against vanishing gradients (Szegedy et al. 2014): it adds to the
/// training loss and vanishes in evaluation.
#[derive(Debug)]
pub struct Aux {
    /// Its share in the training loss.
    pub weight: f64,
    /// The path root of its variables, `AuxLogits`.
    pub root: &'static str,
    /// The layers before the last.
    pub body: Box<dyn Module>,
    /// The last layer, `AuxLogits.fc`: as many outputs as classes.
    pub head: Head,
}

impl Aux {
    /// Auxiliary logits: `[N, C, H, W]` -> `[N, classes]`.
    pub fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        self.head.forward(&self.body.forward(x, mode), mode)
    }
}

/// Logits of a network for a batch.
#[derive(Debug)]
pub struct Output {
    /// Scores before softmax, `[N, classes]`.
    pub logits: Tensor,
    /// The same from each live auxiliary head with its weight in the loss; empty in evaluation.
    pub aux: Vec<(Tensor, f64)>,
}

/// Logits of a network for a batch, and what it computed on the way.
#[derive(Debug)]
pub struct Collected {
    /// The logits.
    pub output: Output,
    /// What the head read, `[N, features, ..]`.
    pub features: Tensor,
    /// Outputs of the stages that were asked for, in their order.
    pub tapped: Vec<Tensor>,
}
