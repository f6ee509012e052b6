/// In which order the numbers of a batch lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// A plane for each channel: `[N, channels, size, size]`.
    #[default]
    ChannelsFirst,
    /// The channels of a pixel together: `[N, size, size, channels]`.
    ChannelsLast,
}

/// Gives memory for a batch of the shape `[N, channels, size, size]` in this layout, or says why there is none. What the
/// images do not fill stays as it is given.
pub type Allocate<M> = dyn Fn([usize; 4], Layout) -> Result<M, String> + Send + Sync;

impl Layout {
    /// Returns the position of a value in an image with this number of channels, `side` pixels wide and high.
    pub(crate) fn place(self, channel: usize, pixel: usize, channels: usize, side: usize) -> usize {
        match self {
            Self::ChannelsFirst => channel * side * side + pixel,
            Self::ChannelsLast => pixel * channels + channel,
        }
    }
}
