use pretrained::{Dialect, InputSpec, Layout};

use crate::network::Backbone;
use crate::options::{Auxiliary, Options};
use crate::variables::{Path, Values, Variable, Variables};

/// What a family's crate exports: its networks as a table.
#[derive(Debug)]
pub struct Family {
    /// The crate's name, `resnet`.
    pub name: &'static str,
    /// The problem of its predecessors that this family solved, in a sentence.
    pub solved: &'static str,
    /// The paper: authors, title, year.
    pub paper: &'static str,
    /// Its networks, smallest first.
    pub networks: &'static [Network],
}

/// One network of a family.
#[derive(Debug)]
pub struct Network {
    /// TorchVision's name, `resnet50`; used in configurations.
    pub name: &'static str,
    /// Year of the paper.
    pub year: u16,
    /// The path root of the classifier that step `head` replaces, `fc`.
    pub head: &'static str,
    /// The smallest square input it can read, in pixels.
    pub smallest_input: u32,
    /// How its images are prepared when no weights say otherwise.
    pub input: fn() -> InputSpec,
    /// The constructor.
    pub build: fn(&Path, &Options) -> Backbone,
    /// Names that other libraries give to its tensors.
    pub dialects: &'static [Dialect],
    /// What TorchVision's constructor has to be told, beside the number of classes, to build the network that a saved
    /// model holds: no auxiliary heads, pixels prepared outside, no waiting for random numbers.
    pub arguments: &'static [(&'static str, bool)],
}

impl Network {
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
        let outline = (self.build)(&Variables::holding(Values::Outline).root(), &options);
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
