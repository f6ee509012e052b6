/// Why images could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An image could not be resized.
    #[error("resizing failed: {0}")]
    Resize(String),
    /// The progress callback asked to stop.
    #[error("interrupted")]
    Interrupted,
    /// No thread could be started.
    #[error("cannot start threads: {0}")]
    Threads(String),
}
