//! The recipe of transfer learning: configuration -> plan -> run -> record.
//!
//! Five steps, whose names are the same in the code, the log, the progress bar and the report: `load` the network and
//! its source weights, `freeze` what should stay, replace the `head`, `train-head` on the features of the frozen stages,
//! `fine-tune` the stages that were chosen.
//!
//! In reading order:
//! - [`config`]: what the TOML file says; [`run`]: the same, validated.
//! - [`zoo`]: the networks there are; [`source_weights`]: where a run starts from.
//! - [`freeze`]: how far back; [`recipe`]: the five steps planned and carried out.
//! - [`pictures`], [`batches`]: from a folder to tensors; frozen stages run here. [`feature_cache`]: what they gave, kept
//!   from run to run; [`precision`]: what they compute in.
//! - [`advise`]: how far back to fine-tune, found before training.
//! - [`train`], [`evaluate`]: the loop and the measuring. [`calibration`]: how far probabilities can be believed;
//!   [`grad_cam`]: where in a picture the evidence lies.
//! - [`grid`]: many runs over seeds, methods and amounts of data.
//! - [`model`]: a trained network ready for use; [`predict`], [`measure`]: what it says of pictures, and how often that is
//!   right.
//! - [`archs`], [`inspect`]: the zoo and checkpoint files as facts.
//! - [`run_folder`], [`model_file`], [`digest`]: what a run leaves behind.
//! What a run says while it works, and how it is stopped: [`records::Session`].

pub mod advise;
mod error;
pub mod grad_cam;
pub mod grid;
pub mod inspect;
pub mod measure;
mod mismatch;
pub mod model;
pub mod model_file;
pub mod predict;
pub mod recipe;
pub mod run_folder;
pub mod wide_images;

pub use error::Error;
