//! The layers that families are written in, with TorchVision's parameter names and initialisations.

mod conv;
mod init;
mod linear;
mod norm;
mod shape;

pub use conv::{Activation, Conv, ConvNorm};
pub use init::{ConvInit, LinearInit};
pub use linear::Linear;
pub use norm::{BatchNorm, NormSpec};
pub use shape::{AdaptiveAvgPool, AvgPool, Dropout, Flatten, MaxPool};
