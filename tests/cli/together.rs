//! Several processes train the model of one.

use std::fs;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::pth;
use crate::support::left::{Left, assert_alike, left};
use crate::support::short_runs::{COLOUR, DESK};
use crate::support::together::{Meeting, Together};

/// A way to train, with more overrides, the numbers of processes that are to train the model of one, and how far apart it may
/// be, as a share of a tensor's largest value.
struct Case {
    sets: &'static [&'static str],
    worlds: &'static [usize],
    bound: f64,
}

/// Sums in another order differ in the last bits of 1e-16.
pub(crate) const CLOSE: f64 = 1e-12;
/// Adam divides by the root of squares that are near zero in the first steps, which makes those bits larger.
const ADAM: f64 = 1e-10;
pub(crate) const SGD: &str = "train.optimizer=sgd";
const ROWS: &str = "run.split=batch";
pub(crate) const TWO: &str = "train.accumulate=2";
const THREE: &str = "train.accumulate=3";

/// The data has 13 images in batches of 4: the last batch has one, the last step fewer batches than processes.
const CASES: [Case; 14] = [
    Case { sets: &[SGD, TWO, "train.warmup_epochs=0.5"], worlds: &[2], bound: CLOSE },
    Case { sets: &[SGD, ROWS, "train.clip_norm=0.1"], worlds: &[2, 3, 4], bound: CLOSE },
    Case { sets: &[THREE, "train.ema=0.9", "train.clip_value=0.01"], worlds: &[3], bound: ADAM },
    Case { sets: &[ROWS, "train.class_weights=balanced", "regularize.mixup=0.4"], worlds: &[2], bound: ADAM },
    Case {
        sets: &[SGD, TWO, "regularize.cutmix=1", "regularize.label_smoothing=0.1"],
        worlds: &[2, 3],
        bound: CLOSE,
    },
    Case {
        sets: &[SGD, ROWS, "regularize.dropout=0.3", "augment.horizontal_flip=0.5"],
        worlds: &[3],
        bound: CLOSE,
    },
    Case { sets: &[SGD, TWO, "train.swa_from=2", "train.sampler=balanced"], worlds: &[2], bound: CLOSE },
    Case {
        sets: &[SGD, ROWS, "regularize.l2_sp={}", "regularize.l1=1e-4", "regularize.max_norm=1"],
        worlds: &[2],
        bound: CLOSE,
    },
    Case { sets: &[SGD, ROWS, "regularize.delta={}"], worlds: &[2], bound: CLOSE },
    Case { sets: &[ROWS, "regularize.co_tuning={}"], worlds: &[2], bound: ADAM },
    Case { sets: &[SGD, TWO, "regularize.spectral_shrinkage={}"], worlds: &[2], bound: CLOSE },
    Case {
        sets: &[SGD, ROWS, "finetune.thaw.every=2", "regularize.early_stopping=1"],
        worlds: &[2],
        bound: CLOSE,
    },
    Case { sets: &["finetune.depth=head"], worlds: &[2], bound: 0.0 },
    Case { sets: &[SGD, TWO, "train.class_weights={bar=0,cross=1}"], worlds: &[2], bound: CLOSE },
];

pub(crate) fn sets<'a>(sets: &[&'a str]) -> Vec<&'a str> {
    sets.iter().flat_map(|&set| ["--set", set]).collect()
}

/// Trains in this number of processes.
fn trained(out: &str, world: usize, overrides: &[&str]) -> Left {
    let arguments = [vec!["--config", "c.toml", "--out", out], sets(overrides)].concat();
    if world == 1 {
        let ran = DESK.program().args(&arguments).output().unwrap();
        crate::support::Ran::of(&ran).ends(0, &[]);
    } else {
        let mut together = Together::start(&DESK, world, &arguments, &Meeting::File, |_, _| {});
        let ranks: Vec<usize> = (0..world).collect();
        together.end(&ranks).into_iter().for_each(|ran| drop(ran.ends(0, &[])));
    }
    left(out)
}

/// In float64, whose last bit is far below what is compared.
#[test]
fn several_processes_train_the_model_of_one() {
    for (number, Case { sets, worlds, bound }) in CASES.iter().enumerate() {
        let wide = [&["run.precision=float64", "run.cache=memory"], *sets].concat();
        let one = trained(&format!("case-{number}-1"), 1, &wide);
        for &world in *worlds {
            let other = trained(&format!("case-{number}-{world}"), world, &wide);
            assert_alike(&one, &other, *bound, &format!("{sets:?} in {world}"));
        }
    }
}

