//! `finetune --resume`: what it goes on from, what it refuses, and what it leaves alone.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::resumable::{assert_same, killed_when};
use crate::support::stopped::{stopped, stopped_by};
use crate::support::{Desk, Ran, names};

/// A run of 40 steps, saved after each.
const RUN: &str = "--config c.toml --set train.epochs=8 --set train.batch_size=3 --set train.keep=best \
    --set train.ema=0.9 --set run.save_seconds=0 --set run.name=r";

/// With a run that was left alone in `alone`, and one in `cut` that was killed in its second half, with two states.
static DESK: LazyLock<Desk> = LazyLock::new(|| {
    let desk = Desk::new();
    desk.draw("data/test/bar", "bar", 300..303);
    desk.draw("data/test/cross", "cross", 300..303);
    desk.finetune(&format!("{RUN} --out alone")).ends(0, &[]);
    let mut program = desk.program();
    program.args(format!("{RUN} --out cut").split_whitespace());
    let far =
        || states(&desk.path("cut")).first().is_some_and(|newest| *newest > desk.path("cut/state/00000020"));
    assert!(killed_when(&mut program, far), "it came to its end");
    // There are three between the writing of one and the removal of another.
    states(&desk.path("cut")).iter().skip(2).for_each(|state| fs::remove_file(state).unwrap());
    desk
});

/// The states of a run, the newest first.
fn states(run: &Path) -> Vec<PathBuf> {
    let folder = run.join("state");
    let mut states = if folder.is_dir() { names(&folder) } else { Vec::new() };
    states.retain(|name| name.ends_with(".safetensors") && !name.starts_with('.'));
    states.into_iter().rev().map(|name| folder.join(name)).collect()
}

