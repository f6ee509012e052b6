use records::Depth;

/// A way to train, an entrant of the race. Arms are listed from free to dear; of two that are alike in all else the earlier is
/// taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Arm {
    /// Name, unique in a race: `last:2 x 0.3`, or `resnet50: last:2 x 0.3` where several networks race. [`Prior`](crate::Prior)
    /// knows arms under it, that of the network left out.
    pub name: String,
    /// What it trains.
    pub kind: Kind,
    /// When it is tried.
    pub tier: Tier,
    /// Cost of training it on one fold, in final runs that train everything.
    pub fold_cost: f64,
    /// The arm whose training measures this one too, such as the one whose weights it averages; `None` for an arm that is
    /// trained by itself.
    pub rides_on: Option<usize>,
    /// The linear arm on the same stages: this arm is tried only where that one is the best of those that end the network
    /// early. `None` for an arm that is tried whatever linear arms come to.
    pub ends_as: Option<usize>,
    /// Place of its network among those that race, the preferred first.
    pub network: usize,
}

/// What an arm trains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A linear classifier on the output of one stage.
    Stage(Place),
    /// A linear classifier on the outputs of several stages.
    Joined,
    /// The stages of a depth and the head, by an optimizer.
    Depth(Depth),
}

/// Where a stage lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Before another stage.
    Earlier,
    /// Before the head.
    Last,
}

/// When an arm is tried: the cheaper first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Tier {
    /// On features that one pass gives for all folds.
    Free,
    /// Trains stages from a cut whose features are computed once.
    Cached,
    /// Trains everything at a gentle rate. Only where that can pay: [`gate`](crate::gate).
    Deep,
    /// Trains most of the network in other ways, after the deep arms and where those can pay.
    Further,
}

impl Tier {
    /// Whether its arms train most of the network in every epoch.
    #[must_use]
    pub fn is_deep(self) -> bool {
        matches!(self, Self::Deep | Self::Further)
    }
}
