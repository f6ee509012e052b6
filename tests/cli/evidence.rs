//! What a run gives as evidence: calibration and the temperature in the model, gradients along the way, heat maps. From
//! the command line to the files.

use std::fs;
use std::sync::LazyLock;

use crate::support::{Desk, names, safetensors};
use serde_json::Value;

/// A LeNet in `out/`, fine-tuned stage by stage on bars and crosses, of which it has enough to fit a temperature on.
static DESK: LazyLock<Desk> = LazyLock::new(|| {
    let desk = Desk::new();
    for shape in ["bar", "cross"] {
        desk.draw(&format!("data/val/{shape}"), shape, 100..140);
        desk.draw(&format!("data/test/{shape}"), shape, 400..420);
    }
    desk.finetune("--config c.toml --out source --set train.epochs=2").ends(0, &[]);
    fs::copy(desk.path("source/model.safetensors"), desk.path("m.safetensors")).unwrap();
    desk.finetune(&format!("--config c.toml --out out {FINE_TUNE}")).ends(0, &[]);
    desk
});

const FINE_TUNE: &str = "--set model.weights=m.safetensors --set finetune.depth=last:2 --set finetune.thaw.every=2 \
    --set finetune.head_epochs=2 --set train.epochs=3";

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn the_temperature_is_stored_and_makes_the_probabilities() {
    let summary = DESK.json("out/summary.json");
    let temperature = summary["temperature"]["value"].as_f64().unwrap();
    assert_eq!(summary["temperature"]["images"], 80);
    assert!(temperature > 0.0 && (temperature - 1.0).abs() > 1e-3, "{temperature}");
    assert_eq!(
        safetensors::metadata(&DESK.path("out/model.safetensors"))["temperature"],
        temperature.to_string()
    );
    // Fitted on validation images, where it cannot make the loss larger.
    let calibration = &summary["evaluations"][0]["calibration"];
    let loss = |which: &str| calibration[which]["loss"].as_f64().unwrap();
    assert!(loss("scaled") < loss("raw"));
    assert!((loss("raw") - summary["evaluations"][0]["loss"].as_f64().unwrap()).abs() < 1e-9);

    let said = DESK.finetune("predict --run out --json --logits data/test/bar/400.png").ends(0, &[]);
    let line = &lines(&said.stdout)[0];
    // Written as short as single precision allows, so they are read as that.
    let logits: Vec<f32> = serde_json::from_value(line["logits"].clone()).unwrap();
    let apart = (f64::from(logits[0]) - f64::from(logits[1])).abs() / temperature;
    assert!((line["probability"].as_f64().unwrap() - 1.0 / (1.0 + (-apart).exp())).abs() < 1e-9);

    // evaluate counts the same on the test split: the loss as scored, the error as predicted.
    let measured = DESK.finetune("evaluate --run out --data data --json --threads 1").ends(0, &[]);
    let measured = &lines(&measured.stdout)[0];
    let test = &summary["evaluations"][1];
    let close = |a: &Value, b: &Value| (a.as_f64().unwrap() - b.as_f64().unwrap()).abs() < 1e-6;
    assert!(close(&measured["loss"], &test["loss"]));
    assert!(close(&measured["calibration_error"], &test["calibration"]["scaled"]["error"]), "{measured}");
    assert!(close(&measured["temperature"], &summary["temperature"]["value"]));
    let text = DESK.finetune("evaluate --run out --data data").ends(0, &[]).stdout;
    assert!(text.contains(&format!("temperature {temperature}")), "{text}");
}

#[test]
fn gradients_of_live_stages_are_recorded() {
    let metrics = lines(&fs::read_to_string(DESK.path("out/metrics.jsonl")).unwrap());
    let epochs: Vec<&Value> = metrics.iter().filter(|line| line["kind"] == "epoch").collect();
    let summary = DESK.json("out/summary.json");
    assert_eq!(epochs.len(), 5);
    let mut steps = Vec::new();
    for (epoch, summed) in epochs.iter().zip(summary["epochs"].as_array().unwrap()) {
        assert_eq!(epoch["gradients"], summed["gradients"]);
        // Two stages, fc2 and the head, are live from the first epoch of fine-tune on, fc1 from the third.
        let live: &[&str] = match (epoch["phase"].as_str().unwrap(), epoch["epoch"].as_u64().unwrap()) {
            ("train-head", _) => &["head"],
            (_, 1 | 2) => &["fc2", "head"],
            _ => &["fc1", "fc2", "head"],
        };
        for moment in epoch["gradients"].as_array().unwrap() {
            steps.push(moment["step"].as_u64().unwrap());
            let norms = moment["norms"].as_object().unwrap();
            assert_eq!(norms.keys().collect::<Vec<_>>(), live, "{epoch}");
            assert!(norms.values().all(|norm| norm.as_f64().unwrap() > 0.0));
        }
    }
    // Three batches an epoch: every step is looked at while they are few.
    assert_eq!(steps, (1..=15).collect::<Vec<u64>>());
    // Before clipping: the first step sees the same with a bound as without.
    let bound = format!("--config c.toml --out bound {FINE_TUNE} --set train.clip_norm=0.001");
    DESK.finetune(&bound).ends(0, &[]);
    let first = |run: &str| DESK.json(run)["epochs"][0]["gradients"][0].clone();
    assert_eq!(first("bound/summary.json"), first("out/summary.json"));
    let page = fs::read_to_string(DESK.path("out/report.html")).unwrap();
    for chart in ["gradients", "reliability"] {
        assert!(page.contains(&format!("<title id=\"{chart}-title\">")), "{chart}");
    }
}

