//! Every network of a family against TorchVision's numbers: names, shapes and order of the state dict, logits in both
//! modes, running statistics, gradient norms; and proof that a wrong tensor would show.
//!
//! The goldens and what they mean: `tests/torchvision/README.md`.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use backbone::{Backbone, Mode, Network, Output, Role, StageId, Values, Variable};
use serde::Deserialize;
use tch::{Device, Kind, Tensor};

use crate::generator;
use crate::golden::{self, Golden, Gradients, Pass, StageNorm, folder, relative};
use crate::subject::{Subject, one_at_a_time, options};

/// Largest relative error of logits.
const LOGITS: f64 = 1e-4;
/// Largest relative error of a gradient norm.
const GRADIENTS: f64 = 1e-4;

#[derive(Deserialize)]
struct Check {
    name: String,
    shape: Vec<i64>,
    gain: f64,
    first: Vec<u32>,
    last: Vec<u32>,
}

/// Compares every network of a family; of one of them it also shows that no tensor can be wrong without a failure.
pub fn check(subject: &Subject) {
    let _one_at_a_time = one_at_a_time();
    let Some(every_tensor) = subject.every_tensor else {
        return subject.family.networks.iter().for_each(|network| assert!(!golden::path(network).exists()));
    };
    for network in subject.family.networks {
        let mut compared = Compared::new(network);
        compared.was_proven_sensitive();
        compared.compare_state_dict();
        if !compared.golden.large {
            compared.compare_values();
        }
        if network.name == every_tensor {
            compared.every_tensor_matters();
        }
    }
    assert!(subject.family.networks.iter().any(|network| network.name == every_tensor), "{every_tensor}");
}

/// Compares the values of the larger networks, one after another: `cargo xtask test --large`.
pub fn check_large(subject: &Subject) {
    let _one_at_a_time = one_at_a_time();
    for network in subject.family.networks {
        let Some(golden) = Golden::of(network).filter(|golden| golden.large) else { continue };
        let started = Instant::now();
        Compared::of(network, golden).compare_values();
        eprintln!("{}: {:.1} s", network.name, started.elapsed().as_secs_f64());
    }
}

/// Whether a tensor belongs to the network and not to its weights: it keeps the values that it was built with.
pub(crate) fn is_constant(name: &str) -> bool {
    name.ends_with("relative_position_index") || name.ends_with("relative_coords_table")
}

/// Names of the networks that have a golden, sorted.
#[must_use]
pub fn goldens() -> Vec<String> {
    let files = std::fs::read_dir(folder().join("golden")).unwrap();
    let stem = |path: PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
    let mut names: Vec<String> = files.map(|entry| stem(entry.unwrap().path())).collect();
    names.sort();
    names
}

/// The generator of values gives the bits of its Python twin, from which the goldens are.
pub fn the_generator_has_the_bits_of_its_twin() {
    let text = std::fs::read_to_string(folder().join("generator_check.json")).unwrap();
    let checks: Vec<Check> = serde_json::from_str(&text).unwrap();
    assert!(checks.len() > 3);
    for check in checks {
        let values = generator::values(&check.name, &check.shape, check.gain).unwrap();
        let bits: Vec<u32> = values.iter().map(|value| value.to_bits()).collect();
        assert!(bits.starts_with(&check.first) && bits.ends_with(&check.last), "{}", check.name);
    }
}

/// A network of ours with TorchVision's numbers for it.
struct Compared {
    golden: Golden,
    backbone: Backbone,
    /// Our names -> the golden's, which the generator's values hang on. Only Lite0's differ.
    theirs: BTreeMap<String, String>,
    /// Whether the parameters have the generator's values.
    has_values: Cell<bool>,
}

impl Compared {
    fn new(network: &Network) -> Self {
        Self::of(network, Golden::of(network).unwrap_or_else(|| panic!("{} has no golden", network.name)))
    }

    fn of(network: &Network, golden: Golden) -> Self {
        assert_eq!(golden.arch, network.name);
        let size = golden.train.as_ref().map_or(224, |train| train.shape[2]);
        let options =
            backbone::Options { dropout: Some(0.0), stochastic_depth: Some(0.0), ..options(network, size) };
        let backbone = network.build(Values::Awaited { seed: 0 }, &options);
        let has_values = Cell::new(false);
        let ours =
            |theirs: &String| network.dialects.first().and_then(|theirs_are| (theirs_are.rename)(theirs));
        let pairs = golden.state_dict.iter();
        let theirs = pairs.map(|(name, ..)| (ours(name).unwrap_or(name.clone()), name.clone())).collect();
        Self { golden, backbone, theirs, has_values }
    }