/// Batch-norm that learns, in a network with branches; what it learned is put together in the order of the batches.
#[test]
fn batch_norm_learns_what_it_learns_in_one_process() {
    let residual = ["model.arch=resnet18", COLOUR, "model.weights=r.safetensors", "finetune.depth=last:1"];
    let more = ["run.precision=float64", "finetune.batch_norm=train", "train.epochs=1", THREE, SGD];
    let overrides = [&residual[..], &more].concat();
    let one = trained("norms-1", 1, &overrides);
    assert_alike(&one, &trained("norms-2", 2, &overrides), CLOSE, "batch-norm");
}

/// Updates of attention, the parameters of blocks whose own weights stay as they are.
#[test]
fn low_rank_updates_are_those_of_one_process() {
    pth::write_zip(&DESK.path("vit.pth"), &pth::filled("vit_t_16"));
    let attentive = ["model.arch=vit_t_16", COLOUR, "model.weights=vit.pth", "finetune.depth=last:2"];
    let more =
        ["finetune.lora.rank=2", "run.precision=float64", "train.epochs=2", ROWS, SGD, "run.cache=memory"];
    let overrides = [&attentive[..], &more].concat();
    let one = trained("updates-1", 1, &overrides);
    assert_alike(&one, &trained("updates-2", 2, &overrides), CLOSE, "updates");
}

/// The batches of a step computed elsewhere are the same batches: in float32 the file has the same bytes. Each image passes the
/// frozen stages in one process.
#[test]
fn two_batches_in_two_processes_are_two_batches() {
    let residual = ["model.arch=resnet18", COLOUR, "model.weights=r.safetensors", "finetune.depth=last:1"];
    let more = ["finetune.batch_norm=frozen", "train.epochs=2", TWO, "run.cache=memory"];
    let overrides = sets(&[&residual[..], &more].concat());
    let alone = [&["--config", "c.toml", "--out", "bits-1"][..], &overrides].concat();
    crate::support::Ran::of(&DESK.program().args(&alone).output().unwrap()).ends(0, &[]);
    let arguments = [&["--config", "c.toml", "--out", "bits-2"][..], &overrides].concat();
    let log = |_: usize, program: &mut std::process::Command| {
        program.env("RUST_LOG", "features=debug").env("NO_COLOR", "1");
    };
    let mut together = Together::start(&DESK, 2, &arguments, &Meeting::File, log);
    let ran = together.end(&[0, 1]);
    let bytes = |out: &str| fs::read(DESK.path(&format!("{out}/model.safetensors"))).unwrap();
    assert!(bytes("bits-1") == bytes("bits-2"));
    let computed = |text: &str| -> u64 {
        let counts =
            text.lines().filter_map(|line| line.split_once("computed=")?.1.split_whitespace().next());
        counts.map(|count| count.parse::<u64>().unwrap()).sum()
    };
    let by_rank: Vec<u64> = ran.into_iter().map(|ran| computed(&ran.ends(0, &[]).stderr)).collect();
    // 13 images to train on and 4 to validate with, at the two cuts of the run.
    assert_eq!(by_rank.iter().sum::<u64>(), 2 * (13 + 4), "{by_rank:?}");
    assert!(by_rank.iter().all(|&count| count > 0), "{by_rank:?}");
}

/// Starts a training that takes long, and waits until its first epoch is over.
fn long(out: &str, more: &[&str]) -> Together {
    let overrides =
        sets(&[&["train.epochs=20000", "train.accumulate=2", "finetune.head_epochs=0"], more].concat());
    let arguments = [&["--config", "c.toml", "--out", out][..], &overrides].concat();
    let together = Together::start(&DESK, 2, &arguments, &Meeting::File, |_, _| {});
    together.until(0, "epoch     2/");
    together
}

fn send(together: &Together, rank: usize, signal: Signal) {
    kill(Pid::from_raw(together.pid(rank)), signal).unwrap();
}

#[test]
fn a_killed_process_is_named_and_the_others_end() {
    for (killed, left) in [(1, 0), (0, 1)] {
        let mut together = long(&format!("killed-{killed}"), &[]);
        send(&together, killed, Signal::SIGKILL);
        let began = Instant::now();
        let ran = together.end(&[left]).swap_remove(left);
        let said = format!("rank {killed} of 2 is gone");
        let ran = ran.ends(1, &[&said]);
        assert!(began.elapsed() < Duration::from_secs(5), "{:?}:\n{}", began.elapsed(), ran.stderr);
    }
}

#[test]
fn a_process_that_stands_still_is_named_once_its_time_is_over() {
    let mut together = long("stopped", &["run.peer_timeout=3"]);
    send(&together, 1, Signal::SIGSTOP);
    let began = Instant::now();
    let ran = together.end(&[0]).swap_remove(0);
    ran.ends(1, &["rank 1 of 2 has not answered for 3 s", "run.peer_timeout"]);
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
}

#[test]
fn one_process_is_asked_to_stop_and_all_do_at_the_same_step() {
    let mut together = long("asked", &[]);
    send(&together, 1, Signal::SIGINT);
    let ran = together.end(&[0, 1]);
    ran.into_iter().for_each(|ran| drop(ran.ends(130, &[])));
    assert_eq!(DESK.json("asked/summary.json")["outcome"], "interrupted");
}

