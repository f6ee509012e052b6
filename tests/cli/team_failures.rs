//! A process that is killed, stopped or asked to stop while all of them decode images, compute features, validate or save; and an
//! image that only one of them meets. None of them hangs.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use image::{Rgb, RgbImage};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::support::Ran;
use crate::support::short_runs::{COLOUR, DESK};
use crate::support::together::{Meeting, Together};

/// What is done to rank 1.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Done {
    Killed,
    StandsStill,
    Asked,
}

/// When: in what takes some time with the images of these folders.
struct Moment {
    name: &'static str,
    images: &'static str,
    sets: &'static [&'static str],
    /// Whether it is now, by what rank 0 has said and the folder of the run.
    is_now: fn(&str, &Path) -> bool,
    done: &'static [Done],
}

const RESIDUAL: [&str; 5] = [
    "model.arch=resnet18",
    COLOUR,
    "model.weights=r.safetensors",
    "train.accumulate=2",
    "run.peer_timeout=3",
];

const MOMENTS: [Moment; 4] = [
    Moment {
        name: "decoding",
        images: "large",
        sets: &["finetune.depth=head"],
        // What lists the images says that a file is none.
        is_now: |said, _| said.contains("left out"),
        done: &[Done::Killed, Done::StandsStill, Done::Asked],
    },
    Moment {
        name: "features",
        images: "many",
        sets: &["finetune.depth=head", "train.epochs=1", "run.cache=memory"],
        is_now: |said, _| said.contains("features of the frozen stages are kept"),
        done: &[Done::Killed, Done::StandsStill, Done::Asked],
    },
    Moment {
        name: "validation",
        images: "many-held-out",
        sets: &[
            "finetune.depth=all",
            "finetune.head_epochs=0",
            "finetune.batch_norm=frozen",
            "train.epochs=2",
        ],
        // The line of the first step, which is the only one of its epoch, is written at once.
        is_now: |_, run| fs::metadata(run.join("metrics.jsonl")).is_ok_and(|about| about.len() > 0),
        done: &[Done::Killed, Done::StandsStill, Done::Asked],
    },
    Moment {
        name: "saving",
        images: "few",
        sets: &[
            "finetune.depth=all",
            "finetune.head_epochs=0",
            "finetune.batch_norm=frozen",
            "train.epochs=40",
            "run.save_seconds=0",
        ],
        is_now: |_, run| is_writing(&run.join("state")) && run.join("metrics.jsonl").exists(),
        done: &[Done::Killed, Done::Asked],
    },
];

fn is_writing(folder: &Path) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name()).any(|name| name.to_string_lossy().starts_with(".writing-"))
}

/// The folders of images.
static IMAGES: LazyLock<()> = LazyLock::new(|| {
    let draw = |root: &str, train: u32, validation: u32| {
        for class in ["bar", "cross"] {
            DESK.draw(&format!("{root}/train/{class}"), class, 0..train);
            DESK.draw(&format!("{root}/val/{class}"), class, 400..400 + validation);
        }
    };
    draw("few", 4, 2);
    draw("many", 150, 2);
    draw("many-held-out", 4, 150);
    draw("large", 1, 1);
    DESK.write("large/train/bar/.hidden", "no image");
    // Decoded in about a fifth of a second each.
    let large = RgbImage::from_fn(1600, 1200, |x, y| Rgb([(x / 8) as u8, (y / 8) as u8, 9]));
    large.save(DESK.path("large/train/bar/large-0.png")).unwrap();
    for number in 1..12 {
        let path = DESK.path(&format!("large/train/bar/large-{number}.png"));
        fs::hard_link(DESK.path("large/train/bar/large-0.png"), path).unwrap();
    }
});

fn arguments<'a>(Moment { images, sets, .. }: &'a Moment, out: &'a str) -> Vec<String> {
    LazyLock::force(&IMAGES);
    let data = format!("data.root={images}");
    let sets = RESIDUAL.iter().chain(*sets).map(|&set| set.to_owned()).chain([data]);
    let begin = ["--config", "c.toml", "--out", out].map(str::to_owned);
    begin.into_iter().chain(sets.flat_map(|set| ["--set".to_owned(), set])).collect()
}

/// Starts two processes, waits for the moment, does that to rank 1, and returns what came of rank 0 and 1.
fn disturbed(moment: &Moment, done: Done, out: &str) -> Vec<Ran> {
    let arguments = arguments(moment, out);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut together = Together::start(&DESK, 2, &arguments, &Meeting::File, |_, _| {});
    let began = Instant::now();
    while !(moment.is_now)(&together.said(0), &DESK.path(out)) {
        assert!(began.elapsed() < Duration::from_secs(60), "{}: {}", moment.name, together.said(0));
        thread::sleep(Duration::from_micros(200));
    }
    let signal = match done {
        Done::Killed => Signal::SIGKILL,
        Done::StandsStill => Signal::SIGSTOP,
        Done::Asked => Signal::SIGINT,
    };
    kill(Pid::from_raw(together.pid(1)), signal).unwrap();
    let began = Instant::now();
    let ran = together.end(if done == Done::Asked { &[0, 1] } else { &[0] });
    // The five seconds, for a machine that does other things as well.
    let limit = if done == Done::StandsStill { 20 } else { 15 };
    assert!(began.elapsed() < Duration::from_secs(limit), "{} {done:?}: {:?}", moment.name, began.elapsed());
    ran
}

