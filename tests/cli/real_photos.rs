//! EfficientNet-Lite0 with ImageNet's weights learns real photographs, by the configurations that a user copies, and
//! names what they show; the same classes as TorchVision come out of two hundred of them.
//!
//! The photographs are not part of the repository: `cargo xtask test --photos DIR` fetches them from a folder with their
//! zips, and the weights by pip, and runs these tests.

use std::collections::BTreeMap;
use std::process::Command;

use serde::Deserialize;
use serde_json::Value;

use crate::support::built;
use crate::{pth, repository};

/// Runs a configuration of the workspace and gives its accuracy on the validation split, and how many images that has.
fn validation(config: &str) -> (f64, u64) {
    validation_of(config, &[])
}

/// The same with changes to the configuration.
fn validation_of(config: &str, changes: &[&str]) -> (f64, u64) {
    let out = tempfile::tempdir().unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_finetune"));
    program.current_dir(repository()).args(["--json", "--config", config]).args(["--set", "run.device=cpu"]);
    program.args(changes.iter().flat_map(|change| ["--set", change]));
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
fn dogs_and_cats_are_classified() {
    let (accuracy, images) = validation_of("dogs_cats.toml", &[SMALL]);
    assert_eq!(images, 200);
    assert!(accuracy >= 0.98, "{accuracy}");
}

#[test]
#[ignore = "needs photographs and weights: cargo xtask test --photos DIR"]
fn ants_and_bees_are_classified() {
    let (accuracy, images) = validation("configs/ants_bees.toml");
    assert_eq!(images, 153);
    assert!(accuracy >= 0.95, "{accuracy}");
}

/// With a head alone and with the last stages, whose gradients are computed in bfloat16 as well: of these two epochs, for a processor
/// without bfloat16 takes twenty times as long.
#[test]
#[ignore = "needs photographs and weights: cargo xtask test --photos DIR"]
fn bfloat16_is_as_accurate_as_float32() {
    let bees = "data.root=data/hymenoptera_data";
    for (config, root, depth, epochs) in [
        ("dogs_cats.toml", SMALL, "finetune.depth=head", "train.epochs=30"),
        ("dogs_cats.toml", SMALL, "finetune.depth=last:2", "train.epochs=2"),
        ("configs/ants_bees.toml", bees, "finetune.depth=head", "train.epochs=30"),
    ] {
        let of = |precision| validation_of(config, &[root, depth, epochs, precision]);
        let ((whole, images), (short, _)) = (of("run.precision=float32"), of("run.precision=bf16"));
        eprintln!("{config}, {depth}: {whole} in float32, {short} in bfloat16");
        // Two photographs near the border may fall on either side of it.
        let noise = 2.0 / images as f64;
        assert!(
            whole >= 0.95 && (whole - short).abs() <= noise + 1e-9,
            "{config}, {depth}: {whole} and {short}"
        );
    }
}

/// The photographs that the configuration to copy is tested with; it names the 25,000 from which they are.
const SMALL: &str = "data.root=data/dogs_cats_small";

/// The advice for images of a folder, by ImageNet's weights, at 64 x 64 pixels.
fn advice(root: &str) -> Value {
    let out = tempfile::tempdir().unwrap();
    let mut program = Command::new(env!("CARGO_BIN_EXE_finetune"));
    program.current_dir(repository()).args(["advise", "--json", "--set", "run.device=cpu"]);
    program.args([
        "--config",
        "configs/claims/unlike_photographs.toml",
        "--set",
        &format!("data.root={root}"),
    ]);
    let ran = program.arg("--out").arg(out.path().join("advice")).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    serde_json::from_slice(&ran.stdout).unwrap()
}

/// A network for photographs ends before its last stages where it reads letters, and not where it reads photographs.
#[test]
#[ignore = "needs photographs and weights: cargo xtask test --photos DIR"]
fn an_earlier_end_is_advised_for_letters_and_none_for_photographs() {
    let letters = tempfile::tempdir().unwrap();
    let drawn = Command::new(built::program(&["--package", "glyphs", "--bin", "glyphs"]))
        .args(["cyrillic-capitals", letters.path().join("letters").to_str().unwrap()])
        .args(["--train", "10", "--validation", "0", "--test", "0"])
        .status();
    assert!(drawn.unwrap().success());
    let of_letters = advice(letters.path().join("letters").to_str().unwrap());
    eprintln!("letters: cut {}, taps {}: {}", of_letters["cut"], of_letters["taps"], of_letters["paragraph"]);
    assert_eq!(of_letters["depth"], "head");
    let stage = |name: &Value| name.as_str().unwrap().rsplit('.').next().unwrap().parse::<u32>().unwrap();
    let taps = of_letters["taps"].as_array().unwrap();
    let first = if taps.is_empty() { stage(&of_letters["cut"]) } else { stage(&taps[0]) };
    assert!(first < 7, "{first}");
    let of_photographs = advice(SMALL.trim_start_matches("data.root="));
    assert_eq!((&of_photographs["cut"], &of_photographs["taps"]), (&Value::Null, &Value::Array(Vec::new())));
}

/// The validation photographs of `dogs_cats_small`.
const PHOTOGRAPHS: &str = "data/dogs_cats_small/val";

/// The JSON lines of `finetune predict` with these arguments, run in the workspace.
fn predicted(arguments: &[&str]) -> Vec<Value> {
    let mut program = Command::new(env!("CARGO_BIN_EXE_finetune"));
    program.current_dir(repository()).args(["predict", "--device", "cpu", "--json"]).args(arguments);
    let ran = program.output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let lines = String::from_utf8(ran.stdout).unwrap();
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
#[ignore = "needs photographs and weights: cargo xtask test --photos DIR"]
fn the_pretrained_head_names_imagenets_classes() {
    let weights = ["--arch", "efficientnet_lite0", "--weights", "IMAGENET1K_V1", "--logits"];
    let dogs = format!("{PHOTOGRAPHS}/dogs");
    let lines = predicted(&[&weights[..], &[&dogs]].concat());
    let entry = pretrained::Catalog::builtin().find("efficientnet_lite0", "IMAGENET1K_V1").unwrap();
    let names = entry.class_names().unwrap();
    let mut breeds = 0;
    for line in &lines {
        let logits: Vec<f64> = line["logits"].as_array().unwrap().iter().filter_map(Value::as_f64).collect();
        assert_eq!(logits.len(), 1000);
        let largest = (0..1000).max_by(|&a, &b| logits[a].total_cmp(&logits[b])).unwrap();
        assert_eq!(line["class"], names[largest], "{}", line["path"]);
        // From Chihuahua to Mexican hairless: ImageNet's 118 breeds of dogs.
        breeds += usize::from((151..=268).contains(&largest));
    }
    eprintln!("{breeds} of {} dogs are of some breed", lines.len());
    assert_eq!(lines.len(), 100);
    assert!(breeds >= 90, "{breeds}");
}

/// `make_top1.py`
#[derive(Deserialize)]
struct Top1 {
    arch: String,
    /// What is taken off the bias of the last layer, so that it is not always the same class that wins.
    means: Vec<f32>,
    /// Photograph -> class.
    top1: BTreeMap<String, usize>,
}

#[test]
#[ignore = "needs photographs and weights: cargo xtask test --photos DIR"]
fn two_hundred_photographs_have_torchvisions_top_class() {
    let golden = std::fs::read_to_string(pth::folder().join("top1_dogs_cats.json")).unwrap();
    let golden: Top1 = serde_json::from_str(&golden).unwrap();
    let mut tensors = pth::filled(&golden.arch);
    let (.., bias) = tensors.iter_mut().find(|(name, ..)| name == "fc.bias").unwrap();
    let pth::Values::Float(bias) = bias else { panic!("the bias is no array of numbers") };
    bias.iter_mut().zip(&golden.means).for_each(|(bias, mean)| *bias -= mean);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("filled.pth");
    pth::write_zip(&file, &tensors);

    let lines = predicted(&["--arch", &golden.arch, "--weights", file.to_str().unwrap(), PHOTOGRAPHS]);
    assert_eq!((lines.len(), golden.top1.len()), (200, 200));
    let same = lines.iter().filter(|line| {
        let photograph = line["path"].as_str().unwrap().strip_prefix(&format!("{PHOTOGRAPHS}/")).unwrap();
        line["class"] == format!("class {}", golden.top1[photograph])
    });
    let same = same.count();
    eprintln!("{same} of 200 as in TorchVision");
    assert!(same >= 196, "{same}");
}
