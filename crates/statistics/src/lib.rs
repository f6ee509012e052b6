//! Statistics of measurements: one definition of each, each held against NumPy or SciPy by a test.
//!
//! - [`mean`], [`standard_deviation`], [`median`], [`quantile`]: of plain numbers
//! - [`wilson`]: confidence interval of a share
//! - [`bootstrap`]: confidence intervals of accuracies and of differences between them
//! - [`Confusion`]: counts of truth and prediction, and accuracy, precision and recall from them
//! - [`distinct`]: values without repetitions
//!
//! Nothing here knows of runs, files or tensors.

pub mod bootstrap;

mod confusion;
mod describe;
mod interval;

pub use confusion::{Confusion, Mistake};
pub use describe::{distinct, mean, median, quantile, standard_deviation};
pub use interval::{Interval, wilson};
