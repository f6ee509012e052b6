//! A full disk is an error that names the file, and the trained model is saved elsewhere.

use std::fs;
use std::process::Command;

use crate::support::stopped::stopped;
use crate::support::{Desk, Ran, names, shape_image};

/// A limit on the size of files stands for a full disk: it needs no privilege.
#[test]
fn a_file_that_cannot_be_written_is_named_and_none_is_left_in_part() {
    let desk = Desk::new();
    let finetune = env!("CARGO_BIN_EXE_finetune");
    // 32 blocks are 16 or 32 KiB, less than the model has.
    let script = format!("trap '' XFSZ; ulimit -f 32; exec '{finetune}' --config c.toml --out out");
    let limited = |more: &str| {
        let mut shell = Command::new("sh");
        shell.current_dir(desk.path("")).arg("-c").arg(format!("{script} {more}"));
        Ran::of(&shell.output().unwrap())
    };
    // The training goes on without checkpoints; the model itself has no room either.
    let says = ["warning: ", "out/checkpoints/last.safetensors", "too large"];
    limited("").ends(1, &says).ends(1, &["step 5/5", "finetune: ", "out/model.safetensors"]);
    assert_eq!(names(&desk.path("out/checkpoints")), [""; 0]);
    fs::remove_dir_all(desk.path("out")).unwrap();
    limited("--set run.checkpoints=none").ends(1, &["out/model.safetensors"]);
    // What was saved on the way stays, so that it can go on where there is room.
    assert_eq!(names(&desk.path("out")), ["config.toml", "metrics.jsonl", "state"]);
}

/// Something lies where the file should go, and comes there when the run is under way.
#[test]
fn a_trained_model_that_cannot_be_written_is_kept_elsewhere_and_a_checkpoint_is_done_without() {
    let desk = Desk::new();
    fs::create_dir(desk.path("tmp")).unwrap();
    let run = |out: &str, place: &str| {
        let mut program = desk.program();
        program.args(["--config", "c.toml", "--set", "train.epochs=1000000", "--out", out]);
        let place = desk.path(place);
        stopped(program.env("TMPDIR", desk.path("tmp")), "epoch       2/1000000", || {
            fs::create_dir(place).unwrap();
        })
    };
    let warning = ["warning: ", "a/checkpoints/fine-tune.safetensors"];
    run("a", "a/checkpoints/fine-tune.safetensors").ends(130, &warning);
    assert!(desk.path("a/model.safetensors").is_file() && desk.path("a/summary.json").is_file());
    assert_eq!(names(&desk.path("tmp")), [""; 0]);

    let says = ["b/model.safetensors", "/tmp/"];
    run("b", "b/model.safetensors").ends(1, &says);
    let saved = names(&desk.path("tmp"));
    let model = format!("--set model.weights=tmp/{}/model.safetensors --set finetune.depth=head", saved[0]);
    desk.finetune(&format!("--config c.toml --out again {model}")).ends(0, &["loaded 10", "tmp/"]);
}

/// The disk is full when the model is already written. Only where a user may mount something for himself.
#[test]
fn a_full_disk_is_named_and_keeps_the_model() {
    let desk = Desk::new();
    let finetune = env!("CARGO_BIN_EXE_finetune");
    fs::create_dir(desk.path("disk")).unwrap();
    let mount = "mount -t tmpfs -o size=300k tmpfs disk";
    let in_own_space = |script: String| {
        let mut unshare = Command::new("unshare");
        unshare.current_dir(desk.path("")).args(["-rm", "sh", "-c"]).arg(script).output()
    };
    if !in_own_space(mount.to_owned()).is_ok_and(|output| output.status.success()) {
        eprintln!(
            "SKIPPED: nothing may be mounted here; the limit on the size of files stands for a full disk"
        );
        return;
    }
    // The thumbnails in the summary are what no longer fits next to the model's 240 KiB.
    for number in 0..20 {
        let large = image::imageops::resize(&shape_image("bar", number), 96, 96, image::imageops::Triangle);
        large.save(desk.path(&format!("data/val/bar/large-{number}.png"))).unwrap();
    }
    let arguments = "--config c.toml --out disk/out --set run.checkpoints=none";
    let script = format!("{mount} && '{finetune}' {arguments}; code=$?; cp -r disk kept; exit $code");
    let output = in_own_space(script).unwrap();
    Ran::of(&output).ends(1, &["disk/out/", "No space left on device"]);
    let left = names(&desk.path("kept/out"));
    assert!(!left.contains(&"summary.json".to_owned()), "a part of it is left: {left:?}");
    let model = "--config c.toml --out again --set finetune.depth=head";
    desk.finetune(&format!("{model} --set model.weights=kept/out/model.safetensors")).ends(0, &[]);
}
