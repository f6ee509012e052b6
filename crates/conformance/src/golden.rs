//! The numbers that a network is compared with, as `tests/torchvision/make_goldens.py` wrote them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use backbone::Network;
use serde::Deserialize;
use tch::{Kind, Tensor};

use crate::generator;

/// A file of `tests/torchvision/golden`.
#[derive(Deserialize)]
pub(crate) struct Golden {
    pub(crate) arch: String,
    /// Whether its values are compared only where that is asked for.
    #[serde(default)]
    pub(crate) large: bool,
    pub(crate) parameters: u64,
    pub(crate) gain: Option<f64>,
    pub(crate) eval: Option<Pass>,
    pub(crate) train: Option<Pass>,
    pub(crate) gradients: Option<Gradients>,
    pub(crate) proof: Option<Proof>,
    pub(crate) state_dict: Vec<(String, Vec<i64>, String)>,
}

/// What the script measured when it made the golden.
#[derive(Deserialize)]
pub(crate) struct Proof {
    /// The smallest change of the evaluation logits when one tensor, of all of them, is multiplied by 1.1; not measured of large
    /// networks, whose blocks are those of a smaller one.
    pub(crate) weakest: Option<f64>,
    /// The same for the auxiliary heads' own logits.
    pub(crate) auxiliary: Option<f64>,
}

/// A forward pass.
#[derive(Deserialize)]
pub(crate) struct Pass {
    /// Shape of the input.
    pub(crate) shape: Vec<i64>,
    /// Sum and sum of squares of every running statistic after it.
    pub(crate) running: Option<BTreeMap<String, [f64; 2]>>,
    /// Of the logits, row by row, only one in this many is there.
    every: Option<i64>,
    /// The norm of each image's logits, where not all of them are there.
    norms: Option<Vec<f64>>,
    /// By the name of the head.
    #[serde(flatten)]
    pub(crate) logits: BTreeMap<String, Vec<f64>>,
}

/// Norms of the gradients of the mean cross entropy.
#[derive(Deserialize)]
pub(crate) struct Gradients {
    /// Computed in float64, where that is said.
    pub(crate) dtype: Option<String>,
    pub(crate) shape: Vec<i64>,
    pub(crate) labels: Vec<i64>,
    pub(crate) auxiliary_weight: Option<f64>,
    pub(crate) loss: f64,
    pub(crate) stages: Vec<StageNorm>,
}

/// The norm of a stage.
#[derive(Deserialize)]
pub(crate) struct StageNorm {
    pub(crate) name: String,
    /// What the names of its parameters begin with.
    pub(crate) roots: Vec<String>,
    pub(crate) norm: f64,
}

impl Golden {
    /// The golden of a network; `None` where it has none.
    pub(crate) fn of(network: &Network) -> Option<Self> {
        let text = std::fs::read_to_string(path(network)).ok()?;
        Some(serde_json::from_str(&text).unwrap())
    }
}

impl Pass {
    /// Its input, `[N, C, H, W]`.
    pub(crate) fn input(&self) -> Tensor {
        input(&self.shape)
    }

    /// Largest relative error of our logits of a head.
    pub(crate) fn error(&self, head: &str, ours: &Tensor) -> f64 {
        let flat = ours.flatten(0, -1).slice(0, 0, ours.numel() as i64, self.every.unwrap_or(1));
        let error = relative(&flat, &Tensor::from_slice(&self.logits[head]));
        let of_norms = self.norms.as_ref().map(|norms| {
            let ours = ours.to_kind(Kind::Double).norm_scalaropt_dim(2.0, [1i64].as_slice(), false);
            relative(&ours, &Tensor::from_slice(norms))
        });
        error.max(of_norms.unwrap_or(0.0))
    }
}

/// A batch from the generator, `[N, C, H, W]`.
pub(crate) fn input(shape: &[i64]) -> Tensor {
    Tensor::from_slice(&generator::values("input", shape, 1.0).unwrap()).view(shape)
}

/// max|a-b| / max|b|
pub(crate) fn relative(a: &Tensor, b: &Tensor) -> f64 {
    assert_eq!(a.size(), b.size());
    let (a, b) = (a.to_kind(Kind::Double), b.to_kind(Kind::Double));
    (a - &b).abs().max().double_value(&[]) / b.abs().max().double_value(&[])
}

/// Where the golden of a network is, if it has one.
pub(crate) fn path(network: &Network) -> PathBuf {
    folder().join("golden").join(format!("{}.json", network.name))
}

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/torchvision")
}
