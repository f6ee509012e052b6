//! `finetune search` and `finetune.depth = "search"`: the race on small images, what it never sees, how it goes on after it
//! was cut off, and what is refused.

use std::fs;
use std::process::Stdio;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

use crate::support::stopped::stopped;
use crate::support::{Desk, SCRATCH, names};

/// A LeNet that has learned bars and crosses, to be transferred to bars and discs.
static DESK: LazyLock<Desk> = LazyLock::new(|| {
    let desk = Desk::new();
    for class in ["bar", "cross"] {
        desk.draw(&format!("source/train/{class}"), class, 0..60);
    }
    for (class, from) in [("bar", 200), ("disc", 300)] {
        desk.draw(&format!("target/train/{class}"), class, from..from + 20);
        desk.draw(&format!("target/val/{class}"), class, from + 30..from + 34);
        desk.draw(&format!("target/test/{class}"), class, from + 40..from + 46);
    }
    desk.finetune("--config c.toml --set data.root=source --set train.epochs=8 --out source-run")
        .ends(0, &[]);
    fs::rename(desk.path("source-run/model.safetensors"), desk.path("m.safetensors")).unwrap();
    let target = SCRATCH.replace("\"data\"", "\"target\"").replace("\"none\"", "\"m.safetensors\"");
    desk.write("t.toml", target.replace("\"scratch\"", "\"head\"").replace("epochs = 1", "epochs = 4"));
    desk
});

/// A search with enough to spend that every tier has its turn.
const SEARCH: &str = "search --config t.toml --budget 40";

/// All but how long it took.
fn without_times(mut record: Value) -> Value {
    record["seconds"] = Value::Null;
    for cell in record["course"].as_array_mut().unwrap() {
        cell["seconds"] = Value::Null;
    }
    record
}

fn arms(record: &Value) -> &Vec<Value> {
    record["arms"].as_array().unwrap()
}

#[test]
fn a_search_says_what_to_run_and_shows_the_race() {
    let ran = DESK.finetune(&format!("{SEARCH} --out found --json")).ends(0, &["fold 5", "in front: "]);
    let printed: Value = serde_json::from_str(ran.stdout.trim()).unwrap();
    let record = DESK.json("found/search.json");
    assert_eq!(printed, record);
    assert_eq!(
        names(&DESK.path("found")),
        ["cells", "chosen.toml", "config.toml", "metrics.jsonl", "report.html", "search.json"]
    );
    assert_eq!((&record["images"], &record["folds"], &record["classes"]), (&40.into(), &5.into(), &2.into()));
    let chosen = record["chosen"].as_str().unwrap();
    let states = |state: &str| -> Vec<&str> {
        let arms = arms(&record).iter().filter(|arm| arm["state"] == state);
        arms.map(|arm| arm["name"].as_str().unwrap()).collect()
    };
    assert_eq!(states("chosen"), [chosen]);
    let tried = arms(&record).iter().filter(|arm| arm["images"].as_u64() > Some(0)).count();
    assert_eq!(record["tried"].as_u64(), Some(tried as u64));
    assert!(tried > 4 && record["alike"].as_u64() <= record["tried"].as_u64(), "{record}");
    assert!(record["spent"].as_f64().unwrap() <= 40.0);
    for arm in arms(&record).iter().filter(|arm| arm["images"].as_u64() > Some(0)) {
        assert!((0.0..=1.0).contains(&arm["accuracy"].as_f64().unwrap()), "{arm}");
        assert!(arm["loss"].as_f64().unwrap() >= 0.0 && arm["gain_error"].as_f64().is_some(), "{arm}");
    }
    let statement = record["statement"].as_str().unwrap();
    assert!(statement.starts_with(chosen) && statement.contains(&format!("of {tried} tried")), "{statement}");
    assert_eq!(statement.contains("uncalibrated"), record["calibrated"] == false, "{statement}");
    // Two processes come to the same, and each cell is trained by one of them.
    DESK.finetune(&format!("{SEARCH} --set search.jobs=2 --set run.threads=1 --out shared"))
        .ends(0, &["fold 5"]);
    DESK.finetune(&format!("{SEARCH} --set search.jobs=1 --set run.threads=1 --out single")).ends(0, &[]);
    let [shared, single] =
        ["shared", "single"].map(|out| without_times(DESK.json(&format!("{out}/search.json"))));
    assert_eq!(shared, single);
    let page = fs::read_to_string(DESK.path("found/report.html")).unwrap();
    assert!(page.contains("search-race") && page.contains(statement));
    // A line for each cell, and a folder for it.
    let metrics = fs::read_to_string(DESK.path("found/metrics.jsonl")).unwrap();
    let cells = names(&DESK.path("found/cells")).len();
    assert_eq!(metrics.lines().filter(|line| line.contains("\"kind\":\"arm\"")).count(), cells);
    assert_eq!(record["course"].as_array().unwrap().len(), cells);

    // What it chose is a configuration like any other.
    let config: toml::Table = fs::read_to_string(DESK.path("found/chosen.toml")).unwrap().parse().unwrap();
    let depth = config["finetune"]["depth"].as_str().unwrap();
    assert_ne!(depth, "search");
    assert!(!config.contains_key("search"));
    DESK.finetune("--config found/chosen.toml --out followed").ends(0, &[]);
    assert_eq!(DESK.json("followed/summary.json")["depth"], depth);

    // In words, for the terminal.
    let ran = DESK.finetune("search --config t.toml --budget 0.1 --out words").ends(0, &[]);
    for said in ["accuracy", "state", "* ", "final runs", "run     finetune --config words/chosen.toml"] {
        assert!(ran.stdout.contains(said), "{said:?} is not said in\n{}", ran.stdout);
    }
}

