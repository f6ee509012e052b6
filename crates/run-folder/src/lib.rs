//! The folder of a run: `config.toml`, `summary.json`, `metrics.jsonl`, `report.html`, `model.safetensors`,
//! `predictions.csv` of a fold, `checkpoints/` and TensorBoard's `events/`. Nothing of a finished run is ever overwritten.
//!
//! - [`RunFolder`]: the folder, and what is written into it
//! - [`Metrics`]: `metrics.jsonl`, a line for each step and each epoch
//! - [`Claim`]: that of a run which several processes might carry out
//! - [`FolderError`]: why it cannot be used

mod claim;
mod error;
mod folder;
mod metrics;

pub use claim::Claim;
pub use error::FolderError;
pub use folder::RunFolder;
pub use metrics::Metrics;
