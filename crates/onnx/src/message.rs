//! The protocol buffers of an ONNX file, as far as models of this workspace need them.
//!
//! Field numbers and enumerations are those of `onnx/onnx.proto` (ONNX 1.12: opset 17, IR version 8).

/// A whole file.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Model {
    #[prost(int64, tag = "1")]
    pub(crate) ir_version: i64,
    #[prost(string, tag = "2")]
    pub(crate) producer_name: String,
    #[prost(string, tag = "3")]
    pub(crate) producer_version: String,
    #[prost(string, tag = "6")]
    pub(crate) doc_string: String,
    #[prost(message, optional, tag = "7")]
    pub(crate) graph: Option<Graph>,
    #[prost(message, repeated, tag = "8")]
    pub(crate) opset_import: Vec<OperatorSet>,
    #[prost(message, repeated, tag = "14")]
    pub(crate) metadata_props: Vec<Entry>,
}

/// A version of the operators.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct OperatorSet {
    #[prost(string, tag = "1")]
    pub(crate) domain: String,
    #[prost(int64, tag = "2")]
    pub(crate) version: i64,
}

/// A key and its value.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Entry {
    #[prost(string, tag = "1")]
    pub(crate) key: String,
    #[prost(string, tag = "2")]
    pub(crate) value: String,
}

/// The computation.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Graph {
    #[prost(message, repeated, tag = "1")]
    pub(crate) node: Vec<Node>,
    #[prost(string, tag = "2")]
    pub(crate) name: String,
    #[prost(message, repeated, tag = "5")]
    pub(crate) initializer: Vec<Tensor>,
    #[prost(message, repeated, tag = "11")]
    pub(crate) input: Vec<ValueInfo>,
    #[prost(message, repeated, tag = "12")]
    pub(crate) output: Vec<ValueInfo>,
}

/// One operator.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Node {
    #[prost(string, repeated, tag = "1")]
    pub(crate) input: Vec<String>,
    #[prost(string, repeated, tag = "2")]
    pub(crate) output: Vec<String>,
    #[prost(string, tag = "3")]
    pub(crate) name: String,
    #[prost(string, tag = "4")]
    pub(crate) op_type: String,
    #[prost(message, repeated, tag = "5")]
    pub(crate) attribute: Vec<Attribute>,
}

/// A number of an operator that does not come from another.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Attribute {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(float, optional, tag = "2")]
    pub(crate) f: Option<f32>,
    #[prost(int64, optional, tag = "3")]
    pub(crate) i: Option<i64>,
    #[prost(int64, repeated, packed = "false", tag = "8")]
    pub(crate) ints: Vec<i64>,
    #[prost(enumeration = "AttributeType", tag = "20")]
    pub(crate) r#type: i32,
}

/// Which field of an attribute counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum AttributeType {
    Undefined = 0,
    Float = 1,
    Int = 2,
    Ints = 7,
}

/// A constant tensor.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Tensor {
    #[prost(int64, repeated, packed = "false", tag = "1")]
    pub(crate) dims: Vec<i64>,
    #[prost(enumeration = "ElementType", tag = "2")]
    pub(crate) data_type: i32,
    #[prost(string, tag = "8")]
    pub(crate) name: String,
    /// Little endian, last extent fastest.
    #[prost(bytes = "vec", tag = "9")]
    pub(crate) raw_data: Vec<u8>,
}

/// Type of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, prost::Enumeration)]
#[repr(i32)]
pub(crate) enum ElementType {
    Undefined = 0,
    Float = 1,
    Uint8 = 2,
    Int8 = 3,
    Int32 = 6,
    Int64 = 7,
    Float16 = 10,
}

/// An input or output.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct ValueInfo {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(message, optional, tag = "2")]
    pub(crate) r#type: Option<Type>,
    #[prost(string, tag = "3")]
    pub(crate) doc_string: String,
}

/// Type and shape.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Type {
    #[prost(message, optional, tag = "1")]
    pub(crate) tensor_type: Option<TensorType>,
}

/// Type and shape of a tensor.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct TensorType {
    #[prost(enumeration = "ElementType", tag = "1")]
    pub(crate) elem_type: i32,
    #[prost(message, optional, tag = "2")]
    pub(crate) shape: Option<Shape>,
}

/// Extents.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Shape {
    #[prost(message, repeated, tag = "1")]
    pub(crate) dim: Vec<Extent>,
}

/// One extent: a number, or a name for any.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Extent {
    #[prost(oneof = "ExtentValue", tags = "1, 2")]
    pub(crate) value: Option<ExtentValue>,
}

/// What an extent is.
#[derive(Clone, PartialEq, prost::Oneof)]
pub(crate) enum ExtentValue {
    #[prost(int64, tag = "1")]
    Known(i64),
    #[prost(string, tag = "2")]
    Named(String),
}

impl ValueInfo {
    /// An input or output of this type; an extent that is a name may be any.
    pub(crate) fn of(name: &str, elements: ElementType, extents: &[ExtentValue], doc: &str) -> Self {
        let dim = extents.iter().map(|extent| Extent { value: Some(extent.clone()) }).collect();
        let tensor = TensorType { elem_type: elements.into(), shape: Some(Shape { dim }) };
        Self {
            name: name.to_owned(),
            r#type: Some(Type { tensor_type: Some(tensor) }),
            doc_string: doc.to_owned(),
        }
    }
}

impl Attribute {
    /// A whole number.
    pub(crate) fn int(name: &str, value: i64) -> Self {
        let (name, r#type) = (name.to_owned(), AttributeType::Int.into());
        Self { name, f: None, i: Some(value), ints: Vec::new(), r#type }
    }

    /// Whole numbers.
    pub(crate) fn ints(name: &str, values: &[i64]) -> Self {
        let (name, r#type) = (name.to_owned(), AttributeType::Ints.into());
        Self { name, f: None, i: None, ints: values.to_vec(), r#type }
    }

    /// A number.
    pub(crate) fn float(name: &str, value: f64) -> Self {
        let (name, r#type) = (name.to_owned(), AttributeType::Float.into());
        Self { name, f: Some(value as f32), i: None, ints: Vec::new(), r#type }
    }
}
