//! Families of networks as tables, and how one of their networks is built.

use checkpoint::{Dialect, Layout};
use pretrained::InputSpec;

use crate::network::Backbone;
use crate::options::{Auxiliary, Options};
use crate::parts::Parts;
use crate::values::Values;
use crate::variables::{Path, Variable, Variables};

/// What a family's crate exports: its networks as a table.
#[derive(Debug)]
pub struct Family {
    /// The crate's name, `resnet`.
    pub name: &'static str,
    /// The problem of its predecessors that this family solved, in a sentence.
    pub solved: &'static str,
    /// Its networks, smallest first.
    pub networks: &'static [Network],
}

/// One network of a family: all that is known of it without building it.
#[derive(Debug)]
pub struct Network {
    /// TorchVision's name, `resnet50`; used in configurations.
    pub name: &'static str,
    /// Year of the paper.
    pub year: u16,
    /// The paper: authors, title, year.
    pub paper: &'static str,
    /// The path root of the classifier that step `head` replaces, `fc`.
    pub head: &'static str,
    /// The smallest square input that it can read, in pixels.
    pub smallest_input: u32,
    /// How its images are prepared when no weights say otherwise.
    pub input: fn() -> InputSpec,
    /// Its own probability, 0 to 1, of skipping the last residual block in training ([`Options::stochastic_depth`]).
    pub stochastic_depth: f64,
    /// Its stages and its head, their variables made below a path.
    pub constructor: fn(&Path, &Options) -> Parts,
    /// Names that other libraries give to its tensors.
    pub dialects: &'static [Dialect],
    /// Arguments of TorchVision's constructor, besides the number of classes, with which it builds the network that a
    /// saved model holds: no auxiliary heads, images prepared outside, no random numbers drawn first.
    pub arguments: &'static [(&'static str, bool)],
}

impl Network {
    /// Builds the network, its variables holding `values`. Every stage is live.
    #[must_use]
    pub fn build(&self, values: Values, options: &Options) -> Backbone {
        let variables = Variables::holding(values);
        let parts = (self.constructor)(&variables.root(), options);
        Backbone::new(self.name, variables, parts, options)
    }

    /// The names of its tensors, auxiliary heads included, and their extents with 1,000 classes and its usual input: what a
    /// checkpoint is searched for.
    #[must_use]
    pub fn layout(&self) -> Layout {
        let input = (self.input)();
        let options = Options {
            channels: input.channels.into(),
            size: i64::from(input.crop.max(self.smallest_input)),
            auxiliary: Auxiliary::Built,
            ..Options::default()
        };
        let outline = self.build(Values::Outline, &options);
        let side = |side: i64| usize::try_from(side).unwrap_or(0);
        let extents =
            |variable: Variable| (variable.name, variable.tensor.size().into_iter().map(side).collect());
        Layout {
            tensors: outline.variables().all().into_iter().map(extents).collect(),
            head: self.head.to_owned(),
            dialects: self.dialects,
        }
    }
}
