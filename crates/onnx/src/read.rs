//! A file as it reads, as a runtime needs it: operators, constants, and what is known of them.

use std::collections::BTreeMap;

use prost::Message as _;

use crate::Error;
use crate::message::{self, AttributeType, ElementType};

/// What a file holds.
#[derive(Clone, Debug, PartialEq)]
pub struct File {
    /// Name of the one input.
    pub input: String,
    /// Names of the outputs.
    pub outputs: Vec<String>,
    /// Operators, each after those that it reads.
    pub operators: Vec<Operator>,
    /// Constants by name.
    pub constants: BTreeMap<String, Constant>,
    /// Metadata by key.
    pub metadata: BTreeMap<String, String>,
}

/// An operator.
#[derive(Clone, Debug, PartialEq)]
pub struct Operator {
    /// Its kind, as ONNX names it.
    pub kind: String,
    /// Names of what it reads.
    pub inputs: Vec<String>,
    /// Name of what it gives.
    pub output: String,
    /// Its attributes by name.
    pub attributes: BTreeMap<String, Attribute>,
}

/// A number of an operator.
#[derive(Clone, Debug, PartialEq)]
pub enum Attribute {
    /// A whole number.
    Int(i64),
    /// Whole numbers.
    Ints(Vec<i64>),
    /// A number.
    Float(f32),
}

/// A constant tensor.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    /// Its extents.
    pub dims: Vec<i64>,
    /// Type of its numbers.
    pub elements: Elements,
    /// Its numbers, little endian, the last extent fastest.
    pub bytes: Vec<u8>,
}

/// Types of numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the types' own")]
pub enum Elements {
    Float32,
    Float16,
    Uint8,
    Int8,
    Int32,
    Int64,
}

impl Elements {
    /// Returns the type that ONNX knows by this number; `None` for one that is not written here.
    #[must_use]
    pub fn of(number: i64) -> Option<Self> {
        match ElementType::try_from(i32::try_from(number).ok()?).ok()? {
            ElementType::Float => Some(Self::Float32),
            ElementType::Float16 => Some(Self::Float16),
            ElementType::Uint8 => Some(Self::Uint8),
            ElementType::Int8 => Some(Self::Int8),
            ElementType::Int32 => Some(Self::Int32),
            ElementType::Int64 => Some(Self::Int64),
            ElementType::Undefined => None,
        }
    }

    /// Returns the bytes of one number.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::Uint8 | Self::Int8 => 1,
            Self::Float16 => 2,
            Self::Float32 | Self::Int32 => 4,
            Self::Int64 => 8,
        }
    }
}

/// Reads a file of the kind that [`write`](crate::write()) writes.
///
/// # Errors
/// [`Error::Damaged`] when it is no such file.
pub fn read(bytes: &[u8]) -> Result<File, Error> {
    let damaged = |what: &str| Error::Damaged(what.to_owned());
    let model = message::Model::decode(bytes).map_err(|error| Error::Damaged(error.to_string()))?;
    let graph = model.graph.ok_or_else(|| damaged("it has no graph"))?;
    let constants = graph.initializer.into_iter().map(|tensor| {
        let elements = Elements::of(tensor.data_type.into()).ok_or_else(|| damaged("a type is not known"))?;
        let count = tensor.dims.iter().try_fold(1usize, |product, &extent| {
            usize::try_from(extent).ok().and_then(|extent| product.checked_mul(extent))
        });
        if count.and_then(|count| count.checked_mul(elements.size())) != Some(tensor.raw_data.len()) {
            return Err(damaged(&format!("{} has another size than it says", tensor.name)));
        }
        Ok((tensor.name, Constant { dims: tensor.dims, elements, bytes: tensor.raw_data }))
    });
    Ok(File {
        input: graph.input.into_iter().next().ok_or_else(|| damaged("it has no input"))?.name,
        outputs: graph.output.into_iter().map(|output| output.name).collect(),
        constants: constants.collect::<Result<_, _>>()?,
        operators: graph.node.into_iter().map(operator).collect(),
        metadata: model.metadata_props.into_iter().map(|entry| (entry.key, entry.value)).collect(),
    })
}

fn operator(node: message::Node) -> Operator {
    let attribute = |of: message::Attribute| {
        let kind = AttributeType::try_from(of.r#type).unwrap_or(AttributeType::Undefined);
        let value = match kind {
            AttributeType::Float => Attribute::Float(of.f.unwrap_or(0.0)),
            AttributeType::Int => Attribute::Int(of.i.unwrap_or(0)),
            _ => Attribute::Ints(of.ints),
        };
        (of.name, value)
    };
    Operator {
        kind: node.op_type,
        inputs: node.input,
        output: node.output.into_iter().next().unwrap_or_default(),
        attributes: node.attribute.into_iter().map(attribute).collect(),
    }
}
