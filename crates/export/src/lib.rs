//! A trained model as files that other programs run: `model.onnx`, `export.json`, `run.py`.
//!
//! - [`export`]: writes them, of a [`Request`]; [`ExportRecord`]: what `export.json` holds
//! - [`calibrate`]: the intervals of values over images, for 8 bits; [`accuracy`]: what these cost
//! - [`runtime`]: a written file, read back and run; [`check`]: it against the model

pub mod accuracy;
mod batches;
pub mod calibrate;
pub mod check;
mod error;
mod feed;
mod folder;
mod numbers;
pub mod runtime;
mod script;

pub use error::ExportError;
pub use folder::{ExportRecord, Request, export};
pub use numbers::Numbers;
