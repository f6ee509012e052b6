use std::path::PathBuf;

/// One image file and its class.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// The file.
    pub path: PathBuf,
    /// Index of the class.
    pub label: usize,
    /// Which sample it is, for random choices: a digest of the path below the split's folder (or as the list writes it), so
    /// that it depends neither on where the data lies nor on what else there is.
    pub id: u64,
    /// Number of the group of samples that it belongs together with.
    pub group: Option<u32>,
}
