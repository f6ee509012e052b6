//! Statistics of measurements: one definition of each, each held against NumPy or SciPy by a test.
//!
//! - [`mean`], [`standard_deviation`], [`median`], [`quantile`]: of plain numbers
//! - [`wilson`]: confidence interval of a share
//! - [`bootstrap`]: confidence intervals of accuracies and of differences between them
//! - [`Confusion`]: counts of truth and prediction, and accuracy, precision and recall from them
//! - [`classification`]: F1, top-5 accuracy, AUROC and average precision with intervals; [`Ranking`]: the last two alone
//! - [`coverage()`]: accuracy of the predictions whose probability reaches a threshold
//! - [`folds`]: which part of a cross-validation holds each image out
//! - [`distinct`]: values without repetitions
//!
//! Nothing here knows of runs, files or tensors.

pub mod bootstrap;
pub mod classification;
pub mod folds;

mod confusion;
mod coverage;
mod describe;
mod interval;
mod ranking;

pub use confusion::{Confusion, Mistake};
pub use coverage::{Covered, coverage};
pub use describe::{distinct, mean, median, quantile, standard_deviation};
pub use interval::{Interval, wilson};
pub use ranking::{Ranking, RankingFigures, is_in_top};