#[test]
fn networks_race_with_one_another() {
    let desk = &DESK;
    let other = "--config c.toml --set data.root=source --set model.arch=lenet5 --set train.epochs=8";
    desk.finetune(&format!("{other} --out other-run")).ends(0, &[]);
    fs::rename(desk.path("other-run/model.safetensors"), desk.path("other.safetensors")).unwrap();
    let both = "--archs lenet5_relu,lenet5:other.safetensors";
    desk.finetune(&format!("search --config t.toml --budget 3 {both} --out raced"))
        .ends(0, &["lenet5: last:2 x 1 "]);
    let record = desk.json("raced/search.json");
    assert_eq!(record["arch"], "lenet5_relu, lenet5");
    let of = |network: &str| -> Vec<&Value> {
        let arms = arms(&record).iter();
        arms.filter(|arm| arm["name"].as_str().unwrap().starts_with(&format!("{network}: "))).collect()
    };
    let [own, others] = [of("lenet5_relu"), of("lenet5")];
    assert_eq!((own.len(), own.len() + others.len()), (others.len(), arms(&record).len()));
    for (own, other) in own.iter().zip(&others) {
        let [own_set, set] = [own, other].map(|arm| arm["set"].as_array().unwrap());
        assert_eq!(set[..2], ["model.arch=lenet5", "model.weights=other.safetensors"]);
        assert_eq!(set[2..], own_set[..]);
    }
    // The run's own network comes to what it comes to alone, and the other to something else.
    desk.finetune("search --config t.toml --budget 3 --out one-network").ends(0, &[]);
    let free = |arms: Vec<&Value>| -> Vec<f64> {
        let free = arms.into_iter().filter(|arm| arm["tier"] == "free");
        free.map(|arm| arm["loss"].as_f64().unwrap()).collect()
    };
    let alone = desk.json("one-network/search.json");
    let alone = free(arms(&alone).iter().collect());
    assert!(alone.len() > 3 && free(own) == alone && free(others) != alone);
    let chosen = record["chosen"].as_str().unwrap().split(": ").next().unwrap();
    let config: toml::Table = fs::read_to_string(desk.path("raced/chosen.toml")).unwrap().parse().unwrap();
    assert_eq!(config["model"]["arch"].as_str(), Some(chosen));
    assert!(!config.contains_key("search"));
    desk.finetune("--config raced/chosen.toml --out raced-run").ends(0, &[]);
    assert_eq!(desk.json("raced-run/summary.json")["arch"], chosen);
    // With helpers, and begun again: the configuration in the folder says which networks.
    desk.finetune(&format!(
        "search --config t.toml --budget 3 {both} --set search.jobs=2 --set run.threads=1 --out helped"
    ))
    .ends(0, &[]);
    let helped = desk.json("helped/search.json");
    desk.finetune("search --resume helped --set search.jobs=1 --set run.threads=1").ends(0, &[]);
    assert_eq!(without_times(helped), without_times(desk.json("helped/search.json")));

    for (archs, says) in [
        ("--archs lenet9", "lenet9"),
        ("--archs lenet5", "no weights of lenet5"),
        ("--archs lenet5:other.safetensors,lenet5:other.safetensors", "named twice"),
    ] {
        let refused = format!("search --config t.toml {archs} --out refused");
        desk.finetune(&refused).ends(2, &["search.archs", says]);
    }
    let run =
        "--config t.toml --set finetune.depth=search --set search.archs=[\"lenet5_relu\"] --out refused";
    desk.finetune(run).ends(2, &["search.archs", "finetune search"]);
}

