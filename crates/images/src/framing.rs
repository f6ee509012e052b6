use image_file::Least;
use pretrained::{Fit, InputSpec};
use rand_chacha::ChaCha8Rng;

use crate::ResizedCrop;
use crate::geometry::{Frame, center_frame, padded_frame, random_frame, squashed_frame};

/// What of an image is shown in the square that a network reads.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Framing {
    /// The same in every epoch.
    Still(Still),
    /// Another part of it in each.
    Random(ResizedCrop),
}

/// What is shown in every epoch alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Still {
    /// The centre, after the shorter side was resized to this.
    Center { shorter: u32 },
    /// All of it, and around it this colour.
    Padded { fill: [u8; 3] },
    /// All of it, its sides made alike.
    Squashed,
}

impl Framing {
    /// What is shown of an image of this size in a square of this side.
    pub(crate) fn frame(&self, size: [u32; 2], side: u32, rng: &mut ChaCha8Rng) -> Frame {
        match self {
            Self::Still(Still::Center { shorter }) => center_frame(size, *shorter, side),
            Self::Still(Still::Padded { .. }) => padded_frame(size, side),
            Self::Still(Still::Squashed) => squashed_frame(size, side),
            Self::Random(crop) => random_frame(size, crop, side, rng),
        }
    }

    /// The colour where nothing of the image is shown.
    pub(crate) fn fill(&self) -> [u8; 3] {
        match self {
            Self::Still(Still::Padded { fill }) => *fill,
            // TorchVision's crops of what is too small are black.
            _ => [0; 3],
        }
    }

    /// How far an image may be reduced while it is decoded: to no less than twice what is shown of it. Where each epoch
    /// shows another part, not at all.
    pub(crate) fn least(&self, side: u32) -> Option<Least> {
        match self {
            Self::Still(Still::Center { shorter }) => Some(Least::Shorter(2 * shorter)),
            Self::Still(Still::Padded { .. }) => Some(Least::Longer(2 * side)),
            Self::Still(Still::Squashed) => Some(Least::Shorter(2 * side)),
            Self::Random(_) => None,
        }
    }
}

impl Still {
    /// What a specification shows that [`crate::Transform`] has found to make sense.
    pub(crate) fn of(input: &InputSpec) -> Self {
        // The nearest byte, so that it is zero after normalisation, or nearly so.
        let mean = |channel: usize| (input.mean[channel.min(input.mean.len() - 1)] * 255.0).round() as u8;
        match input.fit {
            Fit::Crop => Self::Center { shorter: input.resize },
            Fit::Pad => Self::Padded { fill: std::array::from_fn(mean) },
            Fit::Squash => Self::Squashed,
        }
    }
}
