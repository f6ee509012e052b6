//! Which weights of a run become its model, for how long it is trained, and what it decides before it begins.

use serde_json::Value;

use crate::support::safetensors;
use crate::support::short_runs::DESK;

const BEST: &str = "--config c.toml --set train.keep=best";

fn validation_losses(summary: &Value) -> Vec<f64> {
    summary["epochs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|epoch| epoch["validation_loss"].as_f64().unwrap())
        .collect()
}

fn lowest(losses: &[f64]) -> f64 {
    losses.iter().copied().fold(f64::INFINITY, f64::min)
}

/// Runs, and asserts that what is measured in the end is what was kept. Returns the summary.
#[track_caller]
fn ran(arguments: &str, out: &str) -> Value {
    DESK.finetune(&format!("{arguments} --out {out}")).ends(0, &[]);
    let summary = DESK.json(&format!("{out}/summary.json"));
    let measured = &summary["evaluations"][0];
    let (kept, chosen) = (&summary["kept"], &measured["chosen_on_these_images"]);
    match kept["metric"].as_str() {
        Some(metric) => {
            let found = measured[metric].as_f64().unwrap();
            assert!((found - kept["value"].as_f64().unwrap()).abs() < 1e-9, "{out}: {found} {kept}");
            assert_eq!((chosen, &kept["chosen_on"]), (&true.into(), &"validation".into()));
        }
        None => assert_eq!(chosen, &Value::from(false)),
    }
    summary
}

fn model(summary: &Value) -> &str {
    summary["digests"]["model.safetensors"].as_str().unwrap()
}

#[test]
fn a_head_that_fine_tuning_made_worse_is_kept_whatever_else_is_asked_for() {
    let desk = &*DESK;
    // The labels of the validation images are crossed: the better the network, the higher their loss.
    for (class, shape) in [("bar", "cross"), ("cross", "bar")] {
        desk.draw(&format!("crossed/train/{class}"), class, 0..9);
        desk.draw(&format!("crossed/val/{class}"), shape, 0..9);
    }
    let run = format!("{BEST} --set data.root=crossed --set train.learning_rate=0.005");
    for (set, name) in [
        ("", "plain"),
        ("--set regularize.early_stopping=1", "stopped"),
        ("--set train.ema=0.5", "ema"),
        ("--set train.swa_from=2", "swa"),
        ("--set finetune.thaw.every=1", "thaw"),
    ] {
        let summary = ran(&format!("{run} {set}"), &format!("worse-{name}"));
        let (kept, losses) = (&summary["kept"], validation_losses(&summary));
        assert_eq!((kept["phase"].as_str(), kept["epoch"].as_u64()), (Some("train-head"), Some(1)), "{name}");
        assert_eq!(kept["value"].as_f64(), Some(lowest(&losses)), "{name}: {losses:?}");
        // The body is the source's.
        let stages = summary["stages"].as_array().unwrap();
        let (head, body) = stages.split_last().unwrap();
        assert!(body.iter().all(|stage| stage["digest_before"] == stage["digest_after"]), "{name}");
        assert_ne!(head["digest_before"], head["digest_after"], "{name}");
        let what = summary["steps"][4]["what"].as_str().unwrap();
        assert!(what.contains("kept epoch 1 of train-head, the lowest validation loss"), "{what}");
        assert!(!what.contains("the model is the m"), "{what}");
        assert_eq!(what.contains("stopped early"), name == "stopped", "{what}");
    }
    let page = std::fs::read_to_string(desk.path("worse-plain/report.html")).unwrap();
    assert!(page.contains("chosen on these images") && page.contains("epoch 1 of train-head"));
    let last = ran(&format!("{run} --set train.keep=last"), "worse-last");
    assert_eq!((last["kept"]["epoch"].as_u64(), &last["kept"]["metric"]), (Some(3), &Value::Null));
    assert_eq!(last["evaluations"][0]["loss"].as_f64(), validation_losses(&last).last().copied());
}

#[test]
fn averages_are_judged_as_the_model_that_they_are() {
    // Validated on what it is trained on, the network gets better to the end.
    for class in ["bar", "cross"] {
        DESK.draw(&format!("seen/train/{class}"), class, 0..9);
        DESK.draw(&format!("seen/val/{class}"), class, 0..9);
    }
    // The moving average is validated after each epoch; the mean over epochs at the end, when it is whole.
    for (set, name) in [("train.ema=0.5", "ema"), ("train.swa_from=2", "swa")] {
        let run = format!("{BEST} --set data.root=seen --set {set}");
        let best = ran(&run, &format!("average-{name}"));
        let last = ran(&format!("{run} --set train.keep=last"), &format!("average-{name}-last"));
        let what = best["steps"][4]["what"].as_str().unwrap();
        assert_eq!(best["kept"]["epoch"].as_u64(), Some(3), "{name}: {what}");
        assert_eq!(model(&best), model(&last), "{name}");
        assert!(what.contains("the model is the m"), "{what}");
    }
}

#[test]
fn metrics_choose_by_themselves() {
    for (metric, key) in [
        ("accuracy", "validation_accuracy"),
        ("balanced_accuracy", "validation_balanced_accuracy"),
        ("f1", "validation_f1"),
    ] {
        let out = format!("by-{metric}");
        DESK.finetune(&format!("{BEST} --set train.metric={metric} --set train.epochs=4 --out {out}"))
            .ends(0, &[]);
        let summary = DESK.json(&format!("{out}/summary.json"));
        let values = summary["epochs"].as_array().unwrap().iter().map(|epoch| epoch[key].as_f64().unwrap());
        let highest = values.fold(f64::NEG_INFINITY, f64::max);
        let kept = &summary["kept"];
        assert_eq!((kept["value"].as_f64(), kept["metric"].as_str()), (Some(highest), Some(metric)));
    }
}

/// Numbers that run away leave the weights of the beginning of the epoch, whatever would be kept.
#[test]
fn a_diverging_run_keeps_the_last_good_weights() {
    let tensors = |out: &str, set: &str| {
        let run = "--config c.toml --set train.schedule=constant --set train.epochs=3 --set finetune.thaw.at={fc1=3} --set finetune.rates={fc1=1e45}";
        DESK.finetune(&format!("{run} --set {set} --out {out}")).ends(1, &["in fine-tune, epoch 3"]);
        safetensors::read(&DESK.path(&format!("{out}/checkpoints/last-good.safetensors")))
    };
    assert!(tensors("away-best", "train.keep=best") == tensors("away-last", "train.keep=last"));
}

#[test]
fn what_is_decided_is_shown_and_written_into_the_configuration() {
    let desk = &*DESK;
    let text = std::fs::read_to_string(desk.path("c.toml")).unwrap();
    desk.write("open.toml", text.replace("epochs = 3\n", "").replace("keep = \"last\"\n", ""));
    let steps = |summary: &Value, phase: usize| {
        let plan = &summary["plan"][phase];
        (plan["epochs"].as_u64().unwrap(), plan["steps_per_epoch"].as_u64().unwrap())
    };
    let open = desk.finetune("--config open.toml --out open").ends(0, &["train.epochs = ", "500"]);
    assert!(open.stdout.contains("Decided: train.epochs = "), "{}", open.stdout);
    let summary = desk.json("open/summary.json");
    let (epochs, per_epoch) = steps(&summary, 1);
    assert!(epochs * per_epoch >= 500 && (epochs - 1) * per_epoch < 500, "{epochs} {per_epoch}");
    // The head is trained for as long as before.
    assert_eq!(steps(&summary, 0).0, 1);
    let decision = &summary["decisions"][0];
    assert_eq!((&decision["key"], &decision["value"]), (&"train.epochs".into(), &epochs.to_string().into()));
    assert_eq!(summary["plan"][0]["epochs_by"], "finetune.head_epochs");
    assert_eq!(summary["plan"][1]["epochs_by"], "the rule of 500 steps");
    assert_eq!(summary["kept"]["chosen_on"], "validation");
    // Epochs of a step or two are not each validated, and the last is.
    let run = summary["epochs"].as_array().unwrap().iter().filter(|epoch| epoch["phase"] == "fine-tune");
    let validated: Vec<u64> = run
        .filter(|epoch| epoch["validation_loss"].is_number())
        .map(|epoch| epoch["epoch"].as_u64().unwrap())
        .collect();
    let every = epochs.div_ceil(50);
    assert!(every > 1, "{epochs}");
    let expected = (1..=epochs).filter(|epoch| epoch % every == 0 || *epoch == epochs).collect::<Vec<_>>();
    assert_eq!(validated, expected);
    // The kept configuration says it all, and decides nothing.
    desk.finetune("--config open/config.toml --out open-again").ends(0, &[]);
    let again = desk.json("open-again/summary.json");
    assert_eq!((&again["decisions"], steps(&again, 1)), (&Value::Array(vec![]), (epochs, per_epoch)));
    assert_eq!(model(&again), model(&summary));
    assert_eq!(again["plan"][1]["epochs_by"], "train.epochs");
    // Either key is kept to.
    for (set, expected, by) in [
        ("train.epochs=2", 2, "train.epochs"),
        ("train.min_steps=9", 5, "train.epochs"),
        ("train.min_steps=99", 25, "train.min_steps"),
    ] {
        let out = format!("given-{expected}");
        desk.finetune(&format!("--config open.toml --set {set} --out {out}")).ends(0, &[]);
        let summary = desk.json(&format!("{out}/summary.json"));
        let found = (steps(&summary, 1), summary["plan"][1]["epochs_by"].as_str());
        assert_eq!(found, ((expected, 4), Some(by)), "{set}");
    }
}

#[test]
fn wise_ft_mixes_the_fine_tuned_weights_with_those_before() {
    let desk = &*DESK;
    let run = "--config c.toml --set run.checkpoints=steps";
    let plain = ran(run, "tuned");
    let mixed = ran(&format!("{run} --set finetune.wise_ft=0.25"), "mixed");
    let whole = ran(&format!("{run} --set finetune.wise_ft=1.0"), "mixed-whole");
    assert_eq!(model(&plain), model(&whole));
    assert_ne!(model(&plain), model(&mixed));
    let read = |file: &str| safetensors::read(&desk.path(file));
    let (begin, end) = (read("tuned/checkpoints/train-head.safetensors"), read("tuned/model.safetensors"));
    for (name, found) in read("mixed/model.safetensors") {
        let ends = safetensors::values(&begin[&name]).into_iter().zip(safetensors::values(&end[&name]));
        for (found, (begin, end)) in safetensors::values(&found).into_iter().zip(ends) {
            assert!((found - (begin + 0.25 * (end - begin))).abs() < 1e-6, "{name}");
        }
    }
    assert!(mixed["steps"][4]["what"].as_str().unwrap().contains("0.25 of these weights"));
}
