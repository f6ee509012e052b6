//! What step `head` does apart from replacing one layer: a head that is kept, and a whole classifier that is new.

use std::fs;

use crate::pth;
use crate::support::{Desk, SCRATCH, names};
use serde_json::Value;

/// From the model in `source/` to the images it was trained on, its head kept.
const KEPT: &str = "--config c.toml --set model.weights=source/model.safetensors --set finetune.depth=head \
                    --set finetune.head=keep";

fn logits(desk: &Desk, run: &str) -> Vec<Value> {
    let ran =
        desk.finetune(&format!("predict --run {run} --device cpu --threads 1 --json --logits data/val"));
    let lines = ran.ends(0, &[]).stdout;
    lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["logits"].clone()).collect()
}

fn step(desk: &Desk, run: &str, place: usize) -> String {
    desk.json(&format!("{run}/summary.json"))["steps"][place]["what"].as_str().unwrap().to_owned()
}

#[test]
fn a_head_that_is_kept_says_what_it_said_and_is_trained_on() {
    let desk = Desk::new();
    desk.finetune("--config c.toml --out source").ends(0, &[]);
    // A rate at which no weight changes by its last digit.
    desk.finetune(&format!("{KEPT} --out still --set train.learning_rate=1e-30")).ends(0, &[]);
    assert_eq!(logits(&desk, "still"), logits(&desk, "source"));
    assert!(step(&desk, "still", 2).contains("fc3"), "{}", step(&desk, "still", 2));
    desk.finetune(&format!("{KEPT} --out trained")).ends(0, &[]);
    assert_ne!(logits(&desk, "trained"), logits(&desk, "source"));
    // A new head, at the same rate, says something else.
    let new = KEPT.replace("head=keep", "head=new");
    desk.finetune(&format!("{new} --out new --set train.learning_rate=1e-30")).ends(0, &[]);
    assert_ne!(logits(&desk, "new"), logits(&desk, "source"));
    assert_ne!(step(&desk, "new", 2), step(&desk, "still", 2));
    // Pulled to the source, it is pulled to the source's head as well.
    let pulled = format!("{KEPT} --out pulled --set finetune.depth=all --set regularize.l2_sp={{}}");
    desk.finetune(&pulled).ends(0, &[]);
    // Classes of other names are others.
    let rename = |from: &str, to: &str| {
        for split in ["train", "val"] {
            fs::rename(desk.path(&format!("data/{split}/{from}")), desk.path(&format!("data/{split}/{to}")))
                .unwrap();
        }
    };
    rename("bar", "new-bar");
    let says = ["finetune.head", "bar, cross", "cross, new-bar", "\"new\""];
    desk.finetune(&format!("{KEPT} --out renamed")).ends(2, &says);
    rename("new-bar", "bar");
    // Of the same names in another order the rows follow: the same model with its classes turned round, in its file and in
    // its head, is the same model.
    let turned = desk.path("turned.safetensors");
    turn_round(&desk.path("source/model.safetensors"), &turned);
    let kept = KEPT.replace("source/model.safetensors", "turned.safetensors");
    desk.finetune(&format!("{kept} --out turned --set train.learning_rate=1e-30")).ends(0, &[]);
    assert_eq!(logits(&desk, "turned"), logits(&desk, "source"));
    assert_ne!(step(&desk, "turned", 2), step(&desk, "still", 2), "the rows were put into another order");
}

/// A model with its two classes in the other order: the rows of the head and the names.
fn turn_round(from: &std::path::Path, to: &std::path::Path) {
    let mut model = checkpoint::read(from).unwrap();
    for name in ["fc3.weight", "fc3.bias"] {
        let array = model.tensors.get_mut(name).unwrap();
        let half = array.data.len() / 2;
        array.data.rotate_left(half);
    }
    let classes: Vec<String> = serde_json::from_str(&model.metadata["classes"]).unwrap();
    let classes: Vec<&String> = classes.iter().rev().collect();
    model.metadata.insert("classes".to_owned(), serde_json::to_string(&classes).unwrap());
    checkpoint::safetensors_file::write(to, &model.tensors, &model.metadata).unwrap();
}

