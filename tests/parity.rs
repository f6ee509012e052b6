//! Every network of the zoo against TorchVision's numbers: names, shapes and order of the state dict, logits in both
//! modes, running statistics, gradient norms; and proof that a wrong tensor would show.
//!
//! The goldens and what they mean: `tests/torchvision/README.md`. Networks run one at a time on two threads.

#[path = "torchvision/generator.rs"]
mod generator;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use backbone::{Backbone, Mode, Network, Options, Output, Role, StageId, Variable, Variables};
use serde::Deserialize;
use tch::{Kind, Tensor};

/// Largest relative error of logits.
const LOGITS: f64 = 1e-4;
/// Largest relative error of a gradient norm.
const GRADIENTS: f64 = 1e-4;

#[derive(Deserialize)]
struct Golden {
    arch: String,
    parameters: u64,
    gain: Option<f64>,
    eval: Option<Pass>,
    train: Option<Pass>,
    gradients: Option<Gradients>,
    proof: Option<Proof>,
    state_dict: Vec<(String, Vec<i64>, String)>,
}

/// What the script measured when it made the golden.
#[derive(Deserialize)]
struct Proof {
    /// The smallest change of the evaluation logits when one tensor, of all of them, is multiplied by 1.1.
    weakest: f64,
    /// The same for the auxiliary heads' own logits.
    auxiliary: Option<f64>,
}

#[derive(Deserialize)]
struct Pass {
    shape: Vec<i64>,
    running: Option<BTreeMap<String, [f64; 2]>>,
    #[serde(flatten)]
    logits: BTreeMap<String, Vec<f64>>,
}

#[derive(Deserialize)]
struct Gradients {
    shape: Vec<i64>,
    labels: Vec<i64>,
    auxiliary_weight: Option<f64>,
    loss: f64,
    stages: Vec<StageNorm>,
}

#[derive(Deserialize)]
struct StageNorm {
    name: String,
    roots: Vec<String>,
    norm: f64,
}

#[derive(Deserialize)]
struct Check {
    name: String,
    shape: Vec<i64>,
    gain: f64,
    first: Vec<u32>,
    last: Vec<u32>,
}

#[test]
fn the_generator_has_the_same_bits_as_its_twin() {
    let text = std::fs::read_to_string(folder().join("generator_check.json")).unwrap();
    let checks: Vec<Check> = serde_json::from_str(&text).unwrap();
    assert!(checks.len() > 3);
    for check in checks {
        let values = generator::values(&check.name, &check.shape, check.gain).unwrap();
        let bits: Vec<u32> = values.iter().map(|value| value.to_bits()).collect();
        assert!(bits.starts_with(&check.first) && bits.ends_with(&check.last), "{}", check.name);
    }
}

#[test]
fn every_network_but_lenet_has_a_golden() {
    let goldens = std::fs::read_dir(folder().join("golden")).unwrap();
    let mut goldens: Vec<String> = goldens
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned())
        .collect();
    let names = zoo::networks().map(|network| network.name.to_owned());
    let mut names: Vec<String> = names.filter(|name| !name.starts_with("lenet")).collect();
    goldens.sort();
    names.sort();
    assert_eq!(names, goldens);
}

#[test]
fn resnet() {
    family("resnet", "resnet18");
}

#[test]
fn alexnet() {
    family("alexnet", "alexnet");
}

#[test]
fn vgg() {
    family("vgg", "vgg11");
}

#[test]
fn inception() {
    family("inception", "googlenet");
}

#[test]
fn efficientnet() {
    family("efficientnet", "efficientnet_b0");
}

/// Compares every network of a family; of one of them it also shows that no tensor can be wrong unnoticed.
fn family(name: &str, sensitive: &str) {
    let _one_at_a_time = one_at_a_time();
    tch::set_num_threads(2);
    let family = zoo::FamilyId::ALL.into_iter().map(zoo::FamilyId::family).find(|family| family.name == name);
    for network in family.unwrap().networks {
        let subject = Subject::new(network);
        subject.was_proven_sensitive();
        subject.compare_state_dict();
        subject.compare_evaluation();
        subject.compare_training();
        subject.compare_gradients();
        if network.name == sensitive {
            subject.every_tensor_matters();
        }
    }
}

/// A network of ours, and what TorchVision says of it.
struct Subject {
    golden: Golden,
    backbone: Backbone,
    /// Our names -> the golden's, which the generator's values hang on. Only Lite0's differ.
    theirs: BTreeMap<String, String>,
}

