//! Heads that a solver computes: what is recorded, what is predicted, and what is refused.

use std::fs;

use crate::support::transfer::{LENET, TRANSFER, trained};
use serde_json::Value;

#[test]
fn a_head_that_is_computed_takes_no_epochs_and_is_recorded() {
    let held_out = "5 folds";
    for solver in ["ridge", "logistic"] {
        let settings = format!("{TRANSFER} --set finetune.depth=head --set finetune.head_solver={solver}");
        let out = format!("solved-{solver}");
        let ran = LENET.finetune(&format!("{settings} --out {out}")).ends(0, &[]);
        let summary = LENET.json(&format!("{out}/summary.json"));
        assert_eq!(summary["epochs"], Value::Array(Vec::new()));
        let fit = &summary["head_fit"];
        assert_eq!((&fit["solver"], &fit["held_out"]), (&solver.into(), &held_out.into()), "{fit}");
        assert_eq!((&fit["images"], &fit["features"]), (&15.into(), &84.into()));
        let of = |key: &str| fit[key].as_f64().unwrap();
        assert!(of("penalty") > 0.0 && (0.0..=1.0).contains(&of("accuracy")) && of("loss") > 0.0, "{fit}");
        let what = summary["steps"][3]["what"].as_str().unwrap();
        for part in [solver, "penalty", held_out, "loss"] {
            assert!(what.contains(part), "{what}");
        }
        assert!(ran.stderr.contains(what) && ran.stdout.contains(solver), "{}", ran.stderr);
        let metrics = fs::read_to_string(LENET.path(&format!("{out}/metrics.jsonl"))).unwrap();
        let line: Value = serde_json::from_str(metrics.trim()).unwrap();
        assert_eq!((&line["kind"], &line["penalty"]), (&"head".into(), &fit["penalty"]));
        let page = fs::read_to_string(LENET.path(&format!("{out}/report.html"))).unwrap();
        assert!(page.contains(what.split(": ").nth(1).unwrap()), "{what}");
        // The model is what was measured.
        let ran = LENET.finetune(&format!("evaluate --run {out} --data new --device cpu --threads 1 --json"));
        let measured: Value = serde_json::from_str(ran.ends(0, &[]).stdout.lines().last().unwrap()).unwrap();
        let test = summary["evaluations"].as_array().unwrap().last().unwrap();
        assert_eq!(measured["accuracy"], test["accuracy"]);
        // The same head, whether features are kept or not.
        let (off, _) = trained(&LENET, &format!("{out}-off"), &format!("{settings} --set run.cache=off"));
        assert_eq!(summary["digests"]["model.safetensors"], off);
    }
}

#[test]
fn fine_tuning_begins_with_the_computed_head() {
    let settings = format!(
        "{TRANSFER} --set finetune.head_solver=ridge --set finetune.depth=last:1 --set train.epochs=2 \
         --set finetune.taps=[\"conv2\",\"fc2\"] --set train.keep=last"
    );
    let (_, still) = trained(&LENET, "ridge-still", &format!("{settings} --set train.learning_rate=1e-30"));
    let head = settings.replace("last:1", "head");
    let (_, alone) = trained(&LENET, "ridge-alone", &head);
    let digest = |summary: &Value| {
        summary["stages"].as_array().unwrap().last().unwrap()["digest_after"].as_str().unwrap().to_owned()
    };
    assert_eq!(digest(&still), digest(&alone), "at a rate at which nothing moves it is the computed head");
    assert_eq!(still["head_fit"]["penalty"], alone["head_fit"]["penalty"]);
    assert_eq!(alone["ending"]["features"], 100);
    let phases: Vec<&str> =
        still["epochs"].as_array().unwrap().iter().map(|epoch| epoch["phase"].as_str().unwrap()).collect();
    assert_eq!(phases, ["fine-tune", "fine-tune"]);
    let (moved, summary) = trained(&LENET, "ridge-tuned", &settings);
    assert_ne!(digest(&summary), digest(&alone));
    let (off, _) = trained(&LENET, "ridge-off", &format!("{settings} --set run.cache=off"));
    assert_eq!(moved, off);
}

#[test]
fn what_varies_or_cannot_be_computed_is_refused_at_its_key() {
    let refused = |settings: &str, says: &[&str]| {
        let ridge = "--set finetune.depth=head --set finetune.head_solver=ridge";
        LENET.finetune(&format!("{TRANSFER} {ridge} {settings} --out x")).ends(2, says);
    };
    refused("--set augment.horizontal_flip=0.5", &["augment.horizontal_flip", "finetune.head_solver"]);
    refused("--set augment.views=2 --set augment.rotation=9", &["augment.rotation"]);
    refused("--set regularize.mixup=0.2", &["regularize.mixup"]);
    refused("--set regularize.dropout=0.2", &["regularize.dropout"]);
    refused("--set train.ema=0.9", &["train.ema"]);
    refused("--set finetune.head_epochs=5", &["finetune.head_epochs"]);
    refused("--set finetune.depth=scratch", &["finetune.head_solver", "scratch"]);
    refused("--set finetune.head=keep", &["finetune.head_solver", "finetune.head"]);
    refused("--set finetune.head_solver=newton", &["head_solver", "ridge"]);
}