#[test]
fn a_head_that_cannot_be_kept_is_refused_at_its_line() {
    let desk = Desk::new();
    desk.finetune("--config c.toml --out source").ends(0, &[]);
    let keep = |depth: &str| {
        SCRATCH
            .replace("depth = \"scratch\"", &format!("depth = \"{depth}\"\nhead = \"keep\""))
            .replace("\"none\"", "\"source/model.safetensors\"")
    };
    desk.write("c.toml", keep("head"));
    let run = "--config c.toml --out out";
    desk.finetune(&format!("{run} --set regularize.co_tuning={{}} --set finetune.depth=all"))
        .ends(2, &["regularize.co_tuning"]);
    desk.draw("data/train/disc", "disc", 0..6);
    let says = ["c.toml:10:8", "finetune.head", "2", "3", "\"new\""];
    desk.finetune(run).ends(2, &says);
    desk.write("c.toml", keep("scratch"));
    desk.finetune(run).ends(2, &["c.toml:10:8", "finetune.head"]);
    desk.write("c.toml", keep("head").replace("\"keep\"", "\"kept\""));
    desk.finetune(run).ends(2, &["c.toml:10:8", "keep"]);
    assert!(!desk.path("out").exists());
}

/// AlexNet, whose classifier is two layers more than its head, from a file of its convolutions.
#[test]
fn a_classifier_that_the_weights_lack_is_new_and_trained_at_every_depth() {
    let desk = Desk::new();
    let mut tensors = pth::filled("alexnet");
    let whole = tensors.len();
    tensors.retain(|(name, ..)| name.starts_with("features.") || name == "classifier.1.bias");
    pth::write_zip(&desk.path("part.pth"), &tensors);
    tensors.retain(|(name, ..)| name.starts_with("features."));
    pth::write_zip(&desk.path("features.pth"), &tensors);
    let input = "\n[data.input]\nresize = 64\ncrop = 64\ninterpolation = \"bilinear\"\nchannels = 3\n\
                 mean = [0.5, 0.5, 0.5]\nstd = [0.5, 0.5, 0.5]\n";
    // Plain descent in one batch: the large layers need no memory apart from their gradients.
    let plain = "optimizer = \"sgd\"\nsgd = { momentum = 0.0 }\nlearning_rate = 1e-4\nbatch_size = 12";
    desk.write("c.toml", format!("{}{input}", SCRATCH.replace("batch_size = 4", plain)));
    let run =
        "--config c.toml --set model.arch=alexnet --set run.checkpoints=none --set finetune.head_epochs=1";

    for (depth, live) in
        [("head", &["classifier", "head"][..]), ("last:1", &["block3", "classifier", "head"])]
    {
        let arguments =
            format!("{run} --out out --set model.weights=features.pth --set finetune.depth={depth}");
        desk.finetune(&arguments).ends(0, &[]);
        let summary = desk.json("out/summary.json");
        assert_eq!(summary["load"]["loaded"], tensors.len());
        assert_eq!(summary["load"]["missing"].as_array().unwrap().len(), whole - tensors.len());
        let stages = summary["stages"].as_array().unwrap().iter();
        let moved = stages.filter(|stage| stage["digest_before"] != stage["digest_after"]);
        let moved: Vec<&str> = moved.map(|stage| stage["name"].as_str().unwrap()).collect();
        assert_eq!(moved, live, "{depth}");
        let what = step(&desk, "out", 2);
        assert!(what.contains("classifier"), "{what}");
        // The step that prepares the new layers trains all of them.
        let what = step(&desk, "out", 3);
        assert!(what.contains("classifier"), "{what}");
        // As the head does, at the whole rate.
        let scales: Vec<_> = summary["stages"].as_array().unwrap().iter().map(|s| &s["rate_scale"]).collect();
        assert_eq!(scales[scales.len() - 2], 1.0, "{depth}");
        fs::remove_dir_all(desk.path("out")).unwrap();
    }
    let keep = format!("{run} --out out --set model.weights=features.pth --set finetune.depth=head");
    desk.finetune(&format!("{keep} --set finetune.head=keep")).ends(2, &["finetune.head"]);
    // A part of a classifier is a damaged one.
    desk.finetune(&keep.replace("features.pth", "part.pth")).ends(1, &["part.pth: ", "alexnet"]);
    assert!(!names(&desk.path("")).contains(&"out".to_owned()));
}
