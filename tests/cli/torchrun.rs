//! Several processes under PyTorch's own launcher, which starts them again where one is killed: `cargo xtask test --torchrun PROGRAM`.

use std::fs;
use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};

use crate::support::Ran;
use crate::support::left::{assert_alike, left};
use crate::support::resumable::assert_same;
use crate::support::short_runs::DESK;
use crate::support::stopped::disturbed;
use crate::team_resume::of_rank;
use crate::together::{CLOSE, SGD, TWO, sets};

/// `torchrun` with these arguments of its own and of the program, on the desk.
fn torchrun(own: &[&str], arguments: &[&str]) -> Command {
    let torchrun = std::env::var_os("FINETUNE_TORCHRUN").expect("FINETUNE_TORCHRUN names torchrun");
    let mut command = Command::new(torchrun);
    let program = DESK.program();
    command.args(own).arg("--no-python").arg(program.get_program()).args(arguments);
    command.current_dir(program.get_current_dir().unwrap());
    for (name, value) in program.get_envs() {
        match value {
            Some(value) => command.env(name, value),
            None => command.env_remove(name),
        };
    }
    command
}

/// The real agent: its store, its variables, its summary of a failure.
#[test]
#[ignore = "needs PyTorch's torchrun: cargo xtask test --torchrun PROGRAM"]
fn its_processes_train_the_model_of_one() {
    for (number, more) in [&[TWO][..], &["run.split=batch", "regularize.dropout=0.3"]].into_iter().enumerate()
    {
        let overrides = sets(&[&["run.precision=float64", SGD], more].concat());
        let out = |name: &str| format!("{name}-{number}");
        let (alone, agents) = (out("alone"), out("agents"));
        let run = |out: &str| [&["--config", "c.toml", "--out", out][..], &overrides].concat().join(" ");
        DESK.finetune(&run(&alone)).ends(0, &[]);
        let arguments = run(&agents);
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let ran = torchrun(&["--nproc-per-node", "2"], &arguments).output().unwrap();
        Ran::of(&ran).ends(0, &[]);
        assert_alike(&left(&alone), &left(&agents), CLOSE, "under torchrun");
    }
    // Two machines, as far as one goes.
    let nodes = |node: &str, port: &str| -> Vec<String> {
        let words = ["--nnodes", "2", "--node-rank", node, "--nproc-per-node", "1"];
        let meeting = ["--master-addr", "127.0.0.1", "--master-port", port];
        words.iter().chain(&meeting).map(|&word| word.to_owned()).collect()
    };
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let arguments = ["--config", "c.toml", "--out", "nodes", "--set", TWO, "--set", "train.epochs=1"];
    let start = |node: &str| {
        let words = nodes(node, &port);
        torchrun(&words.iter().map(String::as_str).collect::<Vec<_>>(), &arguments).spawn().unwrap()
    };
    let (mut other, mut lead) = (start("1"), start("0"));
    assert!(lead.wait().unwrap().success() && other.wait().unwrap().success());
    // The summary of a failure has our sentence.
    let wrong = ["--config", "c.toml", "--out", "wrong", "--set", TWO, "--set", "train.learning_rate=1e30"];
    let ran = torchrun(&["--nproc-per-node", "2"], &wrong).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(
        !ran.status.success() && said.contains("error_file") && said.contains("train.learning_rate"),
        "{said}"
    );
}

/// Starts two processes of a run, kills one in its 20th epoch of 60, and waits for the end. Returns what became of `torchrun`, the
/// number of steps whose lines were written by then, and how long it took from then on.
fn killed(own: &[&str], out: &str, rank: usize, save_seconds: &str) -> (Ran, usize, Duration) {
    let save_seconds = format!("run.save_seconds={save_seconds}");
    let arguments =
        [&["--config", "c.toml", "--out", out][..], &sets(&LONG), &["--set", &save_seconds]].concat();
    let (mut steps, mut then) = (0, Instant::now());
    let ran = disturbed(
        &mut torchrun(&[&["--nproc-per-node", "2"][..], own].concat(), &arguments),
        "epoch 20/60",
        |agent| {
            kill(of_rank(agent, rank), Signal::SIGKILL).unwrap();
            then = Instant::now();
            let metrics = fs::read_to_string(DESK.path(&format!("{out}/metrics.jsonl"))).unwrap();
            steps = metrics.lines().filter(|line| line.contains("\"kind\":\"step\"")).count();
        },
    );
    (ran, steps, then.elapsed())
}

const LONG: [&str; 4] = [TWO, "train.epochs=60", "train.keep=best", "run.name=long"];

/// The run has the bytes of one that was left alone, whichever process was killed. Where rank 0 is left it saves the step before.
#[test]
#[ignore = "needs PyTorch's torchrun: cargo xtask test --torchrun PROGRAM"]
fn it_starts_a_killed_run_again_which_goes_on_to_the_same_bytes() {
    for (rank, save_seconds) in [(1, "1000"), (0, "0")] {
        let (alone, out) = (format!("unharmed-{rank}"), format!("harmed-{rank}"));
        let save = format!("run.save_seconds={save_seconds}");
        let arguments = [
            &["--config", "c.toml", "--processes", "2", "--out", &alone][..],
            &sets(&LONG),
            &["--set", &save],
        ]
        .concat();
        Ran::of(&DESK.program().args(arguments).output().unwrap()).ends(0, &[]);
        let (ran, steps, took) = killed(&["--max-restarts", "2"], &out, rank, save_seconds);
        let ran = ran.ends(0, &["resumed after step"]);
        let resumed = ran.stderr.split("resumed after step ").nth(1).unwrap();
        let resumed: usize = resumed.split(',').next().unwrap().parse().unwrap();
        assert!(resumed >= steps, "{resumed} of {steps} steps");
        assert_same(&DESK.path(&alone), &DESK.path(&out), &out);
        println!("rank {rank} killed: {steps} steps written, resumed after {resumed}; {took:.1?} to the end");
    }
}

/// Without restarts all end, and the one that is left names the other.
#[test]
#[ignore = "needs PyTorch's torchrun: cargo xtask test --torchrun PROGRAM"]
fn without_restarts_a_killed_process_ends_all() {
    for rank in [1, 0] {
        let (ran, _, took) = killed(&[], &format!("ended-{rank}"), rank, "1000");
        ran.ends(1, &[&format!("rank {rank} of 2 is gone")]);
        println!("rank {rank} killed: torchrun ended after {took:.1?}");
    }
}
