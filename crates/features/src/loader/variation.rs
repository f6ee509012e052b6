use std::num::NonZeroU32;

/// Whether training images vary from epoch to epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variation {
    /// Augmented or mixed at random in every epoch.
    Varying,
    /// Augmented at random in this number of ways, which the epochs show in turn.
    Views(NonZeroU32),
    /// The same in every epoch.
    Fixed,
}

impl Variation {
    /// Index (from 0) of the view that an epoch (from 1) shows.
    pub(super) fn view_index(self, epoch: u32) -> u32 {
        match self {
            Self::Fixed => 0,
            Self::Views(count) => epoch.saturating_sub(1) % count,
            Self::Varying => epoch.saturating_sub(1),
        }
    }

    /// Epoch by which the transform augments in `epoch` (from 1): the first views are those of the first epochs.
    pub(super) fn transform_epoch(self, epoch: u32) -> u32 {
        match self {
            Self::Varying => epoch,
            Self::Fixed => 0,
            Self::Views(_) => self.view_index(epoch) + 1,
        }
    }

    /// Number of views; 1 where images vary in every epoch.
    pub fn count(self) -> u32 {
        match self {
            Self::Views(count) => count.get(),
            Self::Fixed | Self::Varying => 1,
        }
    }
}
