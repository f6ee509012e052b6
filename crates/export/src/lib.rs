//! A trained model as files that other programs run: `model.onnx`, `export.json`, `run.py`.
//!
//! - [`export`]: writes them, of a [`Request`]; [`ExportRecord`]: what `export.json` holds
//! - [`calibrate`]: the intervals of values over images, for 8 bits; [`accuracy`]: what these cost

pub mod accuracy;
mod batches;
pub mod calibrate;
mod error;
mod folder;
mod script;

pub use error::ExportError;
pub use folder::{ExportRecord, Numbers, Request, export};