#[test]
fn whatever_they_are_doing_none_hangs_and_the_run_goes_on() {
    for moment in &MOMENTS {
        let name = moment.name;
        let whole = format!("{name}-whole");
        let begun = Command::args(&mut DESK.program(), arguments(moment, &whole)).output().unwrap();
        Ran::of(&begun).ends(0, &[]);
        for &done in moment.done {
            let out = format!("{name}-{done:?}");
            let ran = disturbed(moment, done, &out);
            match done {
                Done::Killed => drop(ran.into_iter().next().unwrap().ends(1, &["rank 1 of 2 is gone"])),
                Done::StandsStill => {
                    ran.into_iter().next().unwrap().ends(1, &["rank 1 of 2 has not answered for 3 s"]);
                }
                Done::Asked => ran.into_iter().for_each(|ran| drop(ran.ends(130, &[]))),
            }
            // One process goes on where two were. What the user stopped before anything came of it is not there.
            if done == Done::Asked && !DESK.path(&out).exists() {
                continue;
            }
            DESK.finetune(&format!("--resume {out}")).ends(0, &[]);
            let digest = |run: &str| {
                let summary = DESK.json(&format!("{run}/summary.json"));
                summary["digests"]["model.safetensors"].clone()
            };
            assert_eq!(digest(&whole), digest(&out), "{name} {done:?}");
        }
    }
}

/// Rank 0 alone writes what came of it: it is killed while it does.
#[test]
fn rank_0_is_killed_while_it_writes_the_report() {
    let moment = Moment {
        name: "report",
        images: "few",
        sets: &["finetune.depth=head", "train.epochs=1"],
        is_now: |_, _| true,
        done: &[],
    };
    let arguments = arguments(&moment, "reported");
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut together = Together::start(&DESK, 2, &arguments, &Meeting::File, |_, _| {});
    let began = Instant::now();
    while !DESK.path("reported/report.html").exists() {
        assert!(began.elapsed() < Duration::from_secs(60));
        thread::sleep(Duration::from_micros(200));
    }
    kill(Pid::from_raw(together.pid(0)), Signal::SIGKILL).unwrap();
    // The other had done its part.
    together.end(&[0, 1]).swap_remove(1).ends(0, &[]);
    DESK.finetune("--resume reported").ends(0, &[]);
    assert!(DESK.path("reported/summary.json").exists());
}

/// Images that are not kept in memory are read again in each epoch, each by the process that trains on it.
#[test]
fn an_image_that_one_process_meets_damaged_ends_all_with_its_name() {
    LazyLock::force(&IMAGES);
    for class in ["bar", "cross"] {
        DESK.draw(&format!("spoilt/train/{class}"), class, 0..4);
        DESK.draw(&format!("spoilt/val/{class}"), class, 400..401);
    }
    // Before training it is left out by all alike, whoever meets it.
    DESK.write("spoilt/train/bar/damaged.png", "no image");
    let sets = [
        "data.root=spoilt",
        "data.memory_mib=0",
        "data.max_unreadable=0.5",
        "augment.horizontal_flip=0.5",
        "train.epochs=20000",
        "train.accumulate=2",
        "finetune.head_epochs=0",
    ];
    let mut arguments = vec!["--config", "c.toml", "--out", "spoilt-run"];
    arguments.extend(sets.iter().flat_map(|set| ["--set", *set]));
    let mut together = Together::start(&DESK, 2, &arguments, &Meeting::File, |_, _| {});
    together.until(0, "epoch     2/");
    let image = DESK.path("spoilt/train/bar/000.png");
    let pixels = fs::read(&image).unwrap();
    fs::write(&image, "damaged").unwrap();
    let ran = together.end(&[0, 1]);
    let said: String = ran.iter().map(|ran| ran.stderr.as_str()).collect();
    assert!(ran.iter().all(|ran| ran.code == Some(1)), "{said}");
    assert!(said.contains("spoilt/train/bar/000.png"), "{said}");
    // What was trained is not lost.
    fs::write(&image, pixels).unwrap();
    let trained = fs::read_to_string(DESK.path("spoilt-run/metrics.jsonl")).unwrap();
    let steps = trained.lines().filter(|line| line.contains("\"kind\":\"step\"")).count();
    let resumed =
        DESK.program().args(["--resume", "spoilt-run", "--set", "train.epochs=1"]).output().unwrap();
    Ran::of(&resumed).ends(1, &["train.epochs"]);
    let state = crate::support::names(&DESK.path("spoilt-run/state"));
    let newest = state.iter().rev().find_map(|name| name.split('-').next()?.parse::<usize>().ok()).unwrap();
    assert!(newest >= steps, "{newest} lines of {steps} steps and their epochs");
    fs::remove_dir_all(DESK.path("spoilt-run")).unwrap();
}
