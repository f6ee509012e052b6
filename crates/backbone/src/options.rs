/// What every network's constructor takes; the defaults are TorchVision's.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Number of classes.
    pub classes: i64,
    /// Channels of the input: 3 for RGB, 1 for grayscale (LeNet).
    pub channels: i64,
    /// Side of the square input in pixels. Only networks without adaptive pooling (LeNet) are built for one size.
    pub size: i64,
    /// Probability of dropout wherever the network has some; `None` keeps its own.
    pub dropout: Option<f64>,
    /// Probability with which the last residual block is skipped in training, growing linearly from 0 at the first
    /// (stochastic depth, Huang et al. 2016); `None` keeps the network's own. Networks without residual branches ignore it.
    pub stochastic_depth: Option<f64>,
    /// Whether auxiliary heads are built, for networks that have some.
    pub auxiliary: Auxiliary,
}

/// Auxiliary heads: built or left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Auxiliary {
    /// Built; they take part in the training loss.
    Built,
    /// Left out.
    LeftOut,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            classes: 1000,
            channels: 3,
            size: 224,
            dropout: None,
            stochastic_depth: None,
            auxiliary: Auxiliary::Built,
        }
    }
}
