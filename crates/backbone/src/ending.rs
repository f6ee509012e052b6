//! Where a network ends, and what its head reads.

use crate::stage::UnknownStage;

/// Where a network ends and what its head reads, by names of stages. The default is the family's own: all stages, and a head
/// that reads the output of the last.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ending {
    /// The stage after which the network ends, its output pooled; `None` where it ends with the last of [`Ending::taps`], or
    /// not before the family's own end.
    pub cut: Option<String>,
    /// Stages whose pooled outputs the head reads joined, each value standardised by the mean and deviation over the training
    /// images; empty where it reads the last stage alone.
    pub taps: Vec<String>,
}

impl Ending {
    /// Whether it is the family's own.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        *self == Self::default()
    }
}

/// A network cannot end so.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum EndingError {
    /// The cut names no stage.
    #[error(transparent)]
    Cut(UnknownStage),
    /// A tap names no stage.
    #[error(transparent)]
    Tap(UnknownStage),
    /// The network is asked to end after its head.
    #[error("the head comes after the end of the network; name the stage that it is to read")]
    CutAtHead,
    /// The head is asked to read itself.
    #[error("the head cannot read its own output; name stages before it")]
    TapAtHead,
    /// A tap lies behind the end.
    #[error("{tap} comes after {cut}, where finetune.cut ends the network; remove it, or cut later")]
    TapAfterCut {
        /// The tap.
        tap: String,
        /// The last stage.
        cut: String,
    },
    /// A stage is named twice.
    #[error("{0} is named twice")]
    TappedTwice(String),
}

impl EndingError {
    /// Whether the cut is at fault, and not the taps.
    #[must_use]
    pub fn is_of_cut(&self) -> bool {
        matches!(self, Self::Cut(_) | Self::CutAtHead)
    }
}
