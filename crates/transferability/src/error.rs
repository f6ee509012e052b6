/// A libtorch call failed.
#[derive(Debug, thiserror::Error)]
#[error("libtorch: {0}")]
pub struct Error(#[from] pub tch::TchError);
