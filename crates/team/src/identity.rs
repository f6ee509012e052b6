use serde::{Deserialize, Serialize};

/// What a process runs.
#[derive(Clone, Debug)]
pub struct Program {
    /// Digest of the program's file.
    pub digest: String,
    /// What libtorch says of itself.
    pub libtorch: String,
}

/// Who a process is.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Identity {
    pub(crate) host: String,
    pub(crate) pid: u32,
    pub(crate) program: String,
    pub(crate) libtorch: String,
}