/// What only one process meets: rank 0 says it, and what `torchrun` looks for has the cause.
#[test]
fn what_one_process_cannot_do_none_does() {
    let arguments = ["--config", "c.toml", "--out", "alone", "--set", TWO];
    let wrong = |rank: usize, program: &mut std::process::Command| {
        if rank == 1 {
            program.args(["--set", "train.epochs=0"]);
        }
    };
    let mut together = Together::start(&DESK, 2, &arguments, &Meeting::File, wrong);
    let ran = together.end(&[0, 1]);
    for (rank, ran) in ran.into_iter().enumerate() {
        ran.ends(2, if rank == 0 { &["rank 1 of 2", "train.epochs"] } else { &[] });
    }
    assert!(fs::read_to_string(together.error_file(1)).unwrap().contains("train.epochs"));
    assert!(!together.error_file(0).exists() && !DESK.path("alone").exists());

    // Another list of images.
    fs::create_dir_all(DESK.path("elsewhere/data")).unwrap();
    for shape in ["bar", "cross"] {
        DESK.draw(&format!("elsewhere/data/train/{shape}"), shape, 0..4);
        DESK.draw(&format!("elsewhere/data/val/{shape}"), shape, 100..102);
    }
    fs::copy(DESK.path("m.safetensors"), DESK.path("elsewhere/m.safetensors")).unwrap();
    fs::copy(DESK.path("c.toml"), DESK.path("elsewhere/c.toml")).unwrap();
    let moved = |rank: usize, program: &mut std::process::Command| {
        if rank == 1 {
            program.current_dir(DESK.path("elsewhere"));
        }
    };
    let mut together = Together::start(&DESK, 2, &arguments, &Meeting::File, moved);
    let ran = together.end(&[0, 1]);
    ran.into_iter().enumerate().for_each(|(rank, ran)| {
        ran.ends(1, if rank == 0 { &["do not have the same images", "in rank 1"] } else { &[] });
    });
}

#[test]
fn processes_meet_at_a_port_or_are_started_by_one() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let arguments = ["--config", "c.toml", "--out", "by-port", "--set", TWO, "--set", "train.epochs=1"];
    let mut together = Together::start(&DESK, 2, &arguments, &Meeting::Port(port), |_, _| {});
    together.end(&[0, 1]).into_iter().for_each(|ran| drop(ran.ends(0, &[])));
    // The program starts itself; rank 0 speaks for all, and says what each computes of a step.
    let started =
        "--config c.toml --out started --processes 2 --set train.epochs=1 --set train.accumulate=2 --json";
    let ran = DESK
        .finetune(started)
        .ends(0, &["step: 2 batches of 4 images; rank 0: batch 0; rank 1: batch 1", "gradients: Gloo"]);
    assert_eq!(ran.stderr.matches("step 5/5").count(), 1, "{}", ran.stderr);
    let json: serde_json::Value = serde_json::from_str(ran.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(json["processes"], 2);
    let [one, other] = ["by-port", "started"].map(|out| DESK.json(&format!("{out}/summary.json")));
    assert_eq!(one["digests"]["model.safetensors"], other["digests"]["model.safetensors"]);
}

#[test]
fn what_several_processes_cannot_do_is_refused_with_the_line_to_write() {
    let rows = "--set regularize.spectral_shrinkage={} --set run.cache=memory";
    let refused = format!("--config c.toml --out refused --processes 2 {rows}");
    DESK.finetune(&refused).ends(2, &["run.split", "train.batch_size = 2, train.accumulate = 2"]);
    let asked = format!("{refused} --set run.split=batch");
    DESK.finetune(&asked).ends(2, &["run.split", "regularize.spectral_shrinkage"]);
    let nccl = "--config c.toml --out refused --processes 2 --set train.accumulate=2 --set run.backend=nccl";
    DESK.finetune(nccl).ends(2, &["run.backend", "rank 0 computes on no NVIDIA GPU"]);
    assert!(!DESK.path("refused").exists());
    let mut program = DESK.program();
    let variables = [("RANK", "0"), ("WORLD_SIZE", "2"), ("LOCAL_RANK", "0"), ("LOCAL_WORLD_SIZE", "2")];
    program.args(["--config", "c.toml"]).envs(variables);
    crate::support::Ran::of(&program.output().unwrap()).ends(2, &["MASTER_ADDR, MASTER_PORT"]);
    let mut program = DESK.program();
    program.args(["archs"]).envs(variables).envs([("MASTER_ADDR", "x"), ("MASTER_PORT", "1")]);
    crate::support::Ran::of(&program.output().unwrap()).ends(2, &["one process"]);
}
