//! The textbook's claims run as experiments from the configurations that the guide names.

use crate::repository;
use crate::support::Desk;
use serde_json::Value;

/// Runs a configuration of the guide on the desk's images, as little of it as can be, and gives its summary.
#[track_caller]
fn claim(desk: &Desk, name: &str, sets: &[&str], out: &str) -> Value {
    let config = repository().join(format!("configs/claims/{name}.toml"));
    let mut arguments = format!("--config {} --set data.root=data --out {out}", config.display());
    for set in sets.iter().chain(&["train.epochs=1", "run.workers=1"]) {
        arguments += &format!(" --set {set}");
    }
    desk.finetune(&arguments).ends(0, &[]);
    desk.json(&format!("{out}/summary.json"))
}

const SMALL: [&str; 4] =
    ["compare.images_per_class=[2]", "compare.seeds=[0]", "compare.jobs=1", "train.min_steps=1"];

#[test]
fn the_claims_about_letters_and_capacity_run_from_their_configurations() {
    let desk = Desk::new();
    let run = |name: &str, sets: &[&str], out: &str| claim(&desk, name, sets, out);
    run("latin_letters", &[], "latin");
    let small = SMALL;
    let transferred = ["model.weights=latin/model.safetensors", "finetune.head_epochs=1"];
    let group = ["data.groups={unshared=[\"bar\"]}"];
    let letters = run("latin_to_cyrillic", &[&small[..], &transferred, &group].concat(), "letters");
    assert_eq!(cells(&letters).len(), 3, "scratch, the head, everything");
    for cell in cells(&letters) {
        // Two of the four validation images are of this group.
        assert!([0.0, 0.5, 1.0].contains(&cell["groups"]["unshared"].as_f64().unwrap()), "{cell}");
    }
    let photos = run("letters_to_photos", &[&small[..], &transferred].concat(), "photos");
    assert_eq!(cells(&photos).len(), 3, "scratch, the head, everything");
    // Each against training from scratch, which comes first.
    assert_eq!(methods(&photos), ["scratch", "head", "fine-tune"]);
    let verdict = photos["verdict"].to_string();
    assert!(verdict.contains("training from scratch"), "{verdict}");
    let capacity = run("capacity", &small, "capacity");
    assert_eq!(cells(&capacity).len(), 5);
    // What the claim is about: accuracy in training next to that in validation.
    for row in capacity["rows"].as_array().unwrap() {
        for accuracy in [&row["train_accuracy"]["mean"], &row["accuracy_mean"]] {
            assert!((0.0..=1.0).contains(&accuracy.as_f64().unwrap()), "{row}");
        }
    }
}

#[test]
fn the_claims_about_depth_and_gradients_run_from_their_configurations() {
    let desk = Desk::new();
    let flow = claim(&desk, "gradient_flow", &SMALL, "flow");
    assert_eq!(cells(&flow).len(), 3, "plain, with batch-norm, with shortcuts");
    for cell in cells(&flow) {
        assert!(cell["training"]["gradient_ratio"].as_f64().unwrap() > 0.0, "{cell}");
    }
    let input = "data.input={resize=32,crop=32,interpolation=\"bilinear\",channels=3,\
                 mean=[0.5,0.5,0.5],std=[0.5,0.5,0.5]}";
    desk.finetune(&format!("--config c.toml --set model.arch=efficientnet_lite0 --set {input} --out source"))
        .ends(0, &[]);
    let sets = ["model.weights=source/model.safetensors", "finetune.head_epochs=1", input];
    let depths = claim(&desk, "how_far_back", &[&SMALL[..], &sets].concat(), "depths");
    let expected =
        ["head", "last 1", "last 2", "last 4", "all", "last 4, source statistics", "all, source statistics"];
    assert_eq!(methods(&depths), expected);
}

fn methods(summary: &Value) -> Vec<&str> {
    cells(summary).iter().map(|cell| cell["method"].as_str().unwrap()).collect()
}

fn cells(summary: &Value) -> &Vec<Value> {
    summary["cells"].as_array().unwrap()
}