impl Subject {
    fn new(network: &Network) -> Self {
        let path = folder().join("golden").join(format!("{}.json", network.name));
        let golden: Golden = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        assert_eq!(golden.arch, network.name);
        let size = golden.train.as_ref().map_or(224, |train| train.shape[2]);
        let options = Options { size, dropout: Some(0.0), stochastic_depth: Some(0.0), ..Options::default() };
        let backbone = (network.build)(&Variables::new().root(), &options);
        let ours =
            |theirs: &String| network.dialects.first().and_then(|theirs_are| (theirs_are.rename)(theirs));
        let pairs = golden.state_dict.iter();
        let theirs = pairs.map(|(name, ..)| (ours(name).unwrap_or(name.clone()), name.clone())).collect();
        Self { golden, backbone, theirs }
    }

    /// Any one tensor changed by a tenth moved TorchVision's logits by more than the tolerance.
    fn was_proven_sensitive(&self) {
        let Golden { arch, eval, train, proof, .. } = &self.golden;
        let Some(proof) = proof else {
            assert!(eval.is_none() && train.is_none(), "{arch}: logits without a proof");
            return;
        };
        assert!(proof.weakest > LOGITS, "{arch}: {:.1e}", proof.weakest);
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

    fn compare_evaluation(&self) {
        let Some(golden) = &self.golden.eval else { return };
        self.fill();
        let said = tch::no_grad(|| self.classify(&golden.shape, Mode::Evaluate));
        assert!(said.aux.is_empty());
        self.agree("evaluation", &said.logits, &golden.logits["logits"]);
    }

    fn compare_training(&self) {
        let Some(golden) = &self.golden.train else { return };
        self.fill();
        let said = tch::no_grad(|| self.classify(&golden.shape, Mode::Train));
        self.agree("training", &said.logits, &golden.logits["logits"]);
        assert_eq!(said.aux.len() + 1, golden.logits.len());
        for ((_, aux), (logits, _)) in self.backbone.aux().zip(&said.aux) {
            self.agree(aux.root, logits, &golden.logits[aux.root]);
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

    fn compare_gradients(&self) {
        let Some(golden) = &self.golden.gradients else { return };
        let arch = &self.golden.arch;
        self.fill();
        let said = self.classify(&golden.shape, Mode::Train);
        let labels = Tensor::from_slice(&golden.labels);
        let loss =
            said.aux.iter().fold(said.logits.cross_entropy_for_logits(&labels), |loss, (aux, weight)| {
                assert_eq!(Some(*weight), golden.auxiliary_weight, "{arch}");
                loss + aux.cross_entropy_for_logits(&labels) * *weight
            });
        let error = (loss.double_value(&[]) - golden.loss).abs() / golden.loss;
        assert!(error < LOGITS, "{arch}: the loss differs by {error:.1e}");
        loss.backward();
        for StageNorm { name, roots, norm } in &golden.stages {
            let owned = self.backbone.variables().below(roots).into_iter();
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

    /// Any tensor that evaluation reads, changed by a tenth, moves the logits further than the tolerance.
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
            let kept = tensor.copy();
            tch::no_grad(|| tensor.copy_(&(&kept * 1.1)));
            let change = relative(&logits(), &reference);
            tch::no_grad(|| tensor.copy_(&kept));
            assert!(change > LOGITS, "{}: {name} moves the logits by {change:.1e} only", self.golden.arch);
        }
        assert_eq!(relative(&logits(), &reference), 0.0);
    }

    /// Sets every variable to the generator's values.
    fn fill(&self) {
        let gain = self.golden.gain.unwrap();
        for Variable { name, mut tensor, .. } in self.variables() {
            let theirs = &self.theirs[&name];
            let value = if tensor.is_floating_point() {
                Tensor::from_slice(&generator::values(theirs, &tensor.size(), gain).unwrap())
            } else {
                Tensor::from(generator::batches_tracked(theirs))
            };
            tch::no_grad(|| tensor.copy_(&value.view(tensor.size().as_slice())));
        }
    }

    fn classify(&self, shape: &[i64], mode: Mode) -> Output {
        let x = Tensor::from_slice(&generator::values("input", shape, 1.0).unwrap()).view(shape);
        self.backbone.classify(&x, StageId::INPUT, mode)
    }

    fn agree(&self, what: &str, ours: &Tensor, theirs: &[f64]) {
        let theirs = Tensor::from_slice(theirs).view(ours.size().as_slice());
        let error = relative(ours, &theirs);
        eprintln!("{}: {what}: {error:.1e}", self.golden.arch);
        assert!(error < LOGITS, "{}: {what} logits differ by {error:.1e}", self.golden.arch);
    }

    fn variables(&self) -> Vec<Variable> {
        self.backbone.variables().all()
    }
}

/// max|a-b| / max|b|
fn relative(a: &Tensor, b: &Tensor) -> f64 {
    let (a, b) = (a.to_kind(Kind::Double), b.to_kind(Kind::Double));
    (a - &b).abs().max().double_value(&[]) / b.abs().max().double_value(&[])
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/torchvision")
}

fn one_at_a_time() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}
