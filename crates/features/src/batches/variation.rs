//! Whether a picture looks the same in every epoch.

use std::num::NonZeroU32;

/// Whether pictures vary from epoch to epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variation {
    /// Augmented or mixed by chance.
    Varying,
    /// Augmented by chance in so many ways, which the epochs show in turn.
    Views(NonZeroU32),
    /// The same each time.
    Fixed,
}

impl Variation {
    /// Which of the views an epoch (from 1) shows, from 0.
    pub(super) fn turn(self, epoch: u32) -> u32 {
        match self {
            Self::Fixed => 0,
            Self::Views(count) => epoch.saturating_sub(1) % count,
            Self::Varying => epoch.saturating_sub(1),
        }
    }

    /// The number that decides about the augmentation of an epoch: the first views are those of the first epochs.
    pub(super) fn view(self, epoch: u32) -> u32 {
        match self {
            Self::Varying => epoch,
            Self::Fixed => 0,
            Self::Views(_) => self.turn(epoch) + 1,
        }
    }

    /// How many views there are, where they can be counted.
    pub fn count(self) -> u32 {
        match self {
            Self::Views(count) => count.get(),
            Self::Fixed | Self::Varying => 1,
        }
    }
}
