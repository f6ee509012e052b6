//! Predictions for labelled images as a CSV file: written row by row, read back, and joined with others.
//!
//! A row for each image: `path`, `label`, `predicted`, then the probability of each class in a column
//! `probability of CLASS`. Joined files have further columns before these.
//!
//! - [`Writer`]: writes such a file
//! - [`Predictions`]: all of it in memory

mod error;
mod table;
mod writer;

pub use error::Error;
pub use table::{Image, Predictions};
pub use writer::{Row, Writer};

/// Columns before the probabilities.
const COLUMNS: [&str; 3] = ["path", "label", "predicted"];

/// Beginning of the name of a column of probabilities; the name of the class follows.
const PROBABILITY: &str = "probability of ";
