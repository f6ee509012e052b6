//! Vision transformers by the whole program: from a file for images of another size to a model, its facts, its export; and by
//! low-rank updates.

use serde_json::{Value, json};

use crate::pth;
use crate::support::Desk;

const SMALL: &str = "data.input={resize=32,crop=32,interpolation=\"bilinear\",channels=3,mean=[0.5,0.5,0.5],std=[0.5,0.5,0.5]}";

#[test]
fn a_transformer_starts_from_a_file_of_another_size_and_is_saved_whole() {
    let desk = Desk::new();
    // Positions for 64 pixels.
    pth::write_zip(&desk.path("vit.pth"), &pth::filled("vit_t_16"));
    let run = format!(
        "--config c.toml --out out --set model.arch=vit_t_16 --set model.weights=vit.pth --set finetune.depth=last:2 \
         --set finetune.head_epochs=1 --set finetune.rate_decay=0.5 --set run.checkpoints=none --set train.epochs=1 --set {SMALL}"
    );
    desk.finetune(&run).ends(0, &[]);
    let summary = desk.json("out/summary.json");
    let loaded = summary["steps"][0]["what"].as_str().unwrap();
    assert!(
        loaded.contains("encoder.pos_embedding interpolated from [1, 17, 192] to [1, 5, 192]"),
        "{loaded}"
    );

    let inspected = desk.finetune("inspect --json out/model.safetensors").ends(0, &[]).stdout;
    let facts: Value = serde_json::from_str(&inspected).unwrap();
    let [fit] = facts["fits"].as_array().unwrap().as_slice() else { panic!("{}", facts["fits"]) };
    assert_eq!(
        (&fit["arch"], &fit["classes"], &fit["usable"]),
        (&"vit_t_16".into(), &2.into(), &true.into())
    );
    let arguments: Value = serde_json::from_str(facts["metadata"]["arguments"].as_str().unwrap()).unwrap();
    assert_eq!(arguments, json!({ "num_classes": 2, "image_size": 32 }));

    // Only the norm, the last blocks and the head were trained.
    let [source, model] =
        ["vit.pth", "out/model.safetensors"].map(|file| checkpoint::read(&desk.path(file)).unwrap().tensors);
    let block = |number: u32| format!("encoder.layers.encoder_layer_{number}.mlp.0.weight");
    assert_eq!(source[&block(8)], model[&block(8)]);
    assert_ne!(source[&block(9)], model[&block(9)]);

    let lines = desk.finetune("predict --run out --json data/val").ends(0, &[]).stdout;
    assert_eq!(lines.lines().count(), 4);
    desk.finetune("export --run out").ends(0, &[]);
    assert!(desk.path("out/export/model.onnx").exists());
}

#[test]
fn low_rank_updates_are_in_the_weights_of_every_file() {
    let desk = Desk::new();
    pth::write_zip(&desk.path("vit.pth"), &pth::filled("vit_t_16"));
    let common = format!(
        "--config c.toml --set model.arch=vit_t_16 --set model.weights=vit.pth --set train.epochs=2 --set {SMALL}"
    );
    let run = format!(
        "{common} --out out --set finetune.depth=last:2 --set finetune.head_epochs=1 --set finetune.lora.rank=4 \
         --set run.checkpoints=epochs --set train.learning_rate=0.01 --set train.keep=best --set train.ema=0.9"
    );
    desk.finetune(&run).ends(0, &[]);
    let summary = desk.json("out/summary.json");
    let frozen = summary["steps"][1]["what"].as_str().unwrap();
    // 4 * 8 * 192 values in each of three blocks.
    assert!(frozen.contains("updates of rank 4 of attention in blocks4, 18432 values"), "{frozen}");
    let planned = |phase: usize, stage: &str| {
        let stages = summary["plan"][phase]["stages"].as_array().unwrap();
        stages.iter().find(|planned| planned["name"] == stage).unwrap()["parameters"].as_u64().unwrap()
    };
    assert_eq!([planned(1, "blocks4"), planned(1, "norm"), planned(1, "head")], [18_432, 0, 2 * 193]);
    assert_eq!(planned(1, "blocks3"), planned(0, "blocks3"));
    assert!(planned(0, "blocks4") > 1_000_000);

    // Names and shapes are the network's; attention of the last blocks and the head are others, and nothing else is.
    let read = |file: &str| checkpoint::read(&desk.path(file)).unwrap().tensors;
    let source = read("vit.pth");
    for file in
        ["out/model.safetensors", "out/checkpoints/last.safetensors", "out/checkpoints/fine-tune.safetensors"]
    {
        let model = read(file);
        assert!(model.keys().eq(source.keys()), "{file}");
        for (name, array) in &model {
            let layer = name.strip_prefix("encoder.layers.encoder_layer_");
            let late = layer
                .is_some_and(|layer| ["9.", "10.", "11."].iter().any(|number| layer.starts_with(number)));
            let attention = name.ends_with("in_proj_weight") || name.ends_with("out_proj.weight");
            let other = (late && attention) || name.starts_with("heads.head.");
            // Positions were interpolated.
            if name != "encoder.pos_embedding" {
                assert_eq!(array != &source[name], other, "{file}: {name}");
            }
        }
    }

    // What was measured is the model that was saved.
    let measured = desk.finetune("evaluate --run out --data data --json --threads 1").ends(0, &[]).stdout;
    let measured: Value = serde_json::from_str(measured.lines().next().unwrap()).unwrap();
    let loss = |value: &Value| value["loss"].as_f64().unwrap();
    let validation = loss(&summary["evaluations"][0]);
    assert!((loss(&measured) - validation).abs() < 1e-6, "{} and {validation}", loss(&measured));

    let refused =
        |more: &str, says: &[&str]| drop(desk.finetune(&format!("{common} --out no {more}")).ends(2, says));
    refused(
        "--set finetune.depth=last:1 --set finetune.lora.rank=4",
        &["finetune.lora: is for attention", "last:1"],
    );
    refused(
        "--set finetune.depth=all --set finetune.lora.rank=200",
        &["finetune.lora.rank: is 200", "at most 192"],
    );
}
