//! Statistics of measurements: one definition of each, each held against NumPy or SciPy by a test.
//!
//! - [`mean`], [`standard_deviation`], [`median`], [`quantile`]: of plain numbers
//! - [`wilson`]: confidence interval of a share
//! - [`bootstrap`]: confidence intervals of accuracies and of differences between them
//! - [`hierarchy`]: the mean gain over data sets, with what data sets, seeds and images leave open
//! - [`regret`]: how far an answer lies below the best that was tried, with what luck adds to it
//! - [`reliability`]: whether stated probabilities come true as often as they say
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
pub mod hierarchy;
pub mod regret;
pub mod reliability;

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
