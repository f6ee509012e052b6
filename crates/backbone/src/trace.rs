//! Shapes and costs without computing.

use graph::Graph;

use crate::module::Module;

/// What a forward pass would give and cost, known from the description of the layers alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Shape of the output, `[N, C, H, W]` or `[N, features]`.
    pub shape: Vec<i64>,
    /// Multiplications with an addition each, in convolutions, linear layers and products of matrices; the rest is small
    /// compared with them.
    pub multiply_adds: u64,
}

impl Trace {
    /// Goes through a module with an input of this shape, `[N, ..]`.
    #[must_use]
    pub fn of(module: &dyn Module, input: &[i64]) -> Self {
        let Some((&count, image)) = input.split_first() else {
            return Self { shape: Vec::new(), multiply_adds: 0 };
        };
        let (mut graph, x) = Graph::of(image);
        let output = module.describe(&mut graph, x);
        let shape = [&[count], graph.shape(output)].concat();
        let multiply_adds = graph.multiply_adds_from(0).saturating_mul(u64::try_from(count).unwrap_or(0));
        Self { shape, multiply_adds }
    }
}
