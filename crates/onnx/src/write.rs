//! The file.

use std::collections::BTreeMap;

use checkpoint::Array;
use graph::Graph;
use pretrained::InputSpec;
use prost::Message;

use crate::Error;
use crate::builder::Builder;
use crate::lower::Lowering;
use crate::message::{self, Attribute, ElementType, Entry, ExtentValue, Model, OperatorSet, ValueInfo};
use crate::pixels::Pixels;
use crate::ranges::Ranges;
use crate::weights::Weights;

/// What is known of a model besides its weights.
#[derive(Clone, Debug)]
pub struct Facts {
    /// TorchVision's name of the network.
    pub arch: String,
    /// Class names in the order of the outputs.
    pub classes: Vec<String>,
    /// Preparation of images.
    pub input: InputSpec,
    /// Logits are divided by it before the softmax; above 0.
    pub temperature: f64,
    /// SHA-256 of the model's file.
    pub model_sha256: String,
    /// Program and version.
    pub producer: String,
}

/// How a file is written.
#[derive(Clone, Debug)]
pub struct Options {
    /// What the model reads.
    pub pixels: Pixels,
    /// What it computes in.
    pub precision: Precision,
}

/// What a model computes in.
#[derive(Clone, Debug)]
pub enum Precision {
    /// As it was trained.
    Float32,
    /// Weights and arithmetic of the network in float16; input and outputs stay float32.
    Float16,
    /// Values between convolutions in 8 bits, by the ranges that calibration images have, and weights in 8 bits for each output
    /// channel; what these reach is the network without its first convolution and its head.
    Int8(Ranges),
}

const OPSET: i64 = 17;
const IR: i64 = 8;
/// What a protocol buffer can hold.
const MOST: usize = i32::MAX as usize;

/// Returns the bytes of an ONNX file that computes what `graph` computes with `weights`.
///
/// # Errors
/// When a tensor is missing or of a wrong type, and when the file would be too large.
pub fn write(
    graph: &Graph,
    weights: &BTreeMap<String, Array>,
    facts: &Facts,
    options: &Options,
) -> Result<Vec<u8>, Error> {
    let weights = Weights(weights);
    let mut builder = Builder::default();
    // Names of outputs are taken before anything else wishes for them.
    let [logits, probabilities] = ["logits", "probabilities"].map(|name| builder.name(name));
    let input = options.pixels.lower(&mut builder, &facts.input);
    let is_short = matches!(options.precision, Precision::Float16);
    let input = if is_short { cast(&mut builder, &input, ElementType::Float16) } else { input };
    builder.is_short = is_short;
    let ranges = match &options.precision {
        Precision::Int8(ranges) => Some(ranges),
        _ => None,
    };
    let scores = Lowering::new(graph, &weights, &mut builder, ranges).all(&input)?;
    builder.is_short = false;
    let to = Attribute::int("to", i32::from(ElementType::Float).into());
    builder.node_named(&logits, "Cast", &[&scores], vec![to]);
    let temperature = builder.floats32("temperature", &[], &[facts.temperature as f32]);
    let scaled = builder.node("Div", &[&logits, &temperature], vec![]);
    builder.node_named(&probabilities, "Softmax", &[&scaled], vec![Attribute::int("axis", -1)]);

    let classes = ExtentValue::Known(facts.classes.len() as i64);
    let batch = match options.pixels {
        Pixels::Image => ExtentValue::Known(1),
        _ => ExtentValue::Named("batch".to_owned()),
    };
    let output = |name: &str, doc: &str| {
        ValueInfo::of(name, ElementType::Float, &[batch.clone(), classes.clone()], doc)
    };
    let graph = message::Graph {
        node: builder.nodes,
        name: facts.arch.clone(),
        initializer: builder.initializers,
        input: vec![options.pixels.declared(&facts.input)],
        output: vec![
            output(&logits, "scores before the softmax"),
            output(&probabilities, "softmax of the logits divided by the fitted temperature"),
        ],
    };
    let model = Model {
        ir_version: IR,
        producer_name: "finetune".to_owned(),
        producer_version: facts.producer.clone(),
        doc_string: how_to_feed(facts, options.pixels),
        graph: Some(graph),
        opset_import: vec![OperatorSet { domain: String::new(), version: OPSET }],
        metadata_props: metadata(facts, options),
    };
    match model.encoded_len() {
        bytes if bytes > MOST => Err(Error::TooLarge(bytes)),
        _ => Ok(model.encode_to_vec()),
    }
}

