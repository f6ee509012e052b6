use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How pixels are read between the grid's points.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sampling {
    /// The nearest pixel: the default of TorchVision's classes.
    #[default]
    Nearest,
    /// A mean of the four around: smoother, and what TorchVision's training scripts choose.
    Bilinear,
}
