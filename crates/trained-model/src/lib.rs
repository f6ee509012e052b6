//! A trained model: as a file, read back, at work on images.
//!
//! In reading order:
//! - [`mismatch`]: why weights do not fit a network, and what would fit; [`wide_images`]: a warning about images of 16 bits
//! - [`model_file`]: what a run leaves behind; [`model`]: the same ready for use
//! - [`predict`]: its predictions for files, of one or several [`views`]; [`measure`]: how good they are
//! - [`single`]: one image at a time; [`scores`]: numbers of both; [`evidence`]: where in an image the evidence lies, by
//!   [`grad_cam`]; [`neighbors`]: the training images most like one

pub mod evidence;
pub mod grad_cam;
pub mod measure;
pub mod mismatch;
pub mod model;
pub mod model_file;
pub mod neighbors;
pub mod predict;
pub mod scores;
pub mod single;
pub mod views;
pub mod wide_images;