    /// Any one tensor changed by a tenth moved TorchVision's logits by more than the tolerance.
    fn was_proven_sensitive(&self) {
        let Golden { arch, eval, train, proof, large, .. } = &self.golden;
        let Some(proof) = proof else {
            assert!(eval.is_none() && train.is_none(), "{arch}: logits without a proof");
            return;
        };
        match proof.weakest {
            Some(weakest) => assert!(weakest > LOGITS, "{arch}: {weakest:.1e}"),
            None => assert!(large, "{arch}: nobody has shown that each of its tensors matters"),
        }
        assert!(proof.auxiliary.is_none_or(|weakest| weakest > LOGITS), "{arch}: auxiliary heads");
        let has_auxiliary = self.backbone.aux().next().is_some();
        assert_eq!(proof.auxiliary.is_some(), has_auxiliary, "{arch}");
    }

    /// Names, shapes, types and order; number of parameters.
    fn compare_state_dict(&self) {
        let arch = &self.golden.arch;
        let ours = self.variables().into_iter().map(|variable| {
            let kind = if variable.tensor.kind() == Kind::Int64 { "int64" } else { "float32" };
            (
                self.theirs.get(&variable.name).cloned().unwrap_or(variable.name),
                variable.tensor.size(),
                kind.to_owned(),
            )
        });
        let ours: Vec<_> = ours.collect();
        for (ours, theirs) in ours.iter().zip(&self.golden.state_dict) {
            assert_eq!(ours, theirs, "{arch}: ours, TorchVision's");
        }
        assert_eq!(ours.len(), self.golden.state_dict.len(), "{arch}");
        let parameters = self.backbone.ids().map(|id| self.backbone.parameter_count(id)).sum::<u64>();
        assert_eq!(parameters, self.golden.parameters, "{arch}");
    }

    fn compare_values(&mut self) {
        self.compare_evaluation();
        self.compare_training();
        self.compare_gradients();
    }

    fn compare_evaluation(&self) {
        let Some(golden) = &self.golden.eval else { return };
        self.fill();
        let output = tch::no_grad(|| self.classify(&golden.shape, Mode::Evaluate));
        assert!(output.aux.is_empty());
        self.agree("evaluation", "logits", &output.logits, golden);
        let described = tch::no_grad(|| self.describe(&golden.shape));
        let error = relative(&described, &output.logits);
        assert!(error < LOGITS, "{}: the description's logits differ by {error:.1e}", self.golden.arch);
    }

    /// Computes the description of the network in place of the network.
    fn describe(&self, shape: &[i64]) -> Tensor {
        let x = golden::input(shape);
        let graph = self.backbone.describe([shape[1], shape[2], shape[3]]);
        backbone::interpreter::run(&graph, &backbone::interpreter::weights(&self.backbone), &x)
    }

    fn compare_training(&self) {
        let Some(golden) = &self.golden.train else { return };
        self.fill();
        let output = tch::no_grad(|| self.classify(&golden.shape, Mode::Train));
        self.agree("training", "logits", &output.logits, golden);
        assert_eq!(output.aux.len() + 1, golden.logits.len());
        for ((_, aux), (logits, _)) in self.backbone.aux().zip(&output.aux) {
            self.agree("training", aux.root, logits, golden);
        }
        if let Some(running) = &golden.running {
            self.compare_running(running);
        }
    }

    /// Sum and sum of squares of every running statistic after one forward pass in training mode.
    fn compare_running(&self, running: &BTreeMap<String, [f64; 2]>) {
        let mut seen = 0;
        for Variable { name, tensor, .. } in self.variables() {
            if let Some([sum, squares]) = running.get(&name) {
                let values = tensor.to_kind(Kind::Double);
                let scale = (values.numel() as f64 * squares).sqrt();
                let ours = values.sum(Kind::Double).double_value(&[]);
                assert!((ours - sum).abs() / scale < LOGITS, "{name}: sum {ours}, TorchVision's {sum}");
                let ours = values.square().sum(Kind::Double).double_value(&[]);
                assert!((ours - squares).abs() / squares < LOGITS, "{name}: squares {ours}, {squares}");
                seen += 1;
            } else if name.ends_with("num_batches_tracked") {
                assert_eq!(tensor.int64_value(&[]), generator::batches_tracked(&name) + 1, "{name}");
            }
        }
        assert_eq!(seen, running.len());
    }

    /// In the golden's type; the network is float32 again after that.
    fn compare_gradients(&mut self) {
        let Some(golden) = self.golden.gradients.take() else { return };
        self.fill();
        if golden.dtype.is_some() {
            self.backbone.to(Device::Cpu, Kind::Double);
        }
        self.compare_norms(&golden);
        self.backbone.to(Device::Cpu, Kind::Float);
    }

