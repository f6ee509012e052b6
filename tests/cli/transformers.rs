//! Vision transformers by the whole program: from a file for images of another size to a model, its facts, its export.

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
