//! The command line: what the options do, what is printed where, and the exit codes.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::stopped::stopped;
use crate::support::{Desk, Ran, names, shape_image};

#[test]
fn wrong_usage_ends_with_2_and_help_with_0() {
    let desk = Desk::new();
    desk.finetune("").ends(2, &["--config <FILE>", "--help"]);
    desk.finetune("--config c.toml --sett train.epochs=1").ends(2, &["--sett", "--set"]);
    desk.finetune("--config c.toml --out").ends(2, &["--out <DIR>"]);
    let help = desk.finetune("--help").ends(0, &[]).stdout;
    assert!(help.contains("--json") && help.contains("130"), "{help}");
    assert_eq!(names(&desk.path("")), ["c.toml", "data"]);
}

#[test]
fn doctor_says_what_the_program_needs_and_what_brings_the_rest() {
    let desk = Desk::new();
    let mut program = desk.program();
    program.arg("doctor").env("FINETUNE_FETCH", "/a/downloader");
    let found = Ran::of(&program.output().unwrap()).ends(0, &[]).stdout;
    for line in [
        "ok finetune",
        "ok libtorch",
        "2.11.0",
        "GLIBC_2.",
        "GLIBCXX_3.",
        "ok downloader         /a/downloader",
    ] {
        assert!(found.contains(line), "{line}: {found}");
    }
    let weights = found.lines().skip_while(|line| !line.starts_with("-- weights")).nth(1).unwrap();
    assert!(weights.trim_start().starts_with("-> finetune fetch-weights"), "{found}");
    let mut fetch = desk.program();
    fetch.args(["fetch-data", "beans"]).env("FINETUNE_FETCH", desk.path("nothing"));
    Ran::of(&fetch.output().unwrap()).ends(1, &["nothing"]);
}

#[test]
fn runs_are_numbered_and_named_after_the_configuration() {
    let desk = Desk::new();
    desk.finetune("--config c.toml").ends(0, &[]);
    desk.finetune("--config c.toml").ends(0, &[]);
    desk.finetune("--config c.toml --set run.name=mine").ends(0, &[]);
    assert_eq!(names(&desk.path("runs")), ["c", "c-2", "mine"]);
    let of = |run: &str| desk.json(&format!("runs/{run}/summary.json"))["digests"].clone();
    assert_eq!(of("c"), of("c-2"));
}

#[test]
fn the_last_line_of_stdout_is_the_summary() {
    let desk = Desk::new();
    let ran = desk.finetune("--config c.toml --out out --json").ends(0, &["step 5/5 fine-tune", "epoch 1/1"]);
    let last: Value = serde_json::from_str(ran.stdout.lines().last().unwrap()).unwrap();
    assert_eq!(last, desk.json("out/summary.json"));
    assert!(ran.stdout.contains("report  out/report.html"), "{}", ran.stdout);
    // A program that reads stdout finds nothing of the progress in it.
    assert!(!ran.stdout.contains("epoch 1/1"), "{}", ran.stdout);

    let quiet = desk.finetune("--config c.toml --out quiet").ends(0, &[]);
    assert!(quiet.stdout.lines().all(|line| !line.starts_with('{')), "{}", quiet.stdout);
}

#[test]
fn a_place_that_is_taken_is_left_as_it_is() {
    let desk = Desk::new();
    desk.write("out/model.safetensors", "dear to me");
    desk.finetune("--config c.toml --out out").ends(1, &["out exists already", "--out"]);
    desk.write("file", "also dear");
    desk.finetune("--config c.toml --out file").ends(1, &["file exists already", "--out"]);
    assert_eq!(names(&desk.path("out")), ["model.safetensors"]);
    assert_eq!(fs::read_to_string(desk.path("out/model.safetensors")).unwrap(), "dear to me");
    assert_eq!(fs::read_to_string(desk.path("file")).unwrap(), "also dear");
    // An empty folder is nobody's.
    fs::create_dir(desk.path("empty")).unwrap();
    desk.finetune("--config c.toml --out empty").ends(0, &[]);
}

