//! The textbook's claims run as experiments from the configurations that the guide names.

#[expect(dead_code, reason = "nobody looks into a folder here")]
mod support;

use std::path::Path;

use serde_json::Value;
use support::Desk;

/// Runs a configuration of the guide on the desk's pictures, as little of it as can be, and gives its summary.
#[track_caller]
fn claim(desk: &Desk, name: &str, sets: &[&str], out: &str) -> Value {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../configs/claims/{name}.toml"));
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
    assert!(cells(&letters).iter().all(|cell| cell["groups"]["unshared"].is_number()));
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
    for said in ["The gap between training accuracy", "The gradient norm of the earliest trained stage"] {
        assert!(verdict.contains(said), "{said}: {verdict}");
    }
}

#[test]
fn the_claims_about_depth_and_gradients_run_from_their_configurations() {
    let desk = Desk::new();
    let flow = claim(&desk, "gradient_flow", &SMALL, "flow");
    assert_eq!(cells(&flow).len(), 3, "plain, with batch-norm, with shortcuts");
    let verdict = flow["verdict"].to_string();
    assert!(verdict.contains("The gradient norm of the earliest trained stage"), "{verdict}");
    let input = "data.input={resize=32,crop=32,interpolation=\"bilinear\",channels=3,\
                 mean=[0.5,0.5,0.5],std=[0.5,0.5,0.5]}";
    desk.finetune(&format!("--config c.toml --set model.arch=efficientnet_lite0 --set {input} --out source"))
        .ends(0, &[]);
    let sets = ["model.weights=source/model.safetensors", "finetune.head_epochs=1", input];
    let depths = claim(&desk, "how_far_back", &[&SMALL[..], &sets].concat(), "depths");
    let names: Vec<&str> = cells(&depths).iter().map(|cell| cell["method"].as_str().unwrap()).collect();
    let expected =
        ["head", "last 1", "last 2", "last 4", "all", "last 4, source statistics", "all, source statistics"];
    assert_eq!(names, expected);
}

fn cells(summary: &Value) -> &Vec<Value> {
    summary["cells"].as_array().unwrap()
}