    fn compare_norms(&self, golden: &Gradients) {
        let arch = &self.golden.arch;
        let output = self.classify(&golden.shape, Mode::Train);
        let labels = Tensor::from_slice(&golden.labels);
        let loss =
            output.aux.iter().fold(output.logits.cross_entropy_for_logits(&labels), |loss, (aux, weight)| {
                assert_eq!(Some(*weight), golden.auxiliary_weight, "{arch}");
                loss + aux.cross_entropy_for_logits(&labels) * *weight
            });
        let error = (loss.double_value(&[]) - golden.loss).abs() / golden.loss;
        assert!(error < LOGITS, "{arch}: the loss differs by {error:.1e}");
        loss.backward();
        for StageNorm { name, roots, norm } in &golden.stages {
            let below = |name: &str| {
                roots.iter().any(|root| {
                    name.strip_prefix(root.as_str())
                        .is_some_and(|rest| matches!(rest.as_bytes(), [] | [b'.', ..]))
                })
            };
            let owned = self.variables().into_iter().filter(|variable| below(&self.theirs[&variable.name]));
            let squares = owned.filter(|variable| variable.role == Role::Parameter).map(|variable| {
                variable.tensor.grad().to_kind(Kind::Double).square().sum(Kind::Double).double_value(&[])
            });
            let error = (squares.sum::<f64>().sqrt() - norm).abs() / norm;
            eprintln!("{arch}: gradient of {name}: {error:.1e}");
            assert!(error < GRADIENTS, "{arch}: the gradient of {name} differs by {error:.1e}");
        }
        for mut variable in self.variables().into_iter().filter(|variable| variable.role == Role::Parameter) {
            variable.tensor.zero_grad();
        }
    }

    /// Any tensor that evaluation reads, changed by a tenth as a whole or in half, moves the logits further than the tolerance.
    fn every_tensor_matters(&self) {
        let golden = self.golden.eval.as_ref().unwrap();
        self.fill();
        let logits = || tch::no_grad(|| self.classify(&golden.shape, Mode::Evaluate).logits);
        let reference = logits();
        let aux: Vec<String> = self.backbone.aux().map(|(_, aux)| format!("{}.", aux.root)).collect();
        for Variable { name, mut tensor, .. } in self.variables() {
            if !tensor.is_floating_point() || aux.iter().any(|root| name.starts_with(root)) {
                continue;
            }
            let before = tensor.copy();
            tch::no_grad(|| tensor.copy_(&(&before * 1.1)));
            let mut change = relative(&logits(), &reference);
            if change <= LOGITS && tensor.dim() > 1 {
                // A norm right behind it takes the scale of the whole away (Swin v2's reduction), and not that of a half.
                tch::no_grad(|| tensor.copy_(&before));
                tch::no_grad(|| drop(tensor.narrow(0, 0, tensor.size()[0] / 2).g_mul_scalar_(1.1)));
                change = relative(&logits(), &reference);
            }
            tch::no_grad(|| tensor.copy_(&before));
            assert!(change > LOGITS, "{}: {name} moves the logits by {change:.1e} only", self.golden.arch);
        }
        assert_eq!(relative(&logits(), &reference), 0.0);
    }

    /// Sets every variable to the generator's values; parameters once, as no pass changes them, buffers each time.
    fn fill(&self) {
        let gain = self.golden.gain.unwrap();
        let has_values = self.has_values.replace(true);
        for Variable { name, mut tensor, role } in self.variables() {
            if has_values && role == Role::Parameter {
                continue;
            }
            let theirs = &self.theirs[&name];
            if is_constant(theirs) {
                continue;
            }
            let value = if tensor.is_floating_point() {
                Tensor::from_slice(&generator::values(theirs, &tensor.size(), gain).unwrap())
            } else {
                Tensor::from(generator::batches_tracked(theirs))
            };
            tensor.set_data(&value.view(tensor.size().as_slice()));
        }
    }

    fn classify(&self, shape: &[i64], mode: Mode) -> Output {
        let (device, kind) = self.backbone.placement();
        let x = golden::input(shape).to_device(device).to_kind(kind);
        self.backbone.classify(&x, StageId::INPUT, mode)
    }

    fn agree(&self, what: &str, head: &str, ours: &Tensor, theirs: &Pass) {
        let error = theirs.error(head, ours);
        eprintln!("{}: {what}, {head}: {error:.1e}", self.golden.arch);
        assert!(error < LOGITS, "{}: {what}: {head} differ by {error:.1e}", self.golden.arch);
    }

    fn variables(&self) -> Vec<Variable> {
        self.backbone.variables().all()
    }
}

/// Whether a network's description is compared with TorchVision's logits: in every run of the tests, or of a network above 100 million
/// parameters among the large ones.
pub(crate) fn is_described(network: &Network) -> bool {
    let Some(golden) = Golden::of(network) else { return false };
    if golden.large { golden.parameters > 100_000_000 } else { golden.eval.is_some() }
}
