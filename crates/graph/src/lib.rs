//! What a network computes, as a list of operations.
//!
//! A network describes itself once, operation by operation, and what follows from that is derived here and elsewhere: shapes and
//! costs ([`Node`]), the table of `finetune archs`, the file of an exported model. The list names tensors
//! (`layer1.0.conv1.weight`) and holds none, so that a graph and a file of weights are a whole model, and nothing here needs
//! libtorch.
//!
//! - [`Graph`], [`Value`], [`Node`]: the list. Shapes are those of one image: the batch comes before the first extent and is
//!   never mixed with others.
//! - [`Op`]: the operations, as evaluation computes them: running statistics, no dropout.

mod graph;
mod op;
mod shape;

pub use graph::{Graph, Node, Value};
pub use op::{Activation, Convolution, Norm, Op, Window};
