//! Several processes on NVIDIA GPUs: `cargo xtask test --gpus N`.

use crate::support::Ran;
use crate::support::left::{assert_alike, left};
use crate::support::short_runs::DESK;
use crate::together::{SGD, TWO, sets};

/// In float64; sums in another order, by other algorithms.
const BOUND: f64 = 1e-10;

/// Trains, with these GPUs visible, and returns what came of the program.
fn trained(out: &str, gpus: &str, processes: &str, overrides: &[&str]) -> Ran {
    let gpu = ["run.device=cuda", "run.precision=float64", "run.cache=memory", SGD, TWO];
    let mut program = DESK.program();
    program.args(["--config", "c.toml", "--out", out, "--processes", processes]);
    program.args(sets(&[&gpu[..], overrides].concat())).env("CUDA_VISIBLE_DEVICES", gpus);
    Ran::of(&program.output().unwrap())
}

#[test]
#[ignore = "needs an NVIDIA GPU: cargo xtask test --gpus 1"]
fn one_gpu_has_two_processes_over_gloo() {
    trained("gpu-one", "0", "1", &[]).ends(0, &[]);
    trained("gpu-shared", "0,0", "2", &[]).ends(0, &["gradients: Gloo, not NCCL", "share a GPU"]);
    assert_alike(&left("gpu-one"), &left("gpu-shared"), BOUND, "two processes on a GPU");
    let asked = trained("gpu-refused", "0,0", "2", &["run.backend=nccl"]);
    asked.ends(2, &["run.backend", "ranks 0 and 1 share a GPU"]);
}

#[test]
#[ignore = "needs two NVIDIA GPUs: cargo xtask test --gpus 2"]
fn two_gpus_have_a_process_each_over_nccl() {
    trained("gpus-one", "0", "1", &[]).ends(0, &[]);
    for (backend, says) in
        [("auto", "gradients: NCCL 2."), ("nccl", "gradients: NCCL 2."), ("gloo", "gradients: Gloo")]
    {
        let out = format!("gpus-{backend}");
        trained(&out, "0,1", "2", &[&format!("run.backend={backend}")]).ends(0, &[says]);
        assert_alike(&left("gpus-one"), &left(&out), BOUND, backend);
    }
}
