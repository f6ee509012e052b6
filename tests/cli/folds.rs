//! Cross-validation: one fold alone, and comparisons that count every training image once.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::Value;

use crate::support::Desk;

/// Rows of a CSV file whose fields hold no commas, by its columns.
fn rows(desk: &Desk, file: &str) -> Vec<BTreeMap<String, String>> {
    let text = fs::read_to_string(desk.path(file)).unwrap();
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let header = lines.next().unwrap();
    lines.map(|row| header.iter().cloned().zip(row).collect()).collect()
}

/// The desk with 15 images of each class in `many/`: 10 and 11 of a class are the same file, and so are 12 and 13.
fn desk() -> Desk {
    let desk = Desk::new();
    for class in ["bar", "cross"] {
        desk.draw(&format!("many/train/{class}"), class, 0..15);
        // Not opened: if they were, the run would fail.
        desk.write(&format!("many/val/{class}/999.png"), "no image");
        desk.write(&format!("many/test/{class}/999.png"), "no image");
        for (one, other) in [(10, 11), (12, 13)] {
            let name = |number| desk.path(&format!("many/train/{class}/{number:03}.png"));
            assert!(name(one).exists(), "{}", name(one).display());
            fs::copy(name(one), name(other)).unwrap();
        }
    }
    desk
}

/// Images of one number belong together, whatever their class.
const MANY: &str = "--config c.toml --set data.root=many --set data.group.pattern=^([0-9]+)";

#[test]
fn a_fold_takes_the_place_of_the_validation_images_and_keeps_its_predictions() {
    let desk = desk();
    let mut seen = BTreeMap::new();
    for fold in 1..=3 {
        let ran = desk.finetune(&format!(
            "--config c.toml --set data.root=many --set data.folds=3 --set data.fold={fold} --out {fold}"
        ));
        ran.ends(0, &["the 2 validation and 2 test images are not opened"]);
        let summary = desk.json(&format!("{fold}/summary.json"));
        let held: Vec<_> = rows(&desk, &format!("{fold}/predictions.csv"));
        assert_eq!(
            summary["data"]["fold"],
            serde_json::json!({ "fold": fold, "folds": 3, "never_held_out": 0 })
        );
        assert_eq!(summary["data"]["validation"], held.len());
        assert_eq!(summary["data"]["train"], 30 - held.len());
        assert_eq!(
            (&summary["data"]["test"], &summary["data"]["unreadable"]),
            (&0.into(), &serde_json::json!([]))
        );
        let measured = &summary["evaluations"].as_array().unwrap()[..];
        assert_eq!((measured.len(), &measured[0]["split"]), (1, &"validation".into()));
        let correct = held.iter().filter(|row| row["label"] == row["predicted"]).count();
        assert_eq!(measured[0]["accuracy"].as_f64().unwrap(), correct as f64 / held.len() as f64);
        for row in held {
            let of = |class: &str| row[&format!("probability of {class}")].parse::<f64>().unwrap();
            assert!((of("bar") + of("cross") - 1.0).abs() < 1e-12);
            assert_eq!(row["predicted"] == "bar", of("bar") >= of("cross"));
            assert!(row["path"].contains("many/train"), "{row:?}");
            assert_eq!(seen.insert(row["path"].clone(), fold), None, "held out twice");
        }
        let page = fs::read_to_string(desk.path(&format!("{fold}/report.html"))).unwrap();
        assert!(page.contains(&format!("fold {fold} of 3")));
    }
    assert_eq!(seen.len(), 30, "every image is held out once");
    for class in ["bar", "cross"] {
        let fold = |number: u32| seen[&format!("many/train/{class}/{number:03}.png")];
        assert_eq!((fold(10), fold(12)), (fold(11), fold(13)), "copies are in one fold");
        let of_class = |wanted| (0..15).filter(|&number| fold(number) == wanted).count();
        assert!((1..=3).all(|wanted| (4..=6).contains(&of_class(wanted))), "{seen:?}");
    }
}

