use std::path::PathBuf;

use checkpoint::{Dtype, NotFinite};

use super::LoadReport;

/// Why a checkpoint was not taken over. The network is left as it was.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file holds another network.
    #[error("{}: these are not the weights of {arch}: {}; only the head may differ", path.display(), report.differences())]
    OtherNetwork {
        /// The checkpoint.
        path: PathBuf,
        /// The network.
        arch: String,
        /// The full account.
        report: Box<LoadReport>,
    },
    /// The file does not hold the whole network.
    #[error("{}: this is not the whole of {arch}: {}; nothing can be predicted with it", path.display(), report.differences())]
    Incomplete {
        /// The checkpoint.
        path: PathBuf,
        /// The network.
        arch: String,
        /// The full account.
        report: Box<LoadReport>,
    },
    /// A tensor that holds no numbers to compute with.
    #[error("{}: tensor {name} holds {}: the weights are spoilt, by a training that ran away or a damaged file; use an earlier checkpoint", path.display(), spoilt(*found))]
    NotFinite {
        /// The checkpoint.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// How many values are none.
        found: NotFinite,
    },
    /// A tensor of integers where the network computes with fractions.
    #[error("{}: {name} is {found}, and the network computes with floating-point numbers: are the weights quantised? save the float weights", path.display())]
    ElementType {
        /// The checkpoint.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// Its element type.
        found: Dtype,
    },
    /// A tensor of the network that is in the file in a way that is not read.
    #[error("{}: tensor {name} is in the file, but {reason}", path.display())]
    Unread {
        /// The checkpoint.
        path: PathBuf,
        /// The tensor, as the file calls it.
        name: String,
        /// Why it is not read, and what to do.
        reason: String,
    },
    /// Running variances below 0, of which no root can be taken.
    #[error("{}: {name} holds {count} negative values, and a variance cannot be negative: the weights are spoilt, by averaging or editing them or a damaged file; use an earlier checkpoint", path.display())]
    NegativeVariance {
        /// The checkpoint.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// How many values are below 0.
        count: usize,
    },
    /// libtorch refused a tensor.
    #[error("{}: tensor {name}: {source}", path.display())]
    Tensor {
        /// The checkpoint.
        path: PathBuf,
        /// The tensor.
        name: String,
        /// libtorch's message.
        source: tch::TchError,
    },
}

fn spoilt(found: NotFinite) -> String {
    let NotFinite { nan, infinite, of } = found;
    let parts = [(nan, "NaN"), (infinite, "infinite")].into_iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts.map(|(count, what)| format!("{count} {what}")).collect();
    format!("{} among its {of} values", parts.join(" and "))
}