#[test]
fn validation_and_test_images_are_never_read() {
    let desk = &DESK;
    for split in ["train", "val", "test"] {
        for (class, from) in [("bar", 200), ("disc", 300)] {
            desk.draw(&format!("sealed/{split}/{class}"), class, from..from + 20);
        }
    }
    let search = "search --config t.toml --set data.root=sealed --budget 2";
    desk.finetune(&format!("{search} --out open")).ends(0, &[]);
    for split in ["val", "test"] {
        for class in ["bar", "disc"] {
            for name in names(&desk.path(&format!("sealed/{split}/{class}"))) {
                desk.write(&format!("sealed/{split}/{class}/{name}"), "no image");
            }
        }
    }
    let ran = desk.finetune(&format!("{search} --out sealed-off")).ends(0, &[]);
    assert!(!ran.stderr.contains("unreadable"), "{}", ran.stderr);
    let read = |out: &str| without_times(desk.json(&format!("{out}/search.json")));
    assert_eq!(read("open"), read("sealed-off"));
}

#[test]
fn a_search_that_was_killed_goes_on_and_comes_to_the_same() {
    let desk = &DESK;
    desk.finetune(&format!("{SEARCH} --out whole")).ends(0, &[]);
    let whole = desk.json("whole/search.json");
    let mut program = desk.program();
    program.args(format!("{SEARCH} --out killed").split_whitespace());
    let mut child = program.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let done = || names(&desk.path("killed/cells")).len();
    let began = Instant::now();
    while !desk.path("killed/cells").exists() || done() < 8 {
        assert!(began.elapsed() < Duration::from_secs(120) && child.try_wait().unwrap().is_none());
        thread::sleep(Duration::from_millis(5));
    }
    // Meanwhile nobody else may go on with it.
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGSTOP).unwrap();
    desk.finetune(&format!("{SEARCH} --resume killed")).ends(1, &["killed is still being worked on"]);
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(!desk.path("killed/search.json").exists());
    let finished: Vec<String> = names(&desk.path("killed/cells"))
        .into_iter()
        .filter(|cell| desk.path(&format!("killed/cells/{cell}/summary.json")).exists())
        .collect();
    assert!(!finished.is_empty() && finished.len() < names(&desk.path("whole/cells")).len());
    let stamp = |cell: &str| {
        let path = desk.path(&format!("killed/cells/{cell}/summary.json"));
        fs::metadata(path).unwrap().modified().unwrap()
    };
    let before: Vec<_> = finished.iter().map(|cell| stamp(cell)).collect();

    desk.finetune("search --config t.toml --budget 40 --set train.epochs=5 --resume killed")
        .ends(1, &["killed does not hold a search of this configuration"]);
    desk.finetune(&format!("{SEARCH} --out killed --continue")).ends(0, &[]);
    assert_eq!(without_times(desk.json("killed/search.json")), without_times(whole));
    let after: Vec<_> = finished.iter().map(|cell| stamp(cell)).collect();
    assert_eq!(before, after, "finished cells were trained again");

    // By Ctrl-C it ends in order, and says how.
    let mut program = desk.program();
    program.args(format!("{SEARCH} --out asked").split_whitespace());
    let ran = stopped(&mut program, "in front: ", || {});
    assert_eq!(ran.code, Some(130), "{}", ran.stderr);
    assert!(ran.stderr.contains("finetune search --resume asked"), "{}", ran.stderr);
    desk.finetune("--resume asked").ends(1, &["finetune search --resume"]);
    desk.finetune("search --resume asked").ends(0, &[]);
    assert_eq!(without_times(desk.json("asked/search.json")), without_times(desk.json("whole/search.json")));
    // A search that is over can be given more to spend.
    desk.finetune("search --config t.toml --budget 0.1 --out more").ends(0, &[]);
    let least = desk.json("more/search.json")["tried"].as_u64();
    desk.finetune(&format!("{SEARCH} --resume more")).ends(0, &[]);
    assert!(desk.json("more/search.json")["tried"].as_u64() > least);
}

