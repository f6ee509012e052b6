use ranged::{Limits, ranged};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::save::SaveInterval;
use crate::Precision;

/// `[run]`: name, seed, machine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct RunConfig {
    /// Name of the run and of its folder below `runs/`; the file's name when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Seed of everything random.
    pub seed: u64,
    /// Where to compute: `"cpu"`, `"cuda:0"`, or `"auto"`, an NVIDIA GPU where there is one. `"mps"`, Apple's GPU, was never tried.
    pub device: String,
    /// Type that networks compute in; weights are float32 unless it is `"float64"`.
    pub precision: Precision,
    /// Whether the same seed gives the same bits on a GPU too, as far as libtorch has algorithms that do; `false` takes the
    /// fastest ones. On a CPU runs repeat in any case.
    pub deterministic: bool,
    /// Whether numbers below 1.2e-38 count as zero on the CPU. They slow most CPUs down many times, and vanishing gradients
    /// are full of them; PyTorch keeps them.
    pub flush_denormals: bool,
    /// Number of threads that libtorch computes with, at most 1024; when 0 one for each core, which the processes of a machine
    /// share.
    pub threads: ThreadBudget,
    /// Number of threads that prepare images while libtorch computes; when 0, half of `threads`, and with a GPU all but
    /// one.
    pub workers: usize,
    /// Memory for the outputs of frozen stages in mebibytes. What does not fit is mapped from disk, or, with
    /// `cache = "memory"`, computed again in each epoch.
    pub features_mib: u64,
    /// What [several processes](several-machines.md) share of an optimizer step; the result is the same.
    pub split: Split,
    /// How the gradients of [several processes](several-machines.md) are summed.
    pub backend: Backend,
    /// Seconds after which a process that does not answer counts as gone.
    pub peer_timeout: PeerTimeout,
    /// Where the outputs of frozen stages are kept; the result is the same.
    pub cache: Cache,
    /// Space in the user's cache folder in mebibytes; what was used longest ago is removed first.
    pub cache_mib: u64,
    /// What is saved while training, in addition to the final model.
    pub checkpoints: Checkpoints,
    /// Seconds from one saved state to the next, from which a run that was cut off [goes on](resume.md): at least this, and at
    /// least 100 times what saving took. After every step when 0; `"off"` saves none.
    pub save_seconds: SaveInterval,
}

ranged! {
    /// Number of threads, 0 for one for each core. More than 1024 make nothing faster, and far more make libtorch end the
    /// program.
    ThreadBudget(u32, "integer"): Limits::between(0.0, 1024.0), "be at most 1024";
}

ranged! {
    /// Seconds, at least 1.
    PeerTimeout(u32, "integer"): Limits::between(1.0, 86_400.0), "be 1 to 86400";
}

/// `run.split`: what several processes share of an optimizer step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Its batches where there are as many as processes, else the images of each batch, where that gives the same result.
    Auto,
    /// Its batches (`train.accumulate`): each is computed by one process.
    Batches,
    /// The images of each batch. Not where batch-norm learns from a batch, nor with `regularize.spectral_shrinkage`.
    Batch,
}

/// `run.backend`: how the gradients of several processes are summed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Backend {
    /// As `"nccl"` where each process has an NVIDIA GPU of its own and the program was compiled with NCCL, else as `"gloo"`.
    Auto,
    /// By way of the host's memory.
    Gloo,
    /// From GPU to GPU.
    Nccl,
}

/// On or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Switch {
    /// Yes.
    On,
    /// No.
    Off,
}

/// `run.cache`: where the outputs of frozen stages are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Cache {
    /// In memory, and in the user's cache folder for later runs with the same frozen stages and images.
    On,
    /// In memory only.
    Memory,
    /// Nowhere: every epoch computes them again.
    Off,
}

/// Which checkpoints a run writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Checkpoints {
    /// Nothing.
    None,
    /// The weights after each training step of the recipe.
    Steps,
    /// Also the weights after each epoch of the fine-tune step, the newest in place of the one before.
    Epochs,
}

impl Default for RunConfig {
    fn default() -> Self {
        Self {
            name: None,
            seed: 0,
            device: "auto".to_owned(),
            precision: Precision::Float32,
            deterministic: true,
            flush_denormals: false,
            threads: ThreadBudget::of(0),
            workers: 0,
            split: Split::Auto,
            backend: Backend::Auto,
            peer_timeout: PeerTimeout::of(300),
            features_mib: 2048,
            cache: Cache::On,
            cache_mib: 20_480,
            checkpoints: Checkpoints::Epochs,
            save_seconds: SaveInterval::default(),
        }
    }
}
