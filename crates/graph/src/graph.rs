//! The list of operations.

use crate::op::Op;
use crate::shape;

/// A list of operations, each of which reads values that come before it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Graph {
    nodes: Vec<Node>,
}

/// The output of an operation of one graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Value(usize);

/// An operation in its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What is computed.
    pub op: Op,
    /// What it reads.
    pub inputs: Vec<Value>,
    /// Shape of the output for one image, without the batch. An input too small for the network gives extents of 0 or less.
    pub shape: Vec<i64>,
    /// Multiplications with an addition each for one image, in convolutions, linear layers and products of matrices; the rest
    /// is small compared with them.
    pub multiply_adds: u64,
    /// Whether the output is the same for every image.
    pub constant: bool,
}

impl Graph {
    /// Begins with an input of this shape, `[channels, height, width]` where it is an image. The first value is that input.
    #[must_use]
    pub fn of(shape: &[i64]) -> (Self, Value) {
        let input = Node {
            op: Op::Input,
            inputs: Vec::new(),
            shape: shape.to_vec(),
            multiply_adds: 0,
            constant: false,
        };
        (Self { nodes: vec![input] }, Value(0))
    }

    /// Adds an operation. Its shape follows from what it reads.
    pub fn push(&mut self, op: Op, inputs: &[Value]) -> Value {
        let shapes: Vec<&[i64]> = inputs.iter().map(|&input| self.shape(input)).collect();
        let shape = shape::of(&op, &shapes);
        let multiply_adds = shape::multiply_adds(&op, &shapes, &shape);
        self.add(op, inputs, shape, multiply_adds)
    }

    /// Adds what reads nothing and has a shape of its own: [`Op::Parameter`], [`Op::Constant`], [`Op::Rows`].
    pub fn push_of_shape(&mut self, op: Op, shape: &[i64]) -> Value {
        self.add(op, &[], shape.to_vec(), 0)
    }

    fn add(&mut self, op: Op, inputs: &[Value], shape: Vec<i64>, multiply_adds: u64) -> Value {
        let reads_image = matches!(op, Op::Input) || inputs.iter().any(|&input| !self.node(input).constant);
        self.nodes.push(Node { op, inputs: inputs.to_vec(), shape, multiply_adds, constant: !reads_image });
        Value(self.nodes.len() - 1)
    }

    /// Returns the operations, each after those that it reads.
    #[must_use]
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Returns the values, in the order of the operations.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = Value> + ExactSizeIterator + use<> {
        (0..self.nodes.len()).map(Value)
    }

    /// Returns the operation that gives a value of this graph.
    #[must_use]
    pub fn node(&self, value: Value) -> &Node {
        &self.nodes[value.0]
    }

    /// Returns the shape of a value for one image, without the batch.
    #[must_use]
    pub fn shape(&self, value: Value) -> &[i64] {
        &self.node(value).shape
    }

    /// Returns the values that are computed from a value at once.
    pub fn readers(&self, value: Value) -> impl Iterator<Item = Value> {
        self.values().filter(move |&reader| self.node(reader).inputs.contains(&value))
    }

    /// Returns the sum of the costs of the operations after the first `count`.
    #[must_use]
    pub fn multiply_adds_from(&self, count: usize) -> u64 {
        self.nodes.iter().skip(count).map(|node| node.multiply_adds).sum()
    }
}

impl Value {
    /// Position in the list, from 0.
    #[must_use]
    pub fn index(self) -> usize {
        self.0
    }
}