#[test]
fn a_run_of_depth_search_goes_on_with_what_was_found() {
    let desk = &DESK;
    let run = "--config t.toml --set finetune.depth=search --set search.budget=5";
    desk.finetune(&format!("{run} --out run")).ends(0, &[]);
    let (summary, search) = (desk.json("run/summary.json"), desk.json("run-search/search.json"));
    assert_eq!(without_times(summary["search"].clone()), without_times(search.clone()));
    assert_ne!(summary["depth"], "search");
    let config: toml::Table = fs::read_to_string(desk.path("run/config.toml")).unwrap().parse().unwrap();
    assert_eq!(config["finetune"]["depth"].as_str(), summary["depth"].as_str());
    assert_eq!(summary["data"]["test"], 12, "the run itself is measured on the test images");
    let page = fs::read_to_string(desk.path("run/report.html")).unwrap();
    assert!(page.contains("How to train, by a search") && page.contains("search-race"));
    // The command finds the same, and what it names gives the same model.
    desk.finetune("search --config t.toml --budget 5 --out alone").ends(0, &[]);
    assert_eq!(without_times(desk.json("alone/search.json")), without_times(search));
    desk.finetune("--config alone/chosen.toml --out repeated").ends(0, &[]);
    desk.finetune("--config run/config.toml --out once-more").ends(0, &[]);
    let digest =
        |run: &str| desk.json(&format!("{run}/summary.json"))["digests"]["model.safetensors"].clone();
    assert_eq!(digest("run"), digest("repeated"));
    assert_eq!(digest("run"), digest("once-more"));
    // It may be a setting of a comparison.
    desk.finetune("compare --config t.toml --vary depth --depths head,search --seeds 0 --set search.budget=0.1 --out grid")
        .ends(0, &[]);
    let cell = desk.json("grid/cells/all-images-search-seed-0/summary.json");
    assert!(cell["search"]["chosen"].is_string());
}

#[test]
fn what_cannot_be_searched_is_refused_with_the_way_out() {
    let desk = &DESK;
    for (set, key) in [
        ("finetune.rate_scale=0.5", "finetune.rate_scale"),
        ("finetune.batch_norm=train", "finetune.batch_norm"),
        ("finetune.thaw.every=1", "finetune.thaw"),
        ("finetune.rates={fc2=0.1}", "finetune.rates"),
        ("regularize.delta={}", "regularize.delta"),
        ("regularize.early_stopping=2", "regularize.early_stopping"),
        ("train.schedule=plateau", "train.schedule"),
    ] {
        desk.finetune(&format!("search --config t.toml --set {set} --out no1")).ends(2, &[key, "search"]);
        desk.finetune(&format!("--config t.toml --set finetune.depth=search --set {set} --out no2"))
            .ends(2, &[key]);
    }
    let scratch = "--set model.weights=none";
    desk.finetune(&format!("search --config t.toml {scratch} --out no3")).ends(2, &["model.weights"]);
    desk.finetune("search --config t.toml --budget=-1 --out no4").ends(2, &["--budget", "at least 0"]);
    desk.finetune("search --config t.toml --minutes 0 --out no5").ends(2, &["--minutes", "above 0"]);
    desk.finetune("search --config t.toml --set search.budget=-1 --out no5").ends(2, &["search.budget"]);
    desk.finetune("search --config t.toml --set data.images_per_class=1 --out no6")
        .ends(2, &["data.images_per_class", "finetune.depth"]);
    desk.finetune("search --config t.toml --resume nowhere").ends(1, &["nowhere"]);
    for number in 1..7 {
        assert!(!desk.path(&format!("no{number}")).exists(), "no{number}");
    }
    fs::create_dir_all(desk.path("taken/inside")).unwrap();
    desk.finetune("search --config t.toml --out taken").ends(1, &["taken"]);
    // The search of a run has a folder of its own, next to the run's.
    fs::create_dir_all(desk.path("fresh-search/inside")).unwrap();
    desk.finetune("--config t.toml --set finetune.depth=search --out fresh").ends(1, &["fresh-search"]);
    assert!(!desk.path("fresh").exists());
}
