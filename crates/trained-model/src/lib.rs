//! A trained model: as a file, read back, at work on images.
//!
//! In reading order:
//! - [`mismatch`]: why weights do not fit a network, and what would fit; [`wide_images`]: a warning about images of 16 bits
//! - [`model_file`]: what a run leaves behind; [`model`]: the same ready for use
//! - [`predict`]: its predictions for files; [`measure`]: how good they are

pub mod measure;
pub mod mismatch;
pub mod model;
pub mod model_file;
pub mod predict;
pub mod wide_images;
