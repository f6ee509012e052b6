//! A network's stages: modules with a name and the variables that they own.

use tch::Kind;

use crate::head::Aux;
use crate::module::Module;
use crate::pool::Pool;
use crate::trace::Trace;
use crate::variables::{Variables, lies_below};

/// A named part of a network that is frozen or trained as a whole.
#[derive(Debug)]
pub struct Stage {
    /// The stage's name, `layer3`.
    pub name: &'static str,
    /// The path roots of the variables it owns, `["conv1", "bn1"]`; none for pooling.
    pub roots: Vec<String>,
    /// Channels of its output; known from its shapes once it is in a network.
    pub channels: i64,
    /// Input pixels per output position along one side, counted from the network's input; `None` where the output has
    /// no positions left (fully connected), or their number does not follow the input's (adaptive pooling). Known as the
    /// channels are.
    pub stride: Option<i64>,
    /// How its output becomes one feature vector an image; a field of every stage, so that all who pool do it alike.
    pub pool: Pool,
    /// The path roots of its blocks, in order, where learning rates may differ between them; none where it is trained as one.
    layers: Vec<String>,
    pub(crate) module: Box<dyn Module>,
    pub(crate) aux: Option<Aux>,
    /// The type its layers compute in, if they were prepared for constant weights.
    pub(crate) prepared: Option<Kind>,
}

impl Stage {
    /// A stage that owns the variables below `roots`, pooled by the mean over positions.
    #[must_use]
    pub fn new(name: &'static str, roots: &[&str], module: impl Module + 'static) -> Self {
        let roots = roots.iter().map(|&root| root.to_owned()).collect();
        let (pool, module) = (Pool::default(), Box::new(module));
        Self {
            name,
            roots,
            channels: 0,
            stride: None,
            pool,
            layers: Vec::new(),
            module,
            aux: None,
            prepared: None,
        }
    }

    /// Sets channels and stride of stages that follow one another, from the shapes that they give for an input `[N, C, H, W]`
    /// and for a larger one.
    pub(crate) fn measure(stages: &mut [Stage], input: &[i64]) {
        /// A multiple of every stride, 32 and the 14 of some patches: this many pixels more along a side give as many positions
        /// more, whatever is left over at the border.
        const MORE: i64 = 224;
        let larger = (0..).zip(input).map(|(axis, &extent)| if axis < 2 { extent } else { extent + MORE });
        let mut shapes = [input.to_vec(), larger.collect()];
        for stage in stages {
            shapes = shapes.map(|shape| Trace::of(stage.module.as_ref(), &shape).shape);
            let [small, large] = &shapes;
            stage.channels = stage.pool.channels(small);
            let [small, large] = [small, large].map(|shape| stage.pool.sides(shape));
            let more = small.zip(large).map(|(small, large)| large[1] - small[1]);
            stage.stride = more.filter(|more| *more > 0).map(|more| MORE / more);
        }
    }

    /// Made of blocks, each below one of these path roots, whose learning rates may differ.
    #[must_use]
    pub fn layered(self, roots: &[&str]) -> Self {
        Self { layers: roots.iter().map(|&root| root.to_owned()).collect(), ..self }
    }

    /// Returns the number of its blocks, 1 where it is trained as one.
    #[must_use]
    pub fn layer_count(&self) -> usize {
        self.layers.len().max(1)
    }

    /// Returns the number of its blocks that come after the one that owns a variable; 0 where none does.
    #[must_use]
    pub fn layers_after(&self, variable: &str) -> usize {
        let place = self.layers.iter().position(|root| lies_below(root, variable));
        place.map_or(0, |place| self.layers.len() - 1 - place)
    }

    /// Pooled in this way.
    #[must_use]
    pub fn pooled(self, pool: Pool) -> Self {
        Self { pool, ..self }
    }

    /// With an auxiliary head on its output, if there is one.
    #[must_use]
    pub fn with_aux(self, aux: Option<Aux>) -> Self {
        Self { aux, ..self }
    }

    /// Whether there is a residual branch in it, which stochastic depth can skip.
    #[must_use]
    pub fn has_branch(&self) -> bool {
        self.module.has_branch()
    }

    /// Makes its layers fast for weights that stay as they are: batch-norm folded into the convolutions, activation and
    /// shortcut computed with them, weights laid out as the library wants them, all in this type.
    pub(crate) fn prepare_inference(&mut self, variables: &Variables, kind: Kind) {
        variables.for_each_preparable(&self.roots, |layer| layer.prepare(kind));
        self.prepared = Some(kind);
    }

    /// Takes that back, before the weights change.
    pub(crate) fn forget_preparation(&mut self, variables: &Variables) {
        if self.prepared.take().is_some() {
            variables.for_each_preparable(&self.roots, |layer| layer.forget());
        }
    }
}

/// A stage of a particular network, by position: `0` reads the image, the last one is the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StageId(pub(crate) usize);

impl StageId {
    /// The network's input: everything comes after it.
    pub const INPUT: StageId = StageId(0);

    /// Position from the input, from 0.
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}

/// A stage name that the network does not have.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{arch} has no stage {asked:?}; from input to head its stages are {}", known.join(", "))]
pub struct UnknownStage {
    /// The network.
    pub arch: String,
    /// What was asked for.
    pub asked: String,
    /// The stages it has.
    pub known: Vec<String>,
}
