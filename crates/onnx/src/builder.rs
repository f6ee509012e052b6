//! Operators and constants, one after another, under names that are not taken.

use std::collections::BTreeMap;

use half::f16;

use crate::message::{Attribute, ElementType, Node, Tensor};

/// A file under construction.
#[derive(Default)]
pub(crate) struct Builder {
    pub(crate) nodes: Vec<Node>,
    pub(crate) initializers: Vec<Tensor>,
    /// How often each name was wished for.
    taken: BTreeMap<String, usize>,
    /// Whether numbers that are added from now on are float16.
    pub(crate) is_short: bool,
}

impl Builder {
    /// Adds an operator and returns the name of its output.
    pub(crate) fn node(&mut self, operator: &str, inputs: &[&str], attributes: Vec<Attribute>) -> String {
        let output = self.name(operator);
        self.node_named(&output.clone(), operator, inputs, attributes);
        output
    }

    /// Adds an operator whose output has this name.
    pub(crate) fn node_named(
        &mut self,
        output: &str,
        operator: &str,
        inputs: &[&str],
        attributes: Vec<Attribute>,
    ) {
        self.nodes.push(Node {
            input: inputs.iter().map(|&input| input.to_owned()).collect(),
            output: vec![output.to_owned()],
            name: format!("{output}/{operator}"),
            op_type: operator.to_owned(),
            attribute: attributes,
        });
    }

    /// Adds numbers, float32 or float16 as the builder stands, and returns their name.
    pub(crate) fn floats(&mut self, wish: &str, dims: &[i64], values: &[f32]) -> String {
        if self.is_short {
            let bytes = values.iter().flat_map(|&value| f16::from_f32(value).to_le_bytes()).collect();
            return self.constant(wish, ElementType::Float16, dims, bytes);
        }
        self.floats32(wish, dims, values)
    }

    /// Adds float32 numbers and returns their name.
    pub(crate) fn floats32(&mut self, wish: &str, dims: &[i64], values: &[f32]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(wish, ElementType::Float, dims, bytes)
    }

    /// Adds one number.
    pub(crate) fn number(&mut self, wish: &str, value: f64) -> String {
        self.floats(wish, &[], &[value as f32])
    }

    /// Adds whole numbers in a row, int64.
    pub(crate) fn ints(&mut self, wish: &str, values: &[i64]) -> String {
        let bytes = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        self.constant(wish, ElementType::Int64, &[values.len() as i64], bytes)
    }

    /// Adds one whole number, int64, as a scalar.
    pub(crate) fn int(&mut self, wish: &str, value: i64) -> String {
        self.constant(wish, ElementType::Int64, &[], value.to_le_bytes().to_vec())
    }

    /// Adds a constant of any type, its bytes little endian.
    pub(crate) fn constant(
        &mut self,
        wish: &str,
        elements: ElementType,
        dims: &[i64],
        bytes: Vec<u8>,
    ) -> String {
        let name = self.name(wish);
        let tensor =
            Tensor { dims: dims.to_vec(), data_type: elements.into(), name: name.clone(), raw_data: bytes };
        self.initializers.push(tensor);
        name
    }

    /// A name that nothing else has.
    pub(crate) fn name(&mut self, wish: &str) -> String {
        let times = self.taken.entry(wish.to_owned()).or_insert(0);
        *times += 1;
        if *times == 1 { wish.to_owned() } else { format!("{wish}_{times}") }
    }
}
