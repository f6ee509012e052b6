//! The keys that programs read of `--json` and of `metrics.jsonl`, as the program writes them. Keys may be added to the
//! list; none may be renamed or removed. Those of `summary.json` are listed in `crates/report/tests/report/keys.txt`.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::support::key_paths::{assert_listed, key_paths};
use crate::support::short_runs::DESK;

/// Objects whose keys are names of element types, metadata or stages.
const NAMED_FREELY: [&str; 4] = ["element_types", "metadata", "norms", "probabilities"];

/// Keys of the JSON values in a text, which follow each other.
fn keys(text: &str) -> BTreeSet<String> {
    let values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
    values.flat_map(|value| key_paths(&value.unwrap(), &NAMED_FREELY)).collect()
}

#[test]
fn keys_of_json_outputs_stay_as_they_are() {
    let desk = &*DESK;
    let model = "--arch lenet5_relu --weights m.safetensors --device cpu";
    desk.write("odd/bar/000.png", fs::read(desk.path("data/val/bar/100.png")).unwrap());
    desk.write("odd/cross/broken.png", "no image");
    let wide = image::ImageBuffer::from_pixel(32, 32, image::Luma([1000_u16]));
    wide.save(desk.path("odd/cross/wide.png")).unwrap();
    let run = |arguments: &str| desk.finetune(arguments).ends(0, &[]);
    let predicted = run(&format!(
        "predict {model} --json --logits --at-least 0.9 --neighbors 1 --data data --heat-maps odd-maps odd"
    ));
    let last = predicted.stderr.lines().next_back().unwrap();
    let evaluated = run(&format!("evaluate {model} --json --data odd"));
    // A file that no network fits, for what is nearest to it.
    let mut tensors = checkpoint::read(&desk.path("m.safetensors")).unwrap().tensors;
    tensors.remove("conv1.weight");
    crate::support::safetensors::write(&desk.path("part.safetensors"), &tensors);
    let inspected = ["m.safetensors", "part.safetensors"]
        .map(|file| run(&format!("inspect --json {file}")).stdout)
        .concat();
    let found = run("lr-find --config c.toml --json --steps 10 --out keys-found");
    let metrics = fs::read_to_string(desk.path("source/metrics.jsonl")).unwrap();
    let of_kind = |kind: &str| {
        let lines = metrics.lines().filter(|line| line.contains(&format!("\"kind\":\"{kind}\"")));
        keys(&lines.collect::<String>())
    };
    let outputs = [
        ("archs", keys(&run("archs --json").stdout)),
        ("archs-one", keys(&run("archs resnet18 --json").stdout)),
        ("evaluate", keys(&evaluated.stdout)),
        ("inspect", keys(&inspected)),
        ("lr-find", keys(&found.stdout)),
        ("metrics-epoch", of_kind("epoch")),
        ("metrics-step", of_kind("step")),
        ("predict", keys(&predicted.stdout)),
        ("predict-last", keys(last)),
    ];
    assert_listed(&outputs, include_str!("json_keys.txt"), "tests/cli/json_keys.txt");
}
