//! Classifiers: the head at the end of a network, and auxiliary heads on its way.

use graph::{Graph, Op, Value};
use tch::{Device, Kind, Tensor};

use crate::layers::{Linear, LinearInit};
use crate::module::{Mode, Module};
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
    standard: Option<Standard>,
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
        Self { root, features, classes, dropout, init, linear, standard: None }
    }

    /// Draws a new one to take its place, for another number of classes.
    #[must_use]
    pub fn renewed(&self, path: &Path, classes: i64, init: LinearInit) -> Self {
        let renewed = Self::new(path, self.root, self.features, classes, self.dropout, init);
        let standard = self.standard.as_ref().map(|standard| standard.copied(&path.descend(self.root)));
        Self { standard, ..renewed }
    }

    /// Draws a new one to take its place, for features of another length, standardised or not; the mean is 0 and the
    /// deviation 1 until they are measured.
    pub(crate) fn reading(&self, path: &Path, features: i64, standardised: bool) -> Self {
        let other =
            Self::new(path, self.root, features, self.classes, self.dropout, LinearInit::TorchDefault);
        Self { standard: standardised.then(|| Standard::new(&path.descend(self.root), features)), ..other }
    }

    /// Whether each value that it reads is standardised.
    #[must_use]
    pub fn is_standardised(&self) -> bool {
        self.standard.is_some()
    }

    /// Sets the mean and the deviation by which it standardises what it reads, `[features]` each; a value that does not vary
    /// keeps its scale. A head that does not standardise is left alone.
    pub fn standardise_by(&self, mean: &Tensor, deviation: &Tensor) {
        if let Some(standard) = &self.standard {
            standard.set(mean, deviation);
        }
    }

    /// What the linear layer reads, dropout aside: `[N, features, ..]` -> `[N, features]`.
    pub fn input(&self, x: &Tensor) -> Tensor {
        let x = x.flatten(1, -1);
        self.standard.as_ref().map_or_else(|| x.shallow_clone(), |standard| standard.apply(&x))
    }

    /// Sets weight, `[classes, features]`, and bias, `[classes]`, of the linear layer.
    pub fn set_linear(&self, weight: &Tensor, bias: &Tensor) {
        self.linear.set(weight, bias);
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

/// Where below a head's root the buffers lie by which it standardises what it reads: `fc.taps.mean`.
const STANDARD: &str = "taps";

/// Mean and deviation of each value that a head reads, over the training images.
#[derive(Debug)]
struct Standard {
    /// `[features]`.
    mean: Tensor,
    /// `[features]`, above 0.
    deviation: Tensor,
}

impl Standard {
    fn new(path: &Path, features: i64) -> Self {
        let of = |value: f64| Tensor::full([features], value, (Kind::Float, Device::Cpu));
        Self::holding(path, of(0.0), of(1.0))
    }

    fn holding(path: &Path, mean: Tensor, deviation: Tensor) -> Self {
        let path = path / STANDARD;
        Self { mean: path.buffer("mean", mean), deviation: path.buffer("deviation", deviation) }
    }

    fn copied(&self, path: &Path) -> Self {
        Self::holding(path, self.mean.copy(), self.deviation.copy())
    }

    fn set(&self, mean: &Tensor, deviation: &Tensor) {
        let constant = deviation.le(f64::from(f32::MIN_POSITIVE));
        let deviation = deviation.masked_fill(&constant, 1.0);
        tch::no_grad(|| {
            self.mean.shallow_clone().copy_(mean);
            self.deviation.shallow_clone().copy_(&deviation);
        });
    }

    /// `[N, features]` -> `[N, features]`.
    fn apply(&self, x: &Tensor) -> Tensor {
        (x - &self.mean) / &self.deviation
    }
}

impl Module for Head {
    /// `[N, features, ..]` -> logits `[N, classes]`.
    fn forward(&self, x: &Tensor, mode: Mode) -> Tensor {
        let x = self.input(x); // [N, features]
        let x = if mode.is_training() { torch_extra::rows::dropout(&x, self.dropout) } else { x };
        // Under autocast the product is short; a loss wants all digits.
        self.linear.forward(&x, mode).to_kind(self.kind())
    }

    fn describe(&self, graph: &mut Graph, x: Value) -> Value {
        let mut x = if graph.shape(x).len() > 1 { graph.push(Op::Reshape(vec![-1]), &[x]) } else { x };
        if self.is_standardised() {
            let [mean, deviation] = ["mean", "deviation"].map(|of| format!("{}.{STANDARD}.{of}", self.root));
            x = graph.push(Op::Standardise { mean, deviation }, &[x]);
        }
        self.linear.describe(graph, x)
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
