//! `finetune export`: files that other programs run. That they give the program's answers is shown by
//! `tests/onnx/compare.py` in onnxruntime.

use std::fs;

use serde_json::Value;

use crate::support::short_runs::DESK;

/// A run of its own, with its data.
fn run() -> &'static str {
    static RUN: std::sync::LazyLock<()> = std::sync::LazyLock::new(|| {
        DESK.finetune("--config c.toml --out exported").ends(0, &[]);
    });
    std::sync::LazyLock::force(&RUN);
    "exported"
}

#[test]
fn a_run_is_exported_once_with_the_same_bytes_each_time() {
    let (desk, run) = (&*DESK, run());
    let said = desk.finetune(&format!("export --run {run}")).ends(0, &[]);
    assert!(
        said.stdout.contains("exported/export/model.onnx")
            && said.stdout.contains("input rgb")
            && said.stdout.contains("read back and run on 4 images: the same answer for 4"),
        "{}",
        said.stdout
    );
    desk.finetune(&format!("export --run {run}")).ends(1, &["export/model.onnx is there already", "--out"]);
    let json = desk.finetune(&format!("export --run {run} --out exported-again --json")).ends(0, &[]).stdout;
    let record: Value = serde_json::from_str(&json).unwrap();
    let bytes = |folder: &str| fs::read(desk.path(&format!("{folder}/model.onnx"))).unwrap();
    assert_eq!(bytes("exported/export"), bytes("exported-again"));
    assert_eq!(record["bytes"], bytes("exported-again").len());
    let model = checkpoint::read(&desk.path("exported/model.safetensors")).unwrap();
    assert_eq!(record["model_sha256"], model.sha256);
    assert_eq!(desk.json("exported-again/export.json"), record);
    let script = fs::read_to_string(desk.path("exported-again/run.py")).unwrap();
    assert!(script.contains("\"rgb\": ") && script.contains("resize"), "{script}");
}

#[test]
fn each_form_and_type_of_numbers_is_written() {
    let (desk, run) = (&*DESK, run());
    let size = |words: &str, out: &str| {
        desk.finetune(&format!("export --run {run} {words} --out {out}")).ends(0, &[]);
        desk.json(&format!("{out}/export.json"))
    };
    let whole = size("--pixels image", "as-image");
    assert_eq!((&whole["input"], &whole["pixels"]), (&"image".into(), &"image".into()));
    let plain = size("--pixels prepared", "as-prepared");
    let bytes = |record: &Value| record["bytes"].as_f64().unwrap();
    let short = size("--pixels prepared --precision fp16", "as-short");
    assert!(bytes(&short) < 0.6 * bytes(&plain), "{short} {plain}");
    let eight = size("--pixels prepared --precision int8 --max-drop 100", "as-bytes");
    assert!(eight["calibrated_on"].as_u64() > Some(0), "{eight}");
    for (record, bound) in [(&whole, 1e-2), (&plain, 1e-5), (&short, 1e-2)] {
        let check = &record["check"];
        assert_eq!(
            (&check["images"], &check["same"], &check["made_up"]),
            (&4.into(), &4.into(), &false.into())
        );
        assert!(check["apart"].as_f64().unwrap() < bound, "{check}");
    }
    assert!(size("--unchecked", "as-it-is")["check"].is_null());
    let (before, after) = (&eight["accuracy"]["before"], &eight["accuracy"]["after"]);
    assert!((before.as_f64().unwrap() - after.as_f64().unwrap()).abs() < 0.5, "{eight}");
}

#[test]
fn what_cannot_be_exported_leaves_no_file() {
    let (desk, run) = (&*DESK, run());
    desk.finetune(&format!("export --run {run} --precision int8 --max-drop -100 --out too-much"))
        .ends(1, &["8 bits cost", "--max-drop allows -100"]);
    assert!(!desk.path("too-much").exists());
    desk.finetune("export --run no-run").ends(1, &["no-run"]);
    desk.write("empty/readme.txt", "nothing");
    desk.finetune(&format!("export --run {run} --precision int8 --data empty --out none"))
        .ends(1, &["empty"]);
    assert!(!desk.path("none").exists());
}