#[test]
fn a_comparison_runs_every_fold_and_judges_by_every_training_image() {
    let desk = desk();
    let plain = fs::read_to_string(desk.path("c.toml")).unwrap();
    let grid = "\n[compare]\nmethods = [\"scratch\"]\nseeds = [3, 4]\n[[compare.setting]]\nname = \"slow\"\n\
        set = [\"train.learning_rate=1e-6\"]\n[[compare.setting]]\nname = \"quick\"\nset = [\"train.epochs=6\", \
        \"train.learning_rate=0.01\"]\n";
    desk.write("c.toml", plain + grid);
    let folds = format!("{MANY} --set data.folds=3 --set compare.keep_models=false");
    let folds = format!("{folds} --set compare.judge_by=loss");
    desk.finetune(&format!("{folds} --set compare.jobs=2 --out a")).ends(0, &["run 12/12", "fold 3"]);
    let summary = desk.json("a/summary.json");
    assert_eq!(summary["folds"], 3);
    let cells = summary["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 12);
    let all = rows(&desk, "a/out-of-fold.csv");
    assert_eq!(all.len(), 2 * 2 * 30);
    for setting in ["slow", "quick"] {
        let mut right = Vec::new();
        for seed in ["3", "4"] {
            let here: Vec<_> =
                all.iter().filter(|row| row["setting"] == setting && row["seed"] == seed).collect();
            let paths: BTreeSet<&String> = here.iter().map(|row| &row["path"]).collect();
            assert_eq!((here.len(), paths.len()), (30, 30), "every image once");
            right.push(here.iter().filter(|row| row["label"] == row["predicted"]).count() as f64 / 30.0);
            for class in ["bar", "cross"] {
                let fold = |number: u32| {
                    let name = format!("{class}/{number:03}.png");
                    &here.iter().find(|row| row["path"].ends_with(&name)).unwrap()["fold"]
                };
                assert_eq!((fold(10), fold(12)), (fold(11), fold(13)), "copies");
            }
            for group in 0..15 {
                let folds: BTreeSet<&String> = (here.iter())
                    .filter(|row| row["path"].ends_with(&format!("/{group:03}.png")))
                    .map(|row| &row["fold"])
                    .collect();
                assert_eq!(folds.len(), 1, "group {group}");
            }
        }
        let row = summary["rows"].as_array().unwrap().iter().find(|row| row["method"] == setting).unwrap();
        assert!((row["accuracy_mean"].as_f64().unwrap() - (right[0] + right[1]) / 2.0).abs() < 1e-12);
        assert_eq!(row["seeds"], 2);
        assert!(row["accuracy_interval"]["low"].is_number());
    }
    let effect = &summary["effects"][0];
    assert_eq!((&effect["method"], &effect["seeds"]), (&"quick".into(), &2.into()));
    // By the loss, of which less is better, over all images of both seeds.
    let loss = |setting: &str| {
        let of = |row: &BTreeMap<String, String>| {
            -row[&format!("probability of {}", row["label"])].parse::<f64>().unwrap().ln()
        };
        all.iter().filter(|row| row["setting"] == setting).map(of).sum::<f64>() / 60.0
    };
    let difference = effect["difference"].as_f64().unwrap();
    assert_eq!(effect["metric"], "loss");
    assert!((difference - (loss("quick") - loss("slow"))).abs() < 1e-9, "{effect}");
    assert!(effect["interval"]["low"].as_f64().unwrap() <= difference);
    let verdict = summary["verdict"].to_string();
    assert!(
        verdict.contains("compared by loss") && verdict.contains("nats of loss against slow"),
        "{verdict}"
    );
    let text = summary["verdict"][0].as_str().unwrap();
    assert!(text.contains("3 folds") && text.contains("30 training images"), "{text}");
    // A cell is a run of its own, and the same however many processes share the comparison.
    let cell = cells
        .iter()
        .find(|cell| cell["method"] == "quick" && cell["seed"] == 4 && cell["fold"] == 2)
        .unwrap();
    desk.finetune("--config a/cells/all-images-quick-seed-4-fold-2/config.toml --out alone").ends(0, &[]);
    assert_eq!(desk.json("alone/summary.json")["digests"]["model.safetensors"], cell["model_sha256"]);
    let [one, other] = ["alone", "a/cells/all-images-quick-seed-4-fold-2"]
        .map(|run| fs::read(desk.path(run).join("predictions.csv")).unwrap());
    assert_eq!(one, other);
    // What is there is not run again; the files are made anew.
    fs::remove_dir_all(desk.path("a/cells/all-images-slow-seed-3-fold-1")).unwrap();
    desk.finetune(&format!("{folds} --set compare.jobs=2 --resume a")).ends(0, &["run 12/12"]);
    let again: Value = desk.json("a/summary.json");
    assert_eq!(again["rows"], summary["rows"]);
    assert_eq!(rows(&desk, "a/out-of-fold.csv"), all);
}

/// Without `--vary` and `[compare]` it is the run itself whose accuracy is asked for.
#[test]
fn one_run_alone_is_measured_on_folds() {
    let desk = desk();
    let plain = desk.finetune(&format!("compare {MANY} --folds 3 --seeds 3 --out alone"));
    plain.ends(0, &["run 3/3", "fold 3"]);
    let all = rows(&desk, "alone/out-of-fold.csv");
    let paths: BTreeSet<&String> = all.iter().map(|row| &row["path"]).collect();
    assert_eq!((all.len(), paths.len()), (30, 30), "every image once");
    let right = all.iter().filter(|row| row["label"] == row["predicted"]).count() as f64 / 30.0;
    let summary = desk.json("alone/summary.json");
    assert_eq!(summary["rows"].as_array().unwrap().len(), 1);
    assert!((summary["rows"][0]["accuracy_mean"].as_f64().unwrap() - right).abs() < 1e-12);
    desk.finetune(&format!("compare {MANY} --only none --out bad")).ends(2, &["--vary"]);
}

#[test]
fn folds_that_cannot_be_are_refused_at_their_key() {
    let desk = Desk::new();
    for (keys, says) in [
        (
            "data.folds=3",
            "data.folds: a single run has one fold: say which, data.fold = 1 to 3; `finetune compare`",
        ),
        ("data.fold=1", "data.fold: is one of data.folds"),
        ("data.folds=3 --set data.fold=4", "data.fold: is counted from 1 to data.folds"),
        ("data.folds=1 --set data.fold=1", "data.folds=1: must be at least 2"),
        ("data.folds=50 --set data.fold=50", "data.folds: fold 50 of 50 has no images: there are 12"),
        ("compare.seeds=[1] --set data.folds=3 --set data.fold=1", "data.fold: a comparison runs every fold"),
    ] {
        desk.finetune(&format!("--config c.toml --set {keys} --out bad")).ends(2, &[says]);
        assert!(!desk.path("bad").exists(), "{keys}");
    }
}
