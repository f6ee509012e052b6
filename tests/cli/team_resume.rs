//! Several processes save and resume: what some began others go on with, however many they are.

use std::fs;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::Ran;
use crate::support::left::{assert_alike, left};
use crate::support::resumable::assert_same;
use crate::support::short_runs::DESK;
use crate::support::stopped::{disturbed, stopped_by};
use crate::support::together::{Meeting, Together};

/// The processes that a process has started, by their rank.
pub(crate) fn of_rank(parent: Pid, rank: usize) -> Pid {
    let children = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap();
    let is_it = |pid: &&str| {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let wanted = format!("RANK={rank}");
        environment.split(|&byte| byte == 0).any(|variable| variable == wanted.as_bytes())
    };
    let found = children.split_whitespace().find(is_it);
    Pid::from_raw(found.unwrap_or_else(|| panic!("no rank {rank} among {children}")).parse().unwrap())
}

/// One process begins, two go on, three come to the end: the model of one that was left alone. Hundreds of steps make the last bits
/// that differ larger; a step lost or taken twice would differ by far more.
#[test]
fn what_one_process_began_two_and_three_go_on_with() {
    const BOUND: f64 = 1e-9;
    let sets = [
        "run.precision=float64",
        "run.cache=memory",
        "run.split=batch",
        "train.optimizer=sgd",
        "train.epochs=150",
        "train.ema=0.9",
        "regularize.dropout=0.3",
        "finetune.depth=last:3",
        "finetune.thaw.every=40",
    ];
    let overrides: Vec<&str> = sets.iter().flat_map(|set| ["--set", *set]).collect();
    let begun = |out: &str| {
        let mut program = DESK.program();
        program.args(["--config", "c.toml", "--out", out]).args(&overrides);
        program
    };
    Ran::of(&begun("unmoved").output().unwrap()).ends(0, &[]);
    stopped_by(&mut begun("moved"), "epoch  30/150", Signal::SIGINT).ends(130, &[]);
    let resumed = ["--resume", "moved"];
    let mut two = Together::start(&DESK, 2, &resumed, &Meeting::File, |_, _| {});
    two.until(0, "epoch  70/150");
    kill(Pid::from_raw(two.pid(1)), Signal::SIGINT).unwrap();
    // What stands in the way is named, and not that they are two now.
    let other = ["--resume", "moved", "--set", "train.ema=0.5"];
    let refused = Together::start(&DESK, 2, &other, &Meeting::File, |_, _| {}).end(&[0, 1]);
    for (rank, ran) in refused.into_iter().enumerate() {
        let ran = ran.ends(1, if rank == 0 { &["train.ema"] } else { &[] });
        assert!(!ran.stderr.contains("processes  "), "{}", ran.stderr);
    }
    let says = ["resumed after step", "number of processes: was 1   is 2"];
    for (rank, ran) in two.end(&[0, 1]).into_iter().enumerate() {
        ran.ends(130, if rank == 0 { &says } else { &[] });
    }
    let mut three = Together::start(&DESK, 3, &resumed, &Meeting::File, |_, _| {});
    for (rank, ran) in three.end(&[0, 1, 2]).into_iter().enumerate() {
        ran.ends(0, if rank == 0 { &["was 2   is 3"] } else { &[] });
    }
    let summary = DESK.json("moved/summary.json");
    assert_eq!((&summary["processes"], &summary["inexact"][0]), (&Value::from(3), &Value::from("processes")));
    let lines =
        |out: &str| fs::read_to_string(DESK.path(&format!("{out}/metrics.jsonl"))).unwrap().lines().count();
    assert_eq!(lines("unmoved"), lines("moved"));
    assert_alike(&left("unmoved"), &left("moved"), BOUND, "one, two, three");
}

/// `--max-restarts`: whoever is killed, all go on from the last state. Where rank 0 is left it saves one at the step before the
/// other was gone.
#[test]
fn processes_that_are_started_again_lose_nothing() {
    let sets = "--set train.accumulate=2 --set train.epochs=60 --set train.keep=best --set run.name=again";
    for (killed, save_seconds) in [(1, "1000"), (0, "0")] {
        let (alone, out) = (format!("undisturbed-{killed}"), format!("disturbed-{killed}"));
        let run = format!("--config c.toml --processes 2 {sets} --set run.save_seconds={save_seconds}");
        DESK.finetune(&format!("{run} --out {alone}")).ends(0, &[]);
        // Without --out the folder is known all the same.
        let mut program = DESK.program();
        program.args(run.split(' ')).args(["--max-restarts", "2"]);
        fs::create_dir_all(DESK.path(&out)).unwrap();
        program.current_dir(DESK.path(&out));
        for name in ["data", "m.safetensors", "c.toml"] {
            std::os::unix::fs::symlink(DESK.path(name), DESK.path(&out).join(name)).unwrap();
        }
        let mut before = 0;
        let metrics = DESK.path(&out).join("runs/again/metrics.jsonl");
        let ran = disturbed(&mut program, "epoch 20/60", |parent| {
            kill(of_rank(parent, killed), Signal::SIGKILL).unwrap();
            before = fs::read_to_string(&metrics)
                .unwrap()
                .lines()
                .filter(|line| line.contains("\"kind\":\"step\""))
                .count();
        });
        let gone = format!("rank {killed} of 2 is gone");
        let says = [gone.as_str(), "started again from the last state (1 of 2)", "resumed after step"];
        let ran = ran.ends(0, &says);
        let step = ran.stderr.split("resumed after step ").nth(1).unwrap();
        let step: usize = step.split(',').next().unwrap().parse().unwrap();
        assert!(step >= before, "{step} of {before} steps");
        let run = DESK.path(&out).join("runs/again");
        assert_same(&DESK.path(&alone), &run, &out);
    }
    // What the configuration or the user ends is not begun again.
    let wrong = "--config c.toml --out wrong --processes 2 --max-restarts 2 --set train.epochs=0";
    let ran = DESK.finetune(wrong).ends(2, &["train.epochs"]);
    assert!(!ran.stderr.contains("started again"), "{}", ran.stderr);
    DESK.finetune("--config c.toml --max-restarts 2").ends(2, &["--processes"]);
    // An agent that starts processes again has to name the folder.
    let mut program = DESK.program();
    program.args(["--config", "c.toml"]).env("TORCHELASTIC_MAX_RESTARTS", "3");
    Ran::of(&program.output().unwrap()).ends(2, &["--out <DIR>"]);
    // One that was started again goes on, or begins.
    for _ in 0..2 {
        let mut program = DESK.program();
        program.args(["--config", "c.toml", "--out", "agents-own"]).env("TORCHELASTIC_RESTART_COUNT", "1");
        Ran::of(&program.output().unwrap()).ends(0, &[]);
    }
}
