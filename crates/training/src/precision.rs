//! The type that networks compute in: float32, or a shorter one where it is faster.
//!
//! Weights stay float32 unless this is float64. Frozen stages and predictions compute with short copies of them; live
//! stages train under autocast, with float16 on a loss that is multiplied so that no gradient vanishes
//! (`scaler`). Which type is faster depends on the device, on the network and on what it does, so
//! [`Precision::Auto`] tries both once and remembers.

mod auto;

use backbone::{Backbone, LowRank, StageId};
use pretrained::InputSpec;
use run_config::Precision;
use tch::Kind;

/// What a network is going to compute.
#[derive(Clone, Copy, Debug)]
pub struct Workload<'a> {
    /// How its images are prepared.
    pub input: &'a InputSpec,
    /// Images at once.
    pub batch_size: usize,
    /// Threads that libtorch computes with.
    pub threads: u32,
    /// Whether it is trained.
    pub purpose: Purpose,
}

/// What a network computes for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Purpose {
    /// Scores.
    Predict,
    /// Gradients of the stages from this one on.
    Train {
        /// The first stage that is trained.
        from: StageId,
        /// The low-rank updates that are trained in place of weights, if any.
        low_rank: Option<LowRank>,
    },
}

/// Returns the type to compute in. [`Precision::Auto`] times what is going to run, unless that is remembered. The network is
/// left as it was, but that its preparations for inference are gone.
pub fn kind(precision: Precision, backbone: &mut Backbone, work: &Workload<'_>) -> Kind {
    match precision {
        Precision::Float32 => Kind::Float,
        Precision::Bf16 => Kind::BFloat16,
        Precision::Fp16 => Kind::Half,
        Precision::Float64 => Kind::Double,
        Precision::Auto => auto::faster(backbone, work),
    }
}

/// Returns the type of a name that [`name`] gives.
#[must_use]
pub fn named(name: &str) -> Kind {
    let kinds = [Kind::BFloat16, Kind::Half, Kind::Double];
    kinds.into_iter().find(|&kind| self::name(kind) == name).unwrap_or(Kind::Float)
}

/// Returns the name of a type in configurations and records.
#[must_use]
pub fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::BFloat16 => "bf16",
        Kind::Half => "fp16",
        Kind::Double => "float64",
        _ => "float32",
    }
}
