//! Comparisons of many runs: what they measure, and how they go on after having been cut off.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::process::Stdio;

use image::imageops::FilterType;
use serde_json::Value;

use crate::support::stopped::stopped;
use crate::support::{Desk, names};

/// JPEGs of eight times the side that the network reads.
fn large_photographs(desk: &Desk) {
    for (class, numbers) in ["bar", "cross"].iter().flat_map(|class| [(class, 0..6), (class, 100..102)]) {
        let split = if numbers.start == 0 { "train" } else { "val" };
        for number in numbers {
            let large = image::imageops::resize(
                &crate::support::shape_image(class, number),
                256,
                256,
                FilterType::CatmullRom,
            );
            let path = desk.path(&format!("large/{split}/{class}/{number}.jpg"));
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            large.save(path).unwrap();
        }
    }
}

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
    let by_f1 = "--set compare.keep_models=false --set compare.judge_by=f1";
    desk.finetune(&format!("{GRID} {by_f1} --out a")).ends(0, &["run 8/8"]);
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
    let effects = summary["effects"].as_array().unwrap();
    let amounts: Vec<Option<u64>> = effects.iter().map(|it| it["images_per_class"].as_u64()).collect();
    assert_eq!(amounts, [Some(2), Some(5)], "the other setting against the first, with each amount");
    for effect in effects {
        let (low, high) = (effect["interval"]["low"].as_f64(), effect["interval"]["high"].as_f64());
        assert!(low <= effect["difference"].as_f64() && effect["difference"].as_f64() <= high, "{effect}");
        // Means over the seeds of the figure that each run has in its record.
        let mean = |method: &str| {
            let of = |cell: &&Value| {
                cell["method"] == method && cell["images_per_class"] == effect["images_per_class"]
            };
            let f1 = |cell: &Value| cell["metrics"]["macro_f1"].as_f64().unwrap();
            cells(&summary).iter().filter(of).map(f1).sum::<f64>() / 2.0
        };
        let difference = mean("quick") - mean("slow");
        assert!((effect["difference"].as_f64().unwrap() - difference).abs() < 1e-9, "{effect}");
        assert_eq!(effect["metric"], "macro F1");
    }
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
    let ends = [events[0].as_str(), events[4].as_str()];
    assert_eq!((events.len(), ends), (5, ["1-2-per-class-slow", "comparison"]), "{events:?}");
    let page = fs::read_to_string(desk.path("a/report.html")).unwrap();
    assert!(page.contains("95% interval") && page.contains("id=\"training\""));
    assert!(page.contains("Macro F1 minus that of"));
    let group = "--set data.groups.one=[\"bar\"] --set compare.judge_on=one --set compare.judge_by=f1";
    desk.finetune(&format!("{GRID} {group} --out no")).ends(2, &["compare.judge_by"]);
}

#[test]
fn images_are_decoded_smaller_in_a_comparison_as_they_are_alone() {
    let desk = desk();
    large_photographs(&desk);
    let large =
        format!("{GRID} --set data.root=large --set compare.images_per_class=[] --set compare.seeds=[3]");
    let model = |reduced: &str| {
        desk.finetune(&format!("{large} --set data.reduced_decoding={reduced} --out {reduced}")).ends(0, &[]);
        let summary = desk.json(&format!("{reduced}/summary.json"));
        digests(&summary).remove(0)
    };
    let reduced = model("on");
    assert_ne!(reduced, model("off"), "they make no difference here");
    desk.finetune("--config on/cells/all-images-slow-seed-3/config.toml --out alone").ends(0, &[]);
    assert_eq!(desk.json("alone/summary.json")["digests"]["model.safetensors"].to_string(), reduced);
    let grid = fs::read_to_string(desk.path("grid.toml")).unwrap();
    let crops = grid.replace("\"train.epochs=12\"", "\"train.epochs=12\", \"augment.resized_crop={}\"");
    assert_ne!(crops, grid);
    desk.write("crops.toml", crops);
    let large = large.replace("grid.toml", "crops.toml");
    desk.finetune(&format!("{large} --set data.reduced_decoding=on --out crops"))
        .ends(2, &["data.reduced_decoding: "]);
    desk.finetune(&format!("{large} --out crops")).ends(0, &[]);
}

