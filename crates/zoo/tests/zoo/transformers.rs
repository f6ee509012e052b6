//! Networks of attention described, computed operation by operation, and written as ONNX. With `DESCRIBED` in the environment the
//! files are left in that folder, with an input and the output, for `tests/onnx/described.py` to run them in onnxruntime.

use std::fs;
use std::path::PathBuf;

use backbone::layers::LinearInit;
use backbone::{Mode, Options, StageId, Values, digest, interpreter};
use checkpoint::{Array, Dtype};
use onnx::{Facts, Pixels, Precision};
use pretrained::InputSpec;
use tch::{Kind, Tensor};

/// Multiply-adds as TorchVision publishes them, in units of 1e9; ours count the products of attention too.
const NETWORKS: [(&str, Option<f64>); 4] = [
    ("vit_b_16", Some(17.56)),
    ("dinov2_vits14_reg", None),
    ("swin_t", Some(4.49)),
    ("swin_v2_t", Some(5.94)),
];

#[test]
fn networks_of_attention_are_described_computed_and_written() {
    let _one_at_a_time = conformance::one_at_a_time();
    tch::manual_seed(5);
    let _no_gradient = tch::no_grad_guard();
    for (name, published) in NETWORKS {
        let network = zoo::network(name).unwrap();
        let size = i64::from((network.input)().crop);
        let options = Options { classes: 10, size, ..Options::default() };
        let mut backbone = network.build(Values::default(), &options);
        backbone.replace_head(10, LinearInit::TorchDefault);
        let x = Tensor::randn([2, 3, size, size], (Kind::Float, tch::Device::Cpu));
        let logits = backbone.classify(&x, StageId::INPUT, Mode::Evaluate).logits;

        let graph = backbone.describe([3, size, size]);
        let cost = graph.multiply_adds_from(0) as f64 / 1e9;
        assert!(published.is_none_or(|published| (cost / published - 1.0).abs() < 0.05), "{name}: {cost}");
        let tensors = interpreter::weights(&backbone);
        let apart = |described: &Tensor, logits: &Tensor| {
            ((described - logits).abs().max() / logits.abs().max()).double_value(&[])
        };
        let described = interpreter::run(&graph, &tensors, &x);
        assert!(apart(&described, &logits) < 1e-5, "{name}: {:.1e}", apart(&described, &logits));
        let alone = interpreter::run(&graph, &tensors, &x.narrow(0, 1, 1));
        assert!(apart(&alone, &logits.narrow(0, 1, 1)) < 1e-4, "{name}");

        let array = |tensor: &Tensor| {
            let shape = tensor.size().iter().map(|&extent| extent as usize).collect();
            let dtype = if tensor.kind() == Kind::Int64 { Dtype::I64 } else { Dtype::F32 };
            Array::new(shape, dtype, digest::bytes(tensor).unwrap()).unwrap()
        };
        let arrays = tensors.iter().map(|(name, tensor)| (name.clone(), array(tensor))).collect();
        let facts = Facts {
            arch: name.to_owned(),
            classes: (0..10).map(|class| class.to_string()).collect(),
            input: InputSpec { crop: (network.input)().crop, ..InputSpec::imagenet() },
            temperature: 1.0,
            model_sha256: String::new(),
            producer: String::new(),
        };
        let options = onnx::Options { pixels: Pixels::Prepared, precision: Precision::Float32 };
        let file = onnx::write(&graph, &arrays, &facts, &options).unwrap();
        if let Some(folder) = std::env::var_os("DESCRIBED").map(PathBuf::from) {
            fs::write(folder.join(format!("{name}.onnx")), file).unwrap();
            fs::write(folder.join(format!("{name}.input")), digest::bytes(&x).unwrap()).unwrap();
            fs::write(folder.join(format!("{name}.logits")), digest::bytes(&logits).unwrap()).unwrap();
        }
    }
}
