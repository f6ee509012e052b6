//! The layers that families are written in, with TorchVision's parameter names and initialisations.

pub mod attention;
mod conv;
mod excitation;
mod init;
mod layer_norm;
mod linear;
mod norm;
mod perceptron;
mod projection;
mod shape;

pub use attention::SelfAttention;
pub use conv::{Activation, Conv, ConvNorm};
pub use excitation::{Excitation, Gate, SqueezeExcitation};
pub use init::{ConvInit, LinearInit};
pub use layer_norm::{
    ChannelNorm, LayerNorm, channels_at_end, channels_first, describe_channels_at_end,
    describe_channels_first,
};
pub use linear::Linear;
pub use norm::{BatchNorm, NormSpec};
pub use perceptron::{LayerScale, Perceptron};
pub use projection::Projection;
pub use shape::{AdaptiveAvgPool, AvgPool, Dropout, Flatten, MaxPool};
