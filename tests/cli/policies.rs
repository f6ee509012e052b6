//! Policies: what only some runs of a comparison use, the plan before training, the range test.

use std::fs;

use crate::support::names;
use crate::support::short_runs::{COLOUR, DESK};
use serde_json::Value;

/// What one depth or technique of a comparison does not use is no mistake, and its configuration can be run again.
#[test]
fn a_comparison_has_values_that_not_all_of_its_runs_use() {
    let desk = &*DESK;
    let unused = [
        "train.epochs=1",
        "finetune.rate_scale=0.4",
        "finetune.rate_decay=0.5",
        "regularize.weight_decay=0",
        "regularize.decay=all",
    ];
    let small = format!("model.arch=efficientnet_lite0 --set {COLOUR}");
    let source = format!("--config source.toml --out efficient --set {small}");
    desk.finetune(&source).ends(0, &[]);
    let weights = "--set model.weights=efficient/model.safetensors --set regularize.stochastic_depth=0.2";
    let run = format!("--config c.toml --set {small} {weights} --set {}", unused.join(" --set "));
    // The last stage of an EfficientNet is a convolution; four blocks are in the one before the one before it.
    let last =
        desk.finetune(&format!("{run} --set regularize.l1=1e-6 --set finetune.depth=last:1 --out idle"));
    last.ends(2, &["regularize.stochastic_depth"]);
    let compare = format!("compare {run} --vary depth --depths head,last:1,last:3 --seeds 0 --out unused");
    desk.finetune(&compare).ends(0, &["run 3/3"]);
    for cell in desk.json("unused/summary.json")["cells"].as_array().unwrap() {
        let method = cell["method"].as_str().unwrap().replace(' ', "-");
        let config = format!("unused/cells/all-images-{method}-seed-0/config.toml");
        let text = fs::read_to_string(desk.path(&config)).unwrap();
        assert_eq!(text.contains("stochastic_depth"), method == "last-3", "{text}");
        desk.finetune(&format!("--config {config} --out again-{method}")).ends(0, &[]);
        let again = desk.json(&format!("again-{method}/summary.json"));
        assert_eq!(again["digests"]["model.safetensors"], cell["model_sha256"], "{method}");
    }
}

#[test]
fn the_plan_is_shown_before_training_and_drawn_in_the_report() {
    let desk = &*DESK;
    let thaw = "--config c.toml --out plan --set finetune.thaw.every=2 --set finetune.rate_decay=0.5";
    desk.finetune(thaw).ends(
        0,
        &[
            "train-head: 1 epoch of 4 steps, adamw, cosine",
            "fine-tune: 3 epochs of 4 steps",
            "epoch 3",
            "conv1",
        ],
    );
    let page = fs::read_to_string(desk.path("plan/report.html")).unwrap();
    // A mark for the stages that unfreeze in each epoch after the first.
    assert!(page.contains("fc1 thaws"), "no mark for fc1 in epoch 3");
    let summary = desk.json("plan/summary.json");
    let rates = summary["plan"][1]["epoch_rates"].as_array().unwrap();
    assert_eq!((rates.len(), rates[0].as_f64()), (3, Some(1e-3)));
}

#[test]
fn the_range_test_suggests_a_rate_and_writes_its_page_only() {
    let desk = &*DESK;
    let before = fs::read(desk.path("m.safetensors")).unwrap();
    let find = "lr-find --config c.toml --steps 40 --lowest 1e-5 --set train.batch_size=13";
    let ran = desk.finetune(&format!("{find} --out found --json")).ends(0, &[]);
    let record: Value = serde_json::from_str(&ran.stdout).unwrap();
    let suggested = record["suggested"].as_f64().unwrap();
    let [steepest, tenth] = ["steepest", "tenth_of_lowest"].map(|key| record[key].as_f64().unwrap());
    assert_eq!(suggested, steepest.min(tenth));
    assert!((1e-5..1.0).contains(&suggested), "{suggested}");
    let points = record["points"].as_array().unwrap();
    assert!(points.len() > 10 && points.len() <= 40);
    assert_eq!(names(&desk.path("found")), ["report.html"]);
    assert_eq!(before, fs::read(desk.path("m.safetensors")).unwrap());
    // A row for every step, and the curve.
    let page = fs::read_to_string(desk.path("found/report.html")).unwrap();
    assert_eq!(page.matches("<th class=\"num\" scope=\"row\">").count(), points.len());
    assert!(page.contains("<title id=\"range-title\">"));

    // The same again in words; and a place that is taken stays as it is.
    let said = desk.finetune(&format!("{find} --out again")).ends(0, &[]).stdout;
    assert!(said.contains("train.learning_rate = ") && said.contains("again/report.html"), "{said}");
    desk.finetune(&format!("{find} --out again")).ends(1, &["again exists already", "--out"]);
    desk.finetune("lr-find --config c.toml --highest 1e-9 --out none").ends(2, &["--lowest"]);
}