#[test]
fn a_setting_that_cannot_be_is_refused_at_its_line_before_the_first_run() {
    let desk = desk();
    let grid = fs::read_to_string(desk.path("grid.toml")).unwrap();
    for (change, says) in [
        ("regularize.early_stopping=2", "regularize.early_stopping"),
        ("train.swa_from=13", "train.swa_from: epoch 13 comes after the last of 12"),
        ("train.warmup_epochs=12", "train.epochs = 12"),
        ("train.class_weights={disc=2}", "\"disc\""),
        ("train.adam.beta1=2", "beta1: must be at least 0 and below 1, and this is 2"),
    ] {
        let bad = grid.replace("\"train.epochs=12\"", &format!("\"train.epochs=12\", \"{change}\""));
        let place = bad.find(&format!("\"{change}\"")).unwrap();
        let line = bad[..place].matches('\n').count() + 1;
        let column = bad[..place].len() - bad[..place].rfind('\n').unwrap();
        desk.write("bad.toml", &bad);
        desk.finetune(
            "--config bad.toml --out bad --set data.root=data/train --set data.validation_fraction=0",
        )
        .ends(2, &[&format!("bad.toml:{line}:{column}: "), says, "\"quick\""]);
        assert!(!desk.path("bad").exists(), "{change}");
    }
    // What `compare` takes out of the run and into a setting is looked at there.
    let varied =
        "compare --config c.toml --out bad --vary regularize --only mixup --set regularize.early_stopping=2";
    let blind = "--set data.root=data/train --set data.validation_fraction=0";
    desk.finetune(&format!("{} {blind}", varied.replace("mixup", "early_stopping")))
        .ends(2, &["regularize.early_stopping=2: "]);
    assert!(!desk.path("bad").exists());
}

#[test]
fn a_setting_may_choose_another_optimizer_schedule_policy_or_pull() {
    let desk = Desk::new();
    desk.finetune("--config c.toml --out source").ends(0, &[]);
    let plain = fs::read_to_string(desk.path("c.toml")).unwrap();
    let plain = plain
        .replace("weights = \"none\"", "weights = \"source/model.safetensors\"")
        .replace("depth = \"scratch\"", "depth = \"all\"\nhead_epochs = 1")
        .replace("[train]", "[augment]\npolicy = \"randaugment\"\n\n[train]\nschedule = \"one-cycle\"");
    let changes = [
        ("plain", ""),
        ("sgd", "\"train.optimizer=sgd\""),
        ("l2_sp", "\"regularize.l2_sp={}\""),
        ("cosine", "\"train.schedule=cosine\""),
        ("trivial", "\"augment.policy=trivialaugment\""),
    ];
    let settings =
        changes.map(|(name, set)| format!("[[compare.setting]]\nname = \"{name}\"\nset = [{set}]\n"));
    let compare = "[compare]\nmethods = [\"fine-tune\"]\nseeds = [3]\njobs = 2\n";
    desk.write("grid.toml", format!("{plain}\n{compare}{}", settings.concat()));
    desk.finetune("--config grid.toml --out a").ends(0, &["run 5/5"]);
    let whole = desk.json("a/summary.json");
    let all = digests(&whole);
    assert!((1..5).all(|place| !all[..place].contains(&all[place])), "{all:?}");
    // Each is the run that has the same keys.
    desk.write("alone.toml", plain.replace("[run]", "[regularize]\nl2_sp = {}\n\n[run]\nseed = 3"));
    desk.finetune("--config alone.toml --out alone").ends(0, &[]);
    assert_eq!(desk.json("alone/summary.json")["digests"]["model.safetensors"].to_string(), all[2]);

    // Who joins reads the configuration of the comparison's folder, where everything is filled in.
    let cell = desk.path("a/cells/all-images-l2-sp-seed-3");
    fs::remove_dir_all(&cell).unwrap();
    let mut program = desk.program();
    program.args(["--config", "a/config.toml", "--join", "a"]).stdin(Stdio::piped());
    let mut helper = program.spawn().unwrap();
    let held = helper.stdin.take();
    assert!(helper.wait().unwrap().success());
    drop(held);
    let joined = desk.json("a/cells/all-images-l2-sp-seed-3/summary.json");
    assert_eq!(joined["digests"]["model.safetensors"].to_string(), all[2]);
    // So does who goes on, be it from the configuration or from that of the folder.
    for config in ["grid.toml", "a/config.toml"] {
        fs::remove_dir_all(&cell).unwrap();
        desk.finetune(&format!("--config {config} --resume a")).ends(0, &["run 5/5"]);
        assert_eq!(digests(&desk.json("a/summary.json")), all, "{config}");
    }
}

