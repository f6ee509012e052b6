//! Runs that are killed at random moments until they come to their end, next to runs that were left alone: 12 kills, or as many
//! as `FINETUNE_KILLS` says (`cargo xtask test --kills 200`).

use std::env;
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rand::{RngExt as _, SeedableRng};
use rand_chacha::ChaCha8Rng;

use crate::support::Ran;
use crate::support::resumable::{assert_same, killed_after};
use crate::support::short_runs::{COLOUR, DESK};

/// What each of them does, laid over the short fine-tuning of a LeNet.
const RUNS: [(&str, &[&str]); 9] = [
    ("head", &["finetune.depth=head", "train.keep=best"]),
    ("average-plateau", &["train.ema=0.9", "train.schedule=plateau", "train.plateau.patience=0"]),
    ("early-stopping", &["regularize.early_stopping=1", "train.keep=best", "train.learning_rate=0.05"]),
    (
        "batch-norm-swa",
        &[
            "model.arch=efficientnet_lite0",
            "model.weights=none",
            "finetune.depth=scratch",
            COLOUR,
            "train.swa_from=1",
            "train.epochs=2",
            "run.save_seconds=0.2",
        ],
    ),
    ("delta", &["regularize.delta={alpha=0.5}", "train.optimizer=sgd"]),
    ("co-tuning", &["regularize.co_tuning={}", "train.clip_norm=0.5"]),
    ("thaw", &["finetune.depth=last:3", "finetune.thaw.every=1", "train.epochs=4"]),
    (
        "mixed",
        &[
            "train.accumulate=2",
            "regularize.mixup=0.4",
            "regularize.dropout=0.3",
            "augment.horizontal_flip=0.5",
        ],
    ),
    (
        "solved",
        &[
            "finetune.head_solver=ridge",
            "finetune.head_epochs=3",
            "finetune.wise_ft=0.5",
            "train.schedule=one-cycle",
        ],
    ),
];

#[test]
fn a_run_that_is_killed_again_and_again_is_one_that_was_left_alone() {
    let kills: usize = env::var("FINETUNE_KILLS").map_or(12, |kills| kills.parse().unwrap());
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    eprintln!("{kills} kills, seed {seed}");
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    let mut done = 0;
    for (number, (name, sets)) in RUNS.iter().enumerate() {
        let wanted = kills * (number + 1) / RUNS.len() - kills * number / RUNS.len();
        let alone = format!("alone-{name}");
        let began = Instant::now();
        Ran::of(&program(&["--config", "c.toml", "--out", &alone], sets).output().unwrap()).ends(0, &[]);
        let whole = began.elapsed();
        let (mut here, mut finished, mut under_way) = (0, 0, true);
        while here < wanted || under_way {
            let out = format!("killed-{name}-{finished}");
            // Each goes on from where the last one was killed, or begins.
            let mut on = program(&["--config", "c.toml", "--out", &out, "--continue"], sets);
            let time = if here < wanted { random.random_range(0.0..1.1) } else { 1e3 };
            let what = format!("{name} after {here} kills, seed {seed}");
            match killed_after(&mut on, Duration::from_secs_f64(time * whole.as_secs_f64())) {
                Ok(()) => (here, under_way) = (here + 1, true),
                Err(ran) => {
                    assert_eq!(ran.code, Some(0), "{what}: {}", ran.stderr);
                    assert_same(&DESK.path(&alone), &DESK.path(&out), &what);
                    fs::remove_dir_all(DESK.path(&out)).unwrap();
                    (finished, under_way) = (finished + 1, false);
                }
            }
        }
        fs::remove_dir_all(DESK.path(&alone)).unwrap();
        done += here;
    }
    assert_eq!(done, kills);
    eprintln!("{done} kills, no difference");
}

/// The program, saving a state after every step.
fn program(arguments: &[&str], sets: &[&str]) -> Command {
    let mut program = DESK.program();
    program.args(arguments);
    let saved = ["run.save_seconds=0", "run.checkpoints=epochs", "run.name=killed"];
    program.args(saved.iter().chain(sets).flat_map(|set| ["--set", *set]));
    program
}