/// A copy of the run that was killed.
fn cut(name: &str) -> PathBuf {
    let to = DESK.path(name);
    copy(&DESK.path("cut"), &to);
    to
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for name in names(from) {
        let (from, to) = (from.join(&name), to.join(&name));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

#[test]
fn damaged_states_and_torn_metrics_cost_no_more_than_an_older_state() {
    let newest = |run: &Path| states(run)[0].clone();
    let change = |path: &Path, change: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = fs::read(path).unwrap();
        change(&mut bytes);
        fs::write(path, bytes).unwrap();
    };
    type Damage<'a> = &'a dyn Fn(&Path);
    let flipped = |run: &Path| change(&newest(run), &|bytes| *bytes.last_mut().unwrap() ^= 1);
    let torn = |run: &Path| change(&newest(run), &|bytes| bytes.truncate(bytes.len() / 2));
    let gone = |run: &Path| states(run).iter().for_each(|state| fs::write(state, "").unwrap());
    let metrics = |run: &Path| run.join("metrics.jsonl");
    let torn_line = |run: &Path| change(&metrics(run), &|bytes| bytes.extend(b"{\"kind\":\"st"));
    let more = |run: &Path| change(&metrics(run), &|bytes| bytes.extend(b"{\"kind\":\"step\"}\n"));
    let fewer = |run: &Path| {
        let lines =
            names(&run.join("state")).iter().rev().find_map(|name| name.split('-').next()?.parse().ok());
        let keep: usize = lines.unwrap();
        let text = fs::read_to_string(metrics(run)).unwrap();
        let kept: Vec<&str> = text.lines().take(keep - 1).collect();
        fs::write(metrics(run), kept.join("\n") + "\n").unwrap();
    };
    let unfinished = |run: &Path| fs::write(run.join("state/.writing-1-0"), "half").unwrap();
    let cases: [(&str, Damage<'_>, &[&str]); 7] = [
        ("flipped", &flipped, &["damaged", "an older state", "resumed after step"]),
        ("torn", &torn, &["damaged", "an older state", "resumed after step"]),
        ("gone", &gone, &["damaged", "begun again"]),
        ("torn-line", &torn_line, &["resumed after step"]),
        ("more", &more, &["resumed after step"]),
        ("fewer", &fewer, &["metrics.jsonl has", "an older state", "resumed after step"]),
        ("unfinished", &unfinished, &["resumed after step"]),
    ];
    for (name, damage, says) in cases {
        let run = cut(name);
        assert_eq!(states(&run).len(), 2, "{name}");
        damage(&run);
        DESK.finetune(&format!("--resume {name}")).ends(0, says);
        assert_same(&DESK.path("alone"), &run, name);
    }
}

#[test]
fn what_differs_is_refused_all_at_once_and_what_does_not_matter_is_accepted() {
    let desk = Desk::new();
    let work = |name: &str| {
        let to = desk.path(name);
        copy(&DESK.path("cut"), &to.join("cut"));
        copy(&DESK.path("data"), &to.join("data"));
        fs::copy(DESK.path("c.toml"), to.join("c.toml")).unwrap();
        to
    };
    let finetune = |folder: &Path, arguments: &str| {
        let mut program = desk.program();
        Ran::of(&program.current_dir(folder).args(arguments.split_whitespace()).output().unwrap())
    };
    let one = work("one");
    let image = one.join("data/train/bar/000.png");
    let pixels = fs::read(&image).unwrap();
    fs::copy(one.join("data/train/bar/001.png"), &image).unwrap();
    let changed = format!("{RUN} --set train.learning_rate=0.5 --set train.ema=0.8 --out cut --continue");
    let says = [
        "train.learning_rate",
        "was 0.001   is 0.5",
        "train.ema",
        "21 of 22 are the same",
        "train/bar/000.png",
    ];
    finetune(&one, &changed).ends(1, &says);
    // What decides is refused with --inexact as well.
    finetune(&one, &format!("{changed} --inexact")).ends(1, &says);
    fs::write(&image, pixels).unwrap();
    // Bits alone: refused, unless they may differ.
    let threads = format!("{RUN} --set run.threads=2 --out cut --continue");
    finetune(&one, &threads).ends(1, &["threads", "was 1   is 2", "--inexact"]);
    finetune(&one, &format!("{threads} --inexact")).ends(0, &["resumed after step"]);
    let summary: Value = serde_json::from_slice(&fs::read(one.join("cut/summary.json")).unwrap()).unwrap();
    assert_eq!(summary["inexact"].as_array().unwrap()[0], "threads");
    let line = fs::read_to_string(one.join("cut/resumed.jsonl")).unwrap();
    let line: Value = serde_json::from_str(line.trim()).unwrap();
    assert!(line["step"].as_u64().unwrap() > 10 && line["means"]["program"].as_str().unwrap().len() == 64);
    // Where images lie, names, and what only costs time or room.
    let two = work("two");
    fs::rename(two.join("data"), two.join("elsewhere")).unwrap();
    let free = format!(
        "{RUN} --set data.root=elsewhere --set run.workers=0 --set run.features_mib=1 --out cut --continue"
    );
    finetune(&two, &free).ends(0, &["resumed after step"]);
    let sha = |run: &Path| {
        let summary: Value = serde_json::from_slice(&fs::read(run.join("summary.json")).unwrap()).unwrap();
        summary["digests"]["model.safetensors"].clone()
    };
    assert_eq!(sha(&two.join("cut")), sha(&DESK.path("alone")));
    // Another format.
    let three = work("three");
    let begun = three.join("cut/state/begun.json");
    let text = fs::read_to_string(&begun).unwrap().replace("\"version\": 1", "\"version\": 99");
    fs::write(&begun, text).unwrap();
    finetune(&three, "--resume cut").ends(1, &["format 99", "another version"]);
}

#[test]
fn after_ctrl_c_and_sigterm_it_goes_on_from_anywhere_and_a_finished_run_is_left_alone() {
    let desk = &DESK;
    let usual = RUN.replace("save_seconds=0", "save_seconds=60");
    desk.finetune(&format!("{usual} --out usual-alone")).ends(0, &[]);
    for (out, signal) in [("by-ctrl-c", Signal::SIGINT), ("by-sigterm", Signal::SIGTERM)] {
        let mut program = desk.program();
        program.args(format!("{usual} --out {out}").split_whitespace());
        let ran = stopped_by(&mut program, "epoch 3/8", signal);
        let ran = ran.ends(130, &[&format!("go on later with: finetune --resume {out}")]);
        assert!(ran.stdout.contains("report"), "it was measured");
        assert_eq!(desk.json(&format!("{out}/summary.json"))["outcome"], "interrupted");
        // From another folder, and moved.
        let moved = format!("moved-{out}");
        fs::rename(desk.path(out), desk.path(&moved)).unwrap();
        fs::create_dir_all(desk.path("far/away")).unwrap();
        let mut program = desk.program();
        program.current_dir(desk.path("far/away")).args(["--resume", &format!("../../{moved}")]);
        Ran::of(&program.output().unwrap()).ends(0, &["resumed after step"]);
        assert_same(&desk.path("usual-alone"), &desk.path(&moved), out);
        // Nothing is left to do, and nothing is touched.
        let stamps = || {
            let folder = desk.path(&moved);
            let stamp = |name: String| (fs::metadata(folder.join(&name)).unwrap().modified().unwrap(), name);
            names(&folder).into_iter().map(stamp).collect::<Vec<_>>()
        };
        let before = stamps();
        desk.finetune(&format!("--resume {moved}")).ends(0, &["finished already"]);
        desk.finetune(&format!("{usual} --out {moved} --continue")).ends(0, &["finished already"]);
        // One that was killed while it removed its states: some of their files are gone.
        desk.write(&format!("{moved}/state/lock"), "");
        desk.finetune(&format!("{usual} --out {moved} --continue")).ends(0, &["finished already"]);
        assert!(!desk.path(&format!("{moved}/state")).exists());
        assert_eq!(stamps(), before);
    }
}

#[test]
fn at_whatever_it_is_killed_it_goes_on() {
    let desk = &DESK;
    let is_writing = |folder: &Path| {
        folder.is_dir()
            && fs::read_dir(folder)
                .unwrap()
                .flatten()
                .any(|entry| entry.file_name().to_string_lossy().starts_with(".writing-"))
    };
    type Moment<'a> = &'a dyn Fn(&Path) -> bool;
    let moments: [(&str, Moment<'_>); 7] = [
        ("begun", &|run| run.join("state/config.toml").exists()),
        ("writing", &|run| !states(run).is_empty() && is_writing(&run.join("state"))),
        ("metrics", &|run| fs::metadata(run.join("metrics.jsonl")).is_ok_and(|about| about.len() > 900)),
        ("checkpoint", &|run| run.join("checkpoints/last.safetensors").exists()),
        ("model", &|run| run.join("model.safetensors").exists()),
        ("report", &|run| run.join("report.html").exists()),
        ("summary", &|run| run.join("summary.json").exists()),
    ];
    for (name, moment) in moments {
        let out = format!("at-{name}");
        let mut program = desk.program();
        program.args(format!("{RUN} --out {out}").split_whitespace());
        let killed = killed_when(&mut program, || moment(&desk.path(&out)));
        desk.finetune(&format!("--resume {out}")).ends(0, &[]);
        assert_same(&desk.path("alone"), &desk.path(&out), &format!("killed at {name}: {killed}"));
    }
}

#[test]
fn one_process_has_a_run_at_a_time() {
    let desk = &DESK;
    let run = cut("busy");
    let mut first = desk.program();
    let mut first = first.args(["--resume", "busy"]).spawn().unwrap();
    let pid = Pid::from_raw(i32::try_from(first.id()).unwrap());
    let began = Instant::now();
    while !run.join("resumed.jsonl").exists() {
        assert!(began.elapsed() < Duration::from_secs(60));
        thread::sleep(Duration::from_millis(1));
    }
    kill(pid, Signal::SIGSTOP).unwrap();
    if run.join("state").is_dir() {
        desk.finetune("--resume busy").ends(1, &["busy is still being worked on"]);
    }
    kill(pid, Signal::SIGCONT).unwrap();
    assert!(first.wait().unwrap().success());
    assert_same(&desk.path("alone"), &run, "busy");
}

/// A limit on the size of files stands for a full disk: the model fits, a state does not.
#[test]
fn without_room_for_states_the_training_goes_on() {
    let desk = &DESK;
    let finetune = env!("CARGO_BIN_EXE_finetune");
    let script = format!(
        "trap '' XFSZ; ulimit -f 1000; exec '{finetune}' {RUN} --set run.save_seconds=1000 --out narrow"
    );
    let mut shell = Command::new("sh");
    shell.current_dir(desk.path("")).arg("-c").arg(script);
    Ran::of(&shell.output().unwrap()).ends(0, &["warning: ", "the training goes on", "older state"]);
    assert!(!desk.path("narrow/state").exists());
    let models = ["alone", "narrow"].map(|run| fs::read(desk.path(run).join("model.safetensors")).unwrap());
    assert!(models[0] == models[1]);
}

#[test]
fn where_nothing_was_begun_nothing_is_resumed_and_continue_begins() {
    let desk = Desk::new();
    fs::create_dir(desk.path("empty")).unwrap();
    desk.finetune("--resume nowhere").ends(1, &["nowhere", "no such folder"]);
    desk.finetune("--resume empty").ends(1, &["empty", "no run was begun there"]);
    desk.finetune("--continue --config c.toml").ends(2, &["--out"]);
    desk.finetune("--resume a --out b").ends(2, &["--resume", "--out"]);
    desk.finetune("--json").ends(2, &["--config <FILE>"]);
    // Cut off before it had written down how it was begun.
    fs::create_dir_all(desk.path("early/state")).unwrap();
    fs::write(desk.path("early/state/lock"), "").unwrap();
    for out in ["new", "empty", "early"] {
        desk.finetune(&format!("--config c.toml --out {out} --continue")).ends(0, &[]);
        assert!(desk.path(out).join("summary.json").is_file() && !desk.path(out).join("state").exists());
    }
    // Without states there is nothing to go on from.
    let mut program = desk.program();
    program.args("--config c.toml --set run.save_seconds=off --set train.epochs=100 --out off".split(' '));
    let ran = stopped(&mut program, "epoch   2/100", || {});
    assert!(ran.stderr.contains("what was trained is kept"), "{}", ran.stderr);
    assert!(!desk.path("off/state").exists());
    desk.finetune("--resume off").ends(1, &["off", "save_seconds"]);
}
