//! Why a process ended.

use serde::{Deserialize, Serialize};

/// Why a process ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// What it would print.
    pub message: String,
    /// Its exit code.
    pub code: u8,
}

/// An error that other processes are to hear of.
pub trait Failed {
    /// Returns its message and the exit code that it means.
    fn failure(&self) -> Failure;
}