#[test]
fn a_closed_stdout_is_no_panic_and_loses_nothing() {
    let desk = Desk::new();
    let mut program = desk.program();
    program.args(["--config", "c.toml", "--out", "out", "--json"]);
    let mut child = program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    let ran = Ran::of(&output);
    ran.ends(output.status.code().expect("not killed by a signal"), &["step 5/5"]);
    assert_eq!(desk.json("out/summary.json")["outcome"], "finished");
}

#[test]
fn ctrl_c_keeps_what_was_trained() {
    let desk = Desk::new();
    let mut program = desk.program();
    program.args(["--config", "c.toml", "--out", "out", "--set", "train.epochs=1000000"]);
    let ran = stopped(&mut program, "epoch       3/1000000", || ()).ends(130, &[]);
    assert!(ran.stdout.contains("out/report.html"), "{}", ran.stdout);
    let summary = desk.json("out/summary.json");
    assert_eq!(summary["outcome"], "interrupted");
    assert!(summary["epochs"].as_array().unwrap().len() >= 3);
    assert!(desk.path("out/report.html").is_file());
    // The saved file is a model like any other.
    desk.finetune(
        "--config c.toml --out again --set model.weights=out/model.safetensors --set finetune.depth=head",
    )
    .ends(0, &["loaded 10", "out/model.safetensors"]);
}

#[test]
fn ctrl_c_before_training_leaves_nothing_behind() {
    let desk = Desk::new();
    let large = image::imageops::resize(&shape_image("bar", 0), 1500, 1500, image::imageops::Nearest);
    large.save(desk.path("large.png")).unwrap();
    for number in 0..200 {
        let path = desk.path(&format!("data/train/bar/large-{number}.png"));
        fs::hard_link(desk.path("large.png"), path).unwrap();
    }
    let mut program = desk.program();
    program.args(["--config", "c.toml", "--out", "out"]);
    let child = program.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while !desk.path("out").exists() {
        std::thread::sleep(Duration::from_millis(2));
    }
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
    Ran::of(&child.wait_with_output().unwrap()).ends(130, &[]);
    assert!(!desk.path("out").exists());
}

#[test]
fn a_newcomer_is_told_what_to_type() {
    let desk = &*crate::support::short_runs::DESK;
    for (typed, says) in [
        ("my.toml", "finetune --config my.toml"),
        ("train --config my.toml", "finetune --config FILE"),
        ("--config my.toml --epochs 3", "--set train.epochs=VALUE"),
        ("--config my.toml --batch-size 3", "--set train.batch_size=VALUE"),
        ("--config my.toml --lr 3", "--set train.learning_rate=VALUE"),
        ("predcit", "'predict'"),
        ("--config my.toml --frobnicate", "unexpected argument"),
    ] {
        desk.finetune(typed).ends(2, &[says]);
    }
}

#[test]
fn shells_and_the_manual_know_every_command() {
    let desk = &*crate::support::short_runs::DESK;
    let help = desk.finetune("--help").ends(0, &[]).stdout;
    let commands =
        help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    // What is wrapped begins further to the right.
    let named = commands.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let commands: Vec<&str> = named.filter_map(|line| line.split_whitespace().next()).collect();
    assert!(commands.contains(&"export"), "{commands:?}");
    for form in ["bash", "elvish", "fish", "powershell", "zsh", "man"] {
        let text = desk.finetune(&format!("completions {form}")).ends(0, &[]).stdout;
        for command in &commands {
            // roff writes a hyphen with a backslash.
            let written = if form == "man" { command.replace('-', "\\-") } else { (*command).to_owned() };
            assert!(text.contains(&written), "{form} lacks {command}");
        }
    }
    desk.finetune("completions man manual").ends(0, &[]);
    let page =
        |name: &str| std::fs::read_to_string(desk.path(&format!("manual/{name}.1"))).unwrap_or_default();
    for command in commands.iter().filter(|&&command| command != "help") {
        assert!(page(&format!("finetune-{command}")).contains(".SH SYNOPSIS"), "{command}");
    }
    assert!(page("finetune-predict").contains("heat\\-maps") && !page("finetune").is_empty());
    desk.finetune("completions zsh shell").ends(0, &[]);
    assert!(std::fs::read_to_string(desk.path("shell/_finetune")).unwrap().contains("heat-maps"));
}