#[test]
fn a_run_that_diverges_is_named_and_the_others_go_on() {
    let desk = desk();
    let grid = fs::read_to_string(desk.path("grid.toml")).unwrap();
    let grid = grid.replace("images_per_class = [2, 5]\n", "");
    // The baseline is the one that diverges, so that there is nothing to compare with.
    desk.write("steep.toml", grid.replace("train.learning_rate=1e-6", "train.learning_rate=1e30"));
    let lost_runs = "slow with seed 3, slow with seed 4";
    let ran = desk
        .finetune("--config steep.toml --set compare.jobs=2 --out a")
        .ends(1, &["a/cells/all-images-slow-seed-3/checkpoints/last-good.safetensors", "run 4/4", lost_runs]);
    assert!(ran.stdout.contains(lost_runs), "{}", ran.stdout);
    let summary = desk.json("a/summary.json");
    assert_eq!(cells(&summary).len(), 2);
    let rows = summary["rows"].as_array().unwrap();
    let seeds = |row: &Value| [row["seeds"].as_u64().unwrap(), row["diverged"].as_u64().unwrap()];
    assert_eq!((rows[0]["method"].as_str(), seeds(&rows[0])), (Some("slow"), [0, 2]));
    assert_eq!((rows[1]["method"].as_str(), seeds(&rows[1])), (Some("quick"), [2, 0]));
    assert!(rows[1]["accuracy_mean"].as_f64().is_some() && rows[1]["accuracy_interval"].is_object());
    assert!(summary["verdict"][0].as_str().unwrap().contains(lost_runs), "{}", summary["verdict"]);
    let page = fs::read_to_string(desk.path("a/report.html")).unwrap();
    assert!(page.contains("<td class=\"num\">diverged</td>"));
    let metrics = fs::read_to_string(desk.path("a/metrics.jsonl")).unwrap();
    assert_eq!(metrics.lines().filter(|line| line.contains("\"kind\":\"diverged\"")).count(), 2);

    // Resuming leaves it as it is, and the cell's configuration diverges as well.
    let lost = desk.path("a/cells/all-images-slow-seed-3/diverged.json");
    let before = fs::metadata(&lost).unwrap().modified().unwrap();
    desk.finetune("--config steep.toml --resume a").ends(1, &["run 4/4", lost_runs]);
    assert_eq!(fs::metadata(&lost).unwrap().modified().unwrap(), before);
    assert_eq!(digests(&desk.json("a/summary.json")), digests(&summary));
    desk.finetune("--config a/cells/all-images-slow-seed-3/config.toml --out alone")
        .ends(1, &["in fine-tune, epoch 1, step "]);

    // Where all diverge there is nothing to compare; the folder says what was tried.
    let all = "--config steep.toml --set compare.keep_models=false --out b --set train.schedule=constant";
    desk.write("steep.toml", grid.replace("1e-6", "1e30").replace("=0.01", "=1e30"));
    desk.finetune(all).ends(1, &["4 runs", "quick with seed 4"]);
    assert!(desk.path("b/config.toml").is_file() && !desk.path("b/summary.json").exists());
    assert_eq!(names(&desk.path("b/cells/all-images-quick-seed-4")), ["config.toml", "diverged.json"]);
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
    let other = "a does not hold a comparison of this configuration";
    desk.finetune(&refused).ends(1, &[other]);
    desk.finetune(&format!("{GRID} --resume nowhere")).ends(1, &["nowhere/config.toml"]);
    desk.finetune("--config c.toml --resume a").ends(1, &[other]);

    // With another number of jobs it does.
    desk.finetune("--config grid.toml --set compare.jobs=2 --out a --continue").ends(0, &["run 8/8"]);
    let resumed = desk.json("a/summary.json");
    assert_eq!(digests(&resumed), digests(&whole));
    assert_eq!(resumed["rows"], whole["rows"]);
    assert_eq!(fs::metadata(&untouched).unwrap().modified().unwrap(), before, "it was trained again");
    let metrics = fs::read_to_string(desk.path("a/metrics.jsonl")).unwrap();
    assert_eq!(metrics.lines().filter(|line| line.contains("\"cell\"")).count(), 8);
    desk.finetune(&format!("{GRID} --resume a --out b")).ends(2, &["--resume", "--out"]);
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
    let ran = stopped(&mut program, "run 1/4", || ()).ends(130, &[]);
    let partial = desk.json("a/summary.json");
    let done = cells(&partial).len();
    assert!((1..4).contains(&done), "{done} of 4 were finished");
    let verdict = format!("{done} of 4");
    assert!(partial["verdict"].to_string().contains(&verdict), "{}", partial["verdict"]);
    assert!(ran.stdout.contains(&verdict) && ran.stdout.contains("short"), "{}", ran.stdout);
    assert!(desk.path("a/report.html").is_file());
    assert_eq!(names(&desk.path("a/cells")).len(), done, "what was begun and not finished is left");

    assert!(ran.stderr.contains("finetune --resume a"), "{}", ran.stderr);
    // It knows its configuration.
    desk.finetune("--resume a").ends(0, &["run 4/4"]);
    let resumed = desk.json("a/summary.json");
    assert!(!resumed["verdict"].to_string().contains("of 4 runs"), "{}", resumed["verdict"]);
    assert_eq!(digests(&resumed)[..done], digests(&partial));
    desk.finetune("--config grid.toml --out b --continue").ends(0, &["run 4/4"]);
    assert_eq!(digests(&resumed), digests(&desk.json("b/summary.json")));
}

