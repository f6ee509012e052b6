/// A model that cannot be written as ONNX, or read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The weights lack a tensor that the network names.
    #[error("the weights hold no {0}")]
    NoTensor(String),
    /// A tensor has values of another type.
    #[error(transparent)]
    Weights(#[from] checkpoint::Error),
    /// An operation on a shape that it is not made for.
    #[error("{0} has no operator for its input")]
    Shape(String),
    /// A protocol buffer holds 2 GiB at most.
    #[error("the model would be of {0} bytes, and an ONNX file holds 2 GiB at most")]
    TooLarge(usize),
    /// What was read is no file of this program.
    #[error("the ONNX file is damaged: {0}")]
    Damaged(String),
}