fn cast(builder: &mut Builder, x: &str, to: ElementType) -> String {
    builder.node("Cast", &[x], vec![Attribute::int("to", i32::from(to).into())])
}

fn metadata(facts: &Facts, options: &Options) -> Vec<Entry> {
    let json = |value: serde_json::Result<String>| value.unwrap_or_default();
    let names = facts
        .classes
        .iter()
        .enumerate()
        .map(|(index, name)| format!("{index}: {}", json(serde_json::to_string(name))));
    let names = format!("{{{}}}", names.collect::<Vec<_>>().join(", "));
    let precision = match options.precision {
        Precision::Float32 => "float32",
        Precision::Float16 => "float16",
        Precision::Int8(_) => "int8",
    };
    [
        ("arch", facts.arch.clone()),
        ("classes", json(serde_json::to_string(&facts.classes))),
        ("input", json(serde_json::to_string(&facts.input))),
        ("temperature", facts.temperature.to_string()),
        ("model_sha256", facts.model_sha256.clone()),
        ("pixels", options.pixels.name().to_owned()),
        ("precision", precision.to_owned()),
        ("names", names),
    ]
    .map(|(key, value)| Entry { key: key.to_owned(), value })
    .to_vec()
}

/// How a program feeds the model, in a few lines.
fn how_to_feed(facts: &Facts, pixels: Pixels) -> String {
    let what = match pixels {
        Pixels::Crop => format!(
            "Input rgb: uint8 [batch, {0}, {0}, 3], red first: images turned upright, {1}. Nothing else is to be done to them.",
            facts.input.crop, facts.input
        ),
        Pixels::Image => {
            "Input image: uint8 [1, height, width, 3], red first: one image turned upright, of any size."
                .to_owned()
        }
        Pixels::Prepared => format!(
            "Input prepared: float32 [batch, {}, {1}, {1}]: images {2}, scaled to 0..=1, less mean {3:?}, divided by {4:?}.",
            facts.input.channels, facts.input.crop, facts.input, facts.input.mean, facts.input.std
        ),
    };
    format!(
        "{what}\nOutputs: logits and probabilities, float32 [batch, {}].\nThe names of the classes are in the metadata, key classes, a JSON list in the order of the outputs.",
        facts.classes.len()
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use graph::{Activation, Convolution, Norm, Op, Window};

    use super::*;

    /// A convolution, its normalisation and a linear layer, with their tensors.
    fn small() -> (Graph, BTreeMap<String, Array>) {
        let (mut graph, x) = Graph::of(&[3, 8, 8]);
        let conv = Convolution {
            weight: "conv.weight".into(),
            bias: None,
            norm: Some(Norm { name: "bn".into(), eps: 1e-5 }),
            output: 2,
            groups: 1,
            window: Window::square(3, 2, 1),
        };
        let x = graph.push(Op::Convolution(conv), &[x]);
        let x = graph.push(Op::Activation(Activation::Silu), &[x]);
        let x = graph.push(Op::AdaptiveAveragePool { side: 3 }, &[x]);
        let x = graph.push(Op::Reshape(vec![-1]), &[x]);
        let linear =
            Op::Linear { weight: "fc.weight".into(), bias: Some("fc.bias".into()), inputs: 18, outputs: 2 };
        let _logits = graph.push(linear, &[x]);
        let array = |shape: &[usize], value: f32| {
            Array::from_f32(shape.to_vec(), &vec![value; shape.iter().product()]).unwrap()
        };
        let weights = [
            ("conv.weight", array(&[2, 3, 3, 3], 0.5)),
            ("bn.weight", array(&[2], 2.0)),
            ("bn.bias", array(&[2], 1.0)),
            ("bn.running_mean", array(&[2], 3.0)),
            ("bn.running_var", array(&[2], 4.0)),
            ("fc.weight", array(&[2, 18], 0.1)),
            ("fc.bias", array(&[2], 0.0)),
        ];
        (graph, weights.map(|(name, array)| (name.to_owned(), array)).into())
    }

    fn facts() -> Facts {
        Facts {
            arch: "small".into(),
            classes: vec!["a \"cat\"\n".into(), "🐶".into()],
            input: InputSpec { resize: 8, crop: 8, ..InputSpec::imagenet() },
            temperature: 1.5,
            model_sha256: "0".repeat(64),
            producer: "0.2.0".into(),
        }
    }

    #[test]
    fn every_operator_reads_what_comes_before_it_and_names_are_unique() {
        let (graph, weights) = small();
        for pixels in [Pixels::Crop, Pixels::Image, Pixels::Prepared] {
            for precision in [Precision::Float32, Precision::Float16] {
                let options = Options { pixels, precision };
                let bytes = write(&graph, &weights, &facts(), &options).unwrap();
                assert_eq!(bytes, write(&graph, &weights, &facts(), &options).unwrap());
                let model = Model::decode(bytes.as_slice()).unwrap();
                let file = model.graph.unwrap();
                let mut known: BTreeSet<String> = file.input.iter().map(|input| input.name.clone()).collect();
                assert_eq!(known.iter().collect::<Vec<_>>(), [pixels.input()]);
                for tensor in &file.initializer {
                    assert!(known.insert(tensor.name.clone()), "{}", tensor.name);
                }
                for node in &file.node {
                    assert!(node.input.iter().all(|input| known.contains(input)), "{pixels:?}: {node:?}");
                    assert!(node.output.iter().all(|output| known.insert(output.clone())), "{node:?}");
                }
                for output in ["logits", "probabilities"] {
                    assert!(known.contains(output), "{output}");
                }
                let classes = model.metadata_props.iter().find(|entry| entry.key == "classes").unwrap();
                assert_eq!(serde_json::from_str::<Vec<String>>(&classes.value).unwrap(), facts().classes);
            }
        }
    }

    #[test]
    fn normalisation_is_part_of_the_convolution() {
        let (graph, weights) = small();
        let options = Options { pixels: Pixels::Prepared, precision: Precision::Float32 };
        let bytes = write(&graph, &weights, &facts(), &options).unwrap();
        let file = Model::decode(bytes.as_slice()).unwrap().graph.unwrap();
        let values = |name: &str| {
            let tensor = file.initializer.iter().find(|tensor| tensor.name == name).unwrap();
            let (chunks, _) = tensor.raw_data.as_chunks::<4>();
            chunks.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect::<Vec<_>>()
        };
        // 2 / sqrt(4): the weight stays 0.5, and the bias is 1 - 3.
        assert!(values("conv.weight").iter().all(|weight| (weight - 0.5).abs() < 1e-5));
        assert!(values("conv.bias").iter().all(|bias| (bias + 2.0).abs() < 1e-4));
        assert!(file.node.iter().all(|node| node.op_type != "BatchNormalization"));
    }

    #[test]
    fn a_tensor_that_is_not_there_is_named() {
        let (graph, mut weights) = small();
        weights.remove("fc.bias");
        let options = Options { pixels: Pixels::Crop, precision: Precision::Float32 };
        let error = write(&graph, &weights, &facts(), &options).unwrap_err();
        assert_eq!(error.to_string(), "the weights hold no fc.bias");
    }
}
