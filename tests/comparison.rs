//! Comparisons of many runs: what they measure, and how they go on after having been cut off.

#[path = "support/stopped.rs"]
mod stopped;
mod support;

use std::fs;
use std::path::Path;

use serde_json::Value;
use stopped::stopped;
use support::{Desk, names};

/// Two settings, two amounts of data, two seeds.
const GRID: &str = "--config grid.toml --set compare.jobs=1";

fn desk() -> Desk {
    let desk = Desk::new();
    let plain = fs::read_to_string(desk.path("c.toml")).unwrap();
    let grid = "\n[compare]\nmethods = [\"scratch\"]\nimages_per_class = [2, 5]\nseeds = [3, 4]\n\
        [[compare.setting]]\nname = \"slow\"\nset = [\"train.learning_rate=1e-6\"]\n\
        [[compare.setting]]\nname = \"quick\"\nset = [\"train.epochs=12\", \"train.learning_rate=0.01\"]\n";
    desk.write("grid.toml", plain + grid);
    desk
}

fn digests(summary: &Value) -> Vec<String> {
    cells(summary).iter().map(|cell| cell["model_sha256"].to_string()).collect()
}

fn cells(summary: &Value) -> &Vec<Value> {
    summary["cells"].as_array().unwrap()
}

#[test]
fn a_comparison_tells_how_sure_it_is_and_how_training_went() {
    let desk = desk();
    desk.finetune(&format!("{GRID} --set compare.keep_models=false --out a")).ends(0, &["run 8/8"]);
    let summary = desk.json("a/summary.json");
    for cell in cells(&summary) {
        let answers = cell["answers"].as_str().unwrap();
        assert_eq!(answers.len(), 4, "an answer for each validation image");
        let share = answers.matches('1').count() as f64 / 4.0;
        assert_eq!(cell["accuracy"].as_f64().unwrap(), share);
        assert!(cell["training"]["gradient_ratio"].as_f64().unwrap() > 0.0);
    }
    for row in summary["rows"].as_array().unwrap() {
        let number = |value: &Value| value.as_f64().unwrap();
        let interval = &row["accuracy_interval"];
        let (low, mean, high) =
            (number(&interval["low"]), number(&row["accuracy_mean"]), number(&interval["high"]));
        assert!((0.0..=mean).contains(&low) && (mean..=1.0).contains(&high), "{row}");
        assert!((0.0..=1.0).contains(&number(&row["train_accuracy"]["mean"])));
    }
    let verdict = summary["verdict"].to_string();
    assert!(
        verdict.contains("With 2 images per class, ") && verdict.contains("The highest mean"),
        "{verdict}"
    );
    assert_eq!(summary["traces"].as_array().unwrap().len(), 4, "a trace for each setting and amount");
    // Models are not kept, their digests are.
    assert_eq!(cells(&summary)[0]["model_sha256"].as_str().unwrap().len(), 64);
    assert!(!desk.path("a/cells/2-per-class-slow-seed-3/model.safetensors").exists());
    let figures = names(&desk.path("a/figures"));
    assert_eq!(figures.iter().filter(|name| name.starts_with("training-")).count(), 4, "{figures:?}");
    assert!(
        figures.contains(&"accuracy-1.svg".to_owned()) && figures.contains(&"gradients-4.svg".to_owned())
    );
    let events = names(&desk.path("a/events"));
    assert_eq!((events.len(), events[0].as_str()), (4, "1-2-per-class-slow"), "{events:?}");
    let page = fs::read_to_string(desk.path("a/report.html")).unwrap();
    assert!(page.contains("95% interval") && page.contains("How training went"));
}

#[test]
fn the_claims_of_the_guide_run_from_their_configurations() {
    let desk = Desk::new();
    let claim =
        |name: &str| Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../configs/claims/{name}.toml"));
    let run = |name: &str, sets: &[&str], out: &str| {
        let mut arguments = format!("--config {} --set data.root=data --out {out}", claim(name).display());
        for set in sets.iter().chain(&["train.epochs=1", "run.workers=1"]) {
            arguments += &format!(" --set {set}");
        }
        desk.finetune(&arguments).ends(0, &[]);
        desk.json(&format!("{out}/summary.json"))
    };
    run("latin_letters", &[], "latin");
    let small = ["compare.images_per_class=[2]", "compare.seeds=[0]", "compare.jobs=1", "train.min_steps=1"];
    let transferred = ["model.weights=latin/model.safetensors", "finetune.head_epochs=1"];
    let photos = run("letters_to_photos", &[&small[..], &transferred].concat(), "photos");
    assert_eq!(cells(&photos).len(), 3, "scratch, the head, everything");
    let verdict = photos["verdict"].to_string();
    assert!(
        verdict.contains("than training from scratch at") || verdict.contains("beyond chance at"),
        "{verdict}"
    );
    let capacity = run("capacity", &small, "capacity");
    assert_eq!(cells(&capacity).len(), 5);
    let verdict = capacity["verdict"].to_string();
    for said in ["The gap between accuracy in training", "The gradient of the earliest trained stage"] {
        assert!(verdict.contains(said), "{said}: {verdict}");
    }
}

