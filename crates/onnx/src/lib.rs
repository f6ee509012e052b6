//! A trained model as an ONNX file: opset 17, IR version 8, which engines have read since 2022. No Python, no libtorch.
//!
//! A graph names tensors, a file of weights holds them, and together they are a model. Normalisation is folded into convolutions,
//! the batch is dynamic, and what comes before the network ([`Pixels`]) is inside the file, so that the answers do not depend on
//! how a program prepares images. The same model gives the same bytes.
//!
//! - [`write`]: the file. Inputs as [`Pixels`] says; outputs `logits` and `probabilities`, float32 `[batch, classes]`
//! - [`Facts`]: what stands in its metadata
//! - [`Precision`], [`Ranges`]: float32, float16 or 8 bits
//! - [`read`]: a file as it reads

mod builder;
mod error;
mod lower;
mod message;
mod pixels;
mod quantise;
mod ranges;
mod read;
mod weights;
mod write;

pub use error::Error;
pub use pixels::Pixels;
pub use ranges::{Bytes, Range, Ranges};
pub use read::{Attribute, Constant, Elements, File, Operator, read};
pub use write::{Facts, Options, Precision, write};
