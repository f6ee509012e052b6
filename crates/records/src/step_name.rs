use std::fmt;

/// The five steps of the recipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StepName {
    /// Build the network and load source weights.
    Load,
    /// Decide how far back to fine-tune; freeze the rest.
    Freeze,
    /// Replace the classifier for the new classes.
    Head,
    /// Train the new head on the features of the frozen stages.
    TrainHead,
    /// Unfreeze the chosen stages and train them gently.
    FineTune,
}

impl StepName {
    /// All five, in order.
    pub const ALL: [StepName; 5] = [Self::Load, Self::Freeze, Self::Head, Self::TrainHead, Self::FineTune];

    /// The name used in the log, the progress bar and the report.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Load => "load",
            Self::Freeze => "freeze",
            Self::Head => "head",
            Self::TrainHead => "train-head",
            Self::FineTune => "fine-tune",
        }
    }

    /// Returns its number in the recipe, from 1.
    #[must_use]
    pub fn number(self) -> usize {
        Self::ALL.iter().position(|&step| step == self).map_or(0, |place| place + 1)
    }
}

impl fmt::Display for StepName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