#[test]
fn what_is_still_going_on_is_not_resumed() {
    let desk = desk();
    desk.finetune(&format!("{GRID} --out a")).ends(0, &[]);
    let metrics = fs::OpenOptions::new().write(true).open(desk.path("a/metrics.jsonl")).unwrap();
    metrics.lock().unwrap();
    let running = "a is still being worked on";
    desk.finetune(&format!("{GRID} --resume a")).ends(1, &[running]);
    drop(metrics);
    desk.finetune(&format!("{GRID} --resume a")).ends(0, &["run 8/8"]);
}

/// Frozen prefixes are computed once for all cells that have them in common, and for the next comparison.
#[test]
fn cells_share_the_features_of_a_common_prefix() {
    let desk = Desk::new();
    desk.finetune("--config c.toml --out source").ends(0, &[]);
    // A file that is written again replaces the old one under a new inode.
    let features = || -> BTreeMap<PathBuf, u64> {
        let entries = fs::read_dir(desk.path(".cache/finetune-rs/features")).unwrap();
        let paths = entries.map(|entry| entry.unwrap().path());
        let features = paths.filter(|path| path.extension().is_some_and(|extension| extension == "features"));
        features.map(|path| (path.clone(), fs::metadata(&path).unwrap().ino())).collect()
    };
    let compare = |out: &str, depths: &str| {
        let config =
            "compare --config c.toml --set model.weights=source/model.safetensors --set finetune.depth=head";
        let what = format!("--vary depth --depths {depths} --seeds 0 --set compare.jobs=1 --out {out}");
        desk.finetune(&format!("{config} {what}")).ends(0, &[]);
    };
    compare("one", "head");
    let of_head = features();
    assert_eq!(of_head.len(), 2, "training and validation images before the head");
    compare("more", "head,last:1,last:2");
    let all = features();
    assert_eq!(all.len(), 6, "two for each of three prefixes");
    assert!(
        of_head.iter().all(|(path, written)| all.get(path) == Some(written)),
        "those before the head as they were"
    );
}