#[test]
fn samples_come_with_heat_maps_and_leave_the_weights_alone() {
    let summary = DESK.json("out/summary.json");
    let samples = summary["samples"].as_array().unwrap();
    // Six mistakes and six correct predictions at most, the mistakes first.
    let right = |sample: &Value| sample["label"] == sample["predicted"];
    let confusion: Vec<Vec<usize>> =
        serde_json::from_value(summary["evaluations"][1]["confusion"].clone()).unwrap();
    let correct = confusion[0][0] + confusion[1][1];
    let wrong = confusion[0][1] + confusion[1][0];
    assert_eq!(samples.iter().filter(|sample| !right(sample)).count(), wrong.min(6));
    assert_eq!(samples.iter().filter(|sample| right(sample)).count(), correct.min(6));
    assert!(samples.is_sorted_by_key(right), "mistakes come first");
    for sample in samples {
        assert_eq!(sample["heat_map"]["stage"], "conv2");
        let rows = sample["heat_map"]["values"].as_array().unwrap();
        assert!(rows.len() > 1 && rows.iter().all(|row| row.as_array().unwrap().len() == rows.len()));
        let probability = sample["probability"].as_f64().unwrap();
        assert!((0.5..=1.0).contains(&probability));
    }
    // A stage that was never trained is in the saved model as it was in the source.
    let stages = summary["stages"].as_array().unwrap();
    assert!(
        stages.iter().filter(|stage| stage["live"] == false).all(|s| s["digest_before"] == s["digest_after"])
    );
    assert_eq!(names(&DESK.path("out/events")), ["test", "train", "validation"]);
    let inspected = DESK.finetune("inspect out/model.safetensors").ends(0, &[]).stdout;
    assert!(inspected.contains("metadata temperature"), "{inspected}");
}

#[test]
fn without_enough_validation_images_no_temperature_is_stored() {
    let desk = Desk::new();
    desk.finetune("--config c.toml --out few").ends(0, &[]);
    let summary = desk.json("few/summary.json");
    assert_eq!(summary["temperature"]["value"], Value::Null);
    assert!(summary["temperature"]["unfitted"].as_str().unwrap().contains("fewer than 30 validation images"));
    assert_eq!(safetensors::metadata(&desk.path("few/model.safetensors")).get("temperature"), None);
    assert!(desk.path("few/report.html").is_file());

    fs::remove_dir_all(desk.path("data/val")).unwrap();
    desk.finetune("--config c.toml --out none --set data.validation_fraction=0").ends(0, &[]);
    let summary = desk.json("none/summary.json");
    assert!(summary["temperature"]["unfitted"].is_string() && summary["temperature"]["value"].is_null());
    assert!(summary["samples"].as_array().unwrap().is_empty());
    let page = fs::read_to_string(desk.path("none/report.html")).unwrap();
    assert!(page.contains("Gradient flow") && !page.contains("Reliability diagram"));
}

#[test]
fn a_temperature_that_makes_no_probabilities_is_refused() {
    let [right, wrong_file] = ["out", "wrong"].map(|run| DESK.path(run).join("model.safetensors"));
    for wrong in ["0", "-1", "NaN", "inf", "warm"] {
        safetensors::copy_with_metadata(&right, &wrong_file, "temperature", wrong);
        DESK.finetune("predict --run wrong data/test/bar/400.png")
            .ends(1, &["wrong/model.safetensors", "temperature", wrong]);
    }
}

#[test]
fn the_licence_of_the_source_weights_stays_with_what_is_trained_from_them() {
    let [own, licensed] = ["out", "licensed"].map(|run| DESK.path(run).join("model.safetensors"));
    fs::create_dir_all(DESK.path("licensed")).unwrap();
    assert_eq!(safetensors::metadata(&own).get("licence"), None, "it started from none");
    safetensors::copy_with_metadata(&own, &licensed, "licence", "CC-BY-NC-4.0");
    let from =
        "--set model.weights=licensed/model.safetensors --set finetune.depth=head --set train.epochs=1";
    DESK.finetune(&format!("--config c.toml {from} --out from-licensed")).ends(0, &[]);
    let trained = DESK.path("from-licensed/model.safetensors");
    assert_eq!(safetensors::metadata(&trained)["licence"], "CC-BY-NC-4.0");
    let inspected = DESK.finetune("inspect from-licensed/model.safetensors").ends(0, &[]).stdout;
    assert!(inspected.contains("CC-BY-NC-4.0"), "{inspected}");
}