#[test]
fn a_comparison_that_was_cut_off_goes_on() {
    let desk = desk();
    desk.finetune(&format!("{GRID} --out a")).ends(0, &["run 8/8"]);
    let whole = desk.json("a/summary.json");
    // As if the machine had stopped in the middle of one run, before another, and while the third was written down.
    let cell = |name: &str| desk.path(&format!("a/cells/5-per-class-quick-seed-{name}"));
    fs::remove_file(cell("3").join("summary.json")).unwrap();
    fs::remove_dir_all(cell("4")).unwrap();
    fs::write(desk.path("a/metrics.jsonl"), "torn").unwrap();
    fs::remove_file(desk.path("a/summary.json")).unwrap();
    let untouched = desk.path("a/cells/2-per-class-slow-seed-3/summary.json");
    let before = fs::metadata(&untouched).unwrap().modified().unwrap();

    // Another comparison does not go on in its place, and what is there stays.
    let refused = format!("{GRID} --set train.batch_size=2 --resume a");
    desk.finetune(&refused).ends(1, &["does not hold a comparison of this configuration"]);
    desk.finetune(&format!("{GRID} --resume nowhere")).ends(1, &["nowhere/config.toml"]);
    desk.finetune("--config c.toml --resume a")
        .ends(1, &["does not hold a comparison of this configuration"]);

    // With another number of jobs it does.
    desk.finetune("--config grid.toml --set compare.jobs=2 --resume a").ends(0, &["run 8/8"]);
    let resumed = desk.json("a/summary.json");
    assert_eq!(digests(&resumed), digests(&whole));
    assert_eq!(resumed["rows"], whole["rows"]);
    assert_eq!(fs::metadata(&untouched).unwrap().modified().unwrap(), before, "it was trained again");
    let metrics = fs::read_to_string(desk.path("a/metrics.jsonl")).unwrap();
    assert_eq!(metrics.lines().filter(|line| line.contains("\"cell\"")).count(), 8);
    desk.finetune(&format!("{GRID} --resume a --out b")).ends(2, &["cannot be used with"]);
}

#[test]
fn ctrl_c_keeps_the_finished_runs_and_the_rest_can_be_done_later() {
    let desk = Desk::new();
    let plain = fs::read_to_string(desk.path("c.toml")).unwrap();
    // One run that is over at once, and some that are not.
    let grid = "\n[compare]\njobs = 1\nmethods = [\"scratch\"]\nseeds = [3, 4]\n\
        [[compare.setting]]\nname = \"short\"\nset = [\"train.epochs=1\"]\n\
        [[compare.setting]]\nname = \"long\"\nset = [\"train.epochs=300\"]\n";
    desk.write("grid.toml", plain + grid);
    let mut program = desk.program();
    program.args(["--config", "grid.toml", "--out", "a"]);
    let ran = stopped(&mut program, "run 1/4", || ()).ends(130, &["stopping"]);
    let partial = desk.json("a/summary.json");
    let done = cells(&partial).len();
    assert!((1..4).contains(&done), "{done} of 4 were finished");
    let verdict = format!("Interrupted after {done} of 4 runs.");
    assert!(partial["verdict"].to_string().contains(&verdict), "{}", partial["verdict"]);
    assert!(ran.stdout.contains(&verdict) && ran.stdout.contains("short"), "{}", ran.stdout);
    assert!(desk.path("a/report.html").is_file());
    assert_eq!(names(&desk.path("a/cells")).len(), done, "what was begun and not finished is left");

    desk.finetune("--config grid.toml --resume a").ends(0, &["run 4/4"]);
    let resumed = desk.json("a/summary.json");
    assert!(!resumed["verdict"].to_string().contains("Interrupted"));
    assert_eq!(digests(&resumed)[..done], digests(&partial));
    desk.finetune("--config grid.toml --out b").ends(0, &["run 4/4"]);
    assert_eq!(digests(&resumed), digests(&desk.json("b/summary.json")));
}

#[test]
fn what_is_still_going_on_is_not_resumed() {
    let desk = desk();
    desk.finetune(&format!("{GRID} --out a")).ends(0, &[]);
    let metrics = fs::OpenOptions::new().write(true).open(desk.path("a/metrics.jsonl")).unwrap();
    metrics.lock().unwrap();
    desk.finetune(&format!("{GRID} --resume a")).ends(1, &["still being carried out"]);
    drop(metrics);
    desk.finetune(&format!("{GRID} --resume a")).ends(0, &["run 8/8"]);
}
