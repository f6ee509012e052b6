//! What all parts of a network share.

use backbone::layers::LinearInit;

/// Which of the two papers a network follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Version {
    /// 2021.
    First,
    /// 2022.
    Second,
}

/// Deviation with which weights start.
pub(crate) const INIT: LinearInit = LinearInit::TruncatedNormalZeroBias(0.02);

/// Added to the variance by every LayerNorm.
pub(crate) const EPS: f64 = 1e-5;
