//! `finetune archs` and `inspect`: the zoo and checkpoint files as facts.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::pth;
use crate::support::{Desk, names};

#[test]
fn archs_lists_every_network_with_its_weights() {
    let desk = Desk::new();
    let table = desk.finetune("archs").ends(0, &[]).stdout;
    let all: Vec<Value> = serde_json::from_str(&desk.finetune("archs --json").ends(0, &[]).stdout).unwrap();
    assert!(all.len() >= 30, "{}", all.len());
    let names: BTreeSet<&str> = all.iter().map(|arch| arch["name"].as_str().unwrap()).collect();
    assert_eq!(names.len(), all.len());
    for entry in pretrained::Catalog::builtin().entries() {
        assert!(names.contains(&*entry.arch), "{}", entry.arch);
    }
    for arch in &all {
        let name = arch["name"].as_str().unwrap();
        assert!(table.lines().any(|line| line.split_whitespace().next() == Some(name)), "{name}\n{table}");
        for weights in pretrained::Catalog::builtin().of_arch(name).unwrap_or_default() {
            assert!(table.contains(&weights.name), "{name}");
        }
    }

    // One line in full, below what its family solved.
    let lines: Vec<String> =
        table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert_eq!(lines[0], "network year stages parameters multiply-adds input ImageNet top-1, weights");
    let place = |text: &str| {
        lines
            .iter()
            .position(|line| line == text)
            .unwrap_or_else(|| panic!("{text:?} is no line of\n{table}"))
    };
    let solved = "resnet: identity shortcuts: each block learns a correction to its input, so that more depth stops hurting";
    let line = "resnet50 2015 7 25.6 M 4,089 M 224x224 76.1% IMAGENET1K_V1, 80.9% IMAGENET1K_V2";
    let next = lines.iter().position(|line| line.starts_with("efficientnet: ")).unwrap();
    assert!((place(solved) + 1..next).contains(&place(line)), "{table}");

    let drawing = desk.finetune("archs resnet50").ends(0, &[]).stdout;
    for text in ["layer3", "1024 x 14 x 14", "7,098,368", "25,557,032", "IMAGENET1K_V2", "identity shortcuts"]
    {
        assert!(drawing.contains(text), "{text:?} is not in\n{drawing}");
    }
    desk.finetune("archs resnet81").ends(2, &["\"resnet1"]);
}

#[test]
fn inspect_tells_the_form_and_the_network() {
    let desk = Desk::new();
    let tensors = pth::filled("resnet18");
    pth::write_zip(&desk.path("zip.pth"), &tensors);
    pth::write_legacy(&desk.path("legacy.pth"), &tensors);
    for form in ["zip", "legacy"] {
        let facts = inspected(&desk, &format!("{form}.pth"));
        assert!(facts["form"].as_str().unwrap().contains(form), "{facts}");
        let [fit] = facts["fits"].as_array().unwrap().as_slice() else { panic!("{}", facts["fits"]) };
        assert_eq!((&fit["arch"], &fit["classes"]), (&"resnet18".into(), &1000.into()));
        assert_eq!((&fit["loaded"], &facts["parameters"]), (&122.into(), &11_689_512.into()));
    }
    // Nothing is written anywhere.
    assert_eq!(names(&desk.path("")), ["c.toml", "data", "legacy.pth", "zip.pth"]);
}

/// Trained with its auxiliary heads, saved without them, and says so to TorchVision's constructor.
#[test]
fn a_saved_googlenet_has_no_auxiliary_heads() {
    let desk = Desk::new();
    let small = "data.input={resize=32,crop=32,interpolation=\"bilinear\",channels=3,mean=[0.5,0.5,0.5],std=[0.5,0.5,0.5]}";
    let run = format!(
        "--config c.toml --out out --set model.arch=googlenet --set run.checkpoints=none --set {small}"
    );
    desk.finetune(&run).ends(0, &[]);
    let facts = inspected(&desk, "out/model.safetensors");
    let arguments: Value = serde_json::from_str(facts["metadata"]["arguments"].as_str().unwrap()).unwrap();
    let expected = serde_json::json!({
        "num_classes": 2, "aux_logits": false, "init_weights": false, "transform_input": false,
    });
    assert_eq!(arguments, expected);
    let tensors: Vec<&str> =
        facts["tensors"].as_array().unwrap().iter().map(|tensor| tensor["name"].as_str().unwrap()).collect();
    assert!(tensors.contains(&"inception3a.branch1.conv.weight") && tensors.contains(&"fc.weight"));
    assert!(!tensors.iter().any(|name| name.starts_with("aux")), "{tensors:?}");
    assert_eq!(facts["fits"][0]["auxiliary_heads"], false);
}

#[track_caller]
fn inspected(desk: &Desk, file: &str) -> Value {
    serde_json::from_str(&desk.finetune(&format!("inspect --json {file}")).ends(0, &[]).stdout).unwrap()
}

#[test]
fn inspect_names_the_network_and_refuses_what_is_damaged() {
    let desk = Desk::new();
    desk.finetune("--config c.toml --out out").ends(0, &[]);
    let facts = inspected(&desk, "out/model.safetensors");
    // lenet5 has the same tensors; the file says which it is.
    assert_eq!(facts["fits"].as_array().unwrap().len(), 1);
    assert_eq!((&facts["form"], &facts["fits"][0]["arch"]), (&"safetensors".into(), &"lenet5_relu".into()));
    assert_eq!(facts["metadata"]["arguments"], r#"{"num_classes":2}"#);
    assert_eq!(facts["sha256"], desk.json("out/summary.json")["digests"]["model.safetensors"]);
    let text = desk.finetune("inspect out/model.safetensors --tensors").ends(0, &[]).stdout;
    assert!(text.contains("10 tensors") && text.contains("conv1.weight  [6, 1, 5, 5]"), "{text}");

    let whole = fs::read(desk.path("out/model.safetensors")).unwrap();
    desk.write("cut.safetensors", &whole[..whole.len() - 9]);
    desk.finetune("inspect cut.safetensors").ends(1, &["cut.safetensors"]);
    desk.finetune("inspect nowhere.pth").ends(1, &["nowhere.pth"]);
    let foreign = pth::folder().join("../../crates/checkpoint/tests/checkpoints");
    let of = |name: &str| format!("inspect {}", foreign.join(name).display());
    desk.finetune(&of("hostile_zip.pth")).ends(1, &["posix.system"]);
    let stranger = desk.finetune(&of("tar.pth")).ends(0, &[]).stdout;
    assert!(stranger.contains("tar"), "{stranger}");
}

#[test]
fn inspect_says_what_does_not_fit() {
    let desk = Desk::new();
    let mut tensors = pth::filled("resnet18");
    for (name, shape, values) in &mut tensors {
        match name.as_str() {
            "bn1.weight" => *name = "bn1.scale".to_owned(),
            "bn1.bias" => (*shape, *values) = (vec![3], pth::Values::Float(vec![0.0; 3])),
            _ => {}
        }
        *name = format!("module.{name}"); // as training on several GPUs saves it
    }
    pth::write_zip(&desk.path("odd.pth"), &tensors);
    let fit = inspected(&desk, "odd.pth")["fits"][0].clone();
    assert_eq!((&fit["arch"], &fit["loaded"]), (&"resnet18".into(), &120.into()));
    assert_eq!((&fit["missing"][0], &fit["unused"][0]), (&"bn1.weight".into(), &"bn1.scale".into()));
    assert_eq!(fit["wrong_shape"][0], serde_json::json!({"name": "bn1.bias", "file": [3], "network": [64]}));
}
