//! `finetune predict`, `evaluate`, `archs` and `inspect`, from the command line to what they print.

#[path = "torchvision/generator.rs"]
mod generator;
#[path = "torchvision/pth.rs"]
mod pth;
mod support;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use finetune_core::zoo;
use serde::Deserialize;
use serde_json::Value;
use support::{Desk, names};

/// A LeNet in `out/`, trained long enough to be right more often than not, and pictures of a test split.
static LENET: LazyLock<Desk> = LazyLock::new(|| {
    let desk = Desk::new();
    for shape in ["bar", "cross"] {
        desk.draw(&format!("data/test/{shape}"), shape, 400..412);
    }
    desk.finetune("--config c.toml --out out --set train.epochs=20").ends(0, &[]);
    desk
});

/// The JSON lines of a prediction.
#[track_caller]
fn predicted(desk: &Desk, arguments: &str) -> Vec<Value> {
    let ran = desk.finetune(&format!("predict --device cpu --threads 1 --json {arguments}")).ends(0, &[]);
    ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[track_caller]
fn evaluated(desk: &Desk, arguments: &str) -> Value {
    let ran = desk.finetune(&format!("evaluate --device cpu --threads 1 --json {arguments}")).ends(0, &[]);
    serde_json::from_str(&ran.stdout).unwrap()
}

fn paths(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["path"].as_str().unwrap()).collect()
}

#[test]
fn evaluate_counts_what_predict_says() {
    let lines = predicted(&LENET, "--run out --batch-size 5 data/test");
    let measured = evaluated(&LENET, "--run out --data data");
    assert_eq!((&measured["split"], &measured["data"]), (&"test".into(), &"data/test".into()));
    let mut confusion: BTreeMap<(String, String), u64> = BTreeMap::new();
    for line in &lines {
        let truth = Path::new(line["path"].as_str().unwrap()).parent().unwrap().file_name().unwrap();
        let pair = (truth.to_str().unwrap().to_owned(), line["class"].as_str().unwrap().to_owned());
        *confusion.entry(pair).or_default() += 1;
    }
    let names = ["bar", "cross"];
    let count = |truth: &str, said: &str| *confusion.get(&(truth.into(), said.into())).unwrap_or(&0);
    for (truth, row) in names.iter().zip(measured["confusion"].as_array().unwrap()) {
        for (said, images) in names.iter().zip(row.as_array().unwrap()) {
            assert_eq!(images, count(truth, said), "{truth} taken for {said}");
        }
    }
    let right = count("bar", "bar") + count("cross", "cross");
    assert!(right > 12, "this model has learned nothing: {confusion:?}");
    assert_eq!((measured["images"].as_u64(), measured["right"].as_u64()), (Some(24), Some(right)));
    let bar = &measured["classes"][0];
    assert_eq!(
        (&bar["class"], &bar["images"], &bar["right"]),
        (&"bar".into(), &12.into(), &count("bar", "bar").into())
    );
    let share = |part: u64, whole: u64| part as f64 / whole as f64;
    assert_eq!(bar["recall"].as_f64(), Some(share(count("bar", "bar"), 12)));
    let said_bar = count("bar", "bar") + count("cross", "bar");
    assert_eq!(bar["precision"].as_f64(), Some(share(count("bar", "bar"), said_bar)));

    // The same numbers as the run's own measurement, and as text.
    let summary = LENET.json("out/summary.json");
    assert_eq!(summary["evaluations"][1]["confusion"], measured["confusion"]);
    let text = LENET.finetune("evaluate --run out --data data --threads 1").ends(0, &[]).stdout;
    assert!(text.contains(&format!("{right} of 24 images right")), "{text}");
    assert!(text.contains("precision") && text.contains("truth"), "{text}");
}

#[test]
fn a_line_says_all_that_is_asked_for() {
    let lines = predicted(&LENET, "--run out --top 1 --logits data/test/bar/400.png");
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!(line["top"].as_array().unwrap().len(), 1);
    assert_eq!(line["top"][0]["class"], line["class"]);
    let logits: Vec<f64> = line["logits"].as_array().unwrap().iter().filter_map(Value::as_f64).collect();
    let [bar, cross] = logits[..] else { panic!("{logits:?}") };
    let probability = 1.0 / (1.0 + (bar.min(cross) - bar.max(cross)).exp());
    assert!((line["probability"].as_f64().unwrap() - probability).abs() < 1e-9);
    assert_eq!(line["class"], if bar > cross { "bar" } else { "cross" });

    let plain = LENET.finetune("predict --run out data/test/bar/400.png").ends(0, &["lenet5_relu from out/"]);
    assert!(plain.stdout.starts_with("data/test/bar/400.png: "), "{}", plain.stdout);
    // The same model by its file's name.
    let file = "--arch lenet5_relu --weights out/model.safetensors --logits data/test/bar/400.png";
    assert_eq!(predicted(&LENET, file)[0]["logits"], line["logits"]);
}

#[test]
fn folders_are_walked_in_order_and_the_unreadable_does_not_stop_the_rest() {
    let desk = Desk::new();
    desk.finetune("--config c.toml --out out").ends(0, &[]);
    for (folder, number) in [("in/b", 1), ("in/a/deep", 2), ("in", 3), ("in/a", 4), ("in/a-b", 5)] {
        desk.draw(folder, "bar", number..number + 1);
    }
    desk.write("in/a/003.jpg", "no picture");
    desk.write("in/a/notes.txt", "not even named like one");
    fs::copy(desk.path("in/003.png"), desk.path("named.whatever")).unwrap();

    let ran =
        desk.finetune("predict --run out --json --batch-size 2 in named.whatever in/b/001.png missing.png");
    let ran = ran.ends(
        0,
        &["in/a/003.jpg: not a picture", "missing.png: No such file", "7 pictures classified, 2 unreadable"],
    );
    let lines: Vec<Value> = ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let expected = [
        "in/003.png",
        "in/a/004.png",
        "in/a-b/005.png",
        "in/a/deep/002.png",
        "in/b/001.png",
        "named.whatever",
        "in/b/001.png",
    ];
    assert_eq!(paths(&lines), expected);
    assert_eq!(lines[0]["probability"], lines[5]["probability"]);

    let none = ["none of the 1 picture(s) of in/a/003.jpg can be read"];
    desk.finetune("predict --run out in/a/003.jpg").ends(1, &none);
    // Nothing is written anywhere.
    assert_eq!(names(&desk.path("")), ["c.toml", "data", "in", "named.whatever", "out"]);
    fs::create_dir(desk.path("empty")).unwrap();
    desk.finetune("predict --run out empty").ends(1, &["none of the 0 picture(s) of empty"]);
}

#[test]
fn evaluate_chooses_the_split_and_refuses_a_class_of_its_own() {
    let desk = Desk::new();
    desk.finetune("--config c.toml --out out").ends(0, &[]);
    let images = |arguments: &str| {
        let measured = evaluated(&desk, &format!("--run out {arguments}"));
        (measured["split"].as_str().unwrap().to_owned(), measured["images"].as_u64().unwrap())
    };
    assert_eq!(images("--data data"), ("validation".to_owned(), 4));
    assert_eq!(images("--data data --split train"), ("train".to_owned(), 12));
    assert_eq!(images("--data data/train"), ("all".to_owned(), 12));
    desk.finetune("evaluate --run out --data data --split test")
        .ends(1, &["data has no test split", "train and validation"]);

    desk.write("data/val/bar/empty.png", "");
    let measured = evaluated(&desk, "--run out --data data");
    assert_eq!(measured["unreadable"][0]["path"], "data/val/bar/empty.png");
    assert_eq!(measured["images"], 4);
    desk.draw("data/val/disc", "disc", 0..1);
    desk.finetune("evaluate --run out --data data")
        .ends(1, &["class \"disc\" of data/val is none of the model's classes (bar, cross)"]);
    // A class of the model that has no folder is nobody's mistake.
    desk.draw("some/cross", "cross", 0..3);
    let measured = evaluated(&desk, "--run out --data some");
    assert_eq!(measured["images"], 3);
}

#[test]
fn wrong_usage_and_models_that_cannot_predict_are_refused() {
    let desk = &*LENET;
    let picture = "data/test/bar/400.png";
    for (arguments, code, says) in [
        ("--run out", 2, "IMAGE"),
        (picture, 2, "--run"),
        (&*format!("--run out --arch lenet5 {picture}"), 2, "cannot be used with"),
        (&*format!("--arch lenet5_relu {picture}"), 2, "--weights"),
        (&*format!("--run out --logits {picture}"), 2, "--json"),
        (&*format!("--run out --config c.toml {picture}"), 2, "--config"),
        (&*format!("--arch resnet81 --weights x.pth {picture}"), 2, "did you mean \"resnet1"),
        (&*format!("--run nowhere {picture}"), 1, "nowhere holds no model.safetensors"),
        (&*format!("--run out --device cuda:99 {picture}"), 1, "cuda:99"),
        (
            &*format!("--arch resnet18 --weights IMAGENET1K_V1 {picture}"),
            1,
            "cargo xtask fetch-weights resnet18",
        ),
        (&*format!("--arch resnet18 --weights none {picture}"), 1, "nothing to predict with"),
        (&*format!("--arch vgg16 --weights IMAGENET1K_FEATURES {picture}"), 1, "features only"),
        (
            &*format!("--arch resnet18 --weights out/model.safetensors {picture}"),
            1,
            "holds the weights of lenet5_relu, not of resnet18",
        ),
    ] {
        desk.finetune(&format!("predict {arguments}")).ends(code, &[says]);
    }
}

#[test]
fn a_checkpoint_without_its_head_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let headless: Vec<_> =
        state_dict("resnet18").into_iter().filter(|(name, ..)| !name.starts_with("fc.")).collect();
    pth::write_zip(&folder.path().join("headless.pth"), &headless);
    LENET
        .finetune(&format!(
            "predict --arch resnet18 --weights {}/headless.pth data/test/bar/400.png",
            folder.path().display()
        ))
        .ends(1, &["headless.pth: this is not the whole of resnet18", "2 missing (fc.weight, fc.bias)"]);
}

#[derive(Deserialize)]
struct Golden {
    giga_multiply_adds: BTreeMap<String, f64>,
    logits: BTreeMap<String, Vec<f64>>,
}

#[derive(Deserialize)]
struct StateDict {
    gain: f64,
    state_dict: Vec<(String, Vec<i64>, String)>,
}

fn torchvision() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/torchvision")
}

fn golden() -> Golden {
    serde_json::from_str(&fs::read_to_string(torchvision().join("prediction.json")).unwrap()).unwrap()
}

/// A network's tensors as the generator fills them.
fn state_dict(arch: &str) -> Vec<pth::Named> {
    let text = fs::read_to_string(torchvision().join(format!("golden/{arch}.json"))).unwrap();
    let golden: StateDict = serde_json::from_str(&text).unwrap();
    let named = golden.state_dict.into_iter().map(|(name, shape, kind)| {
        let values = if kind == "int64" {
            pth::Values::Count(generator::batches_tracked(&name))
        } else {
            pth::Values::Float(generator::values(&name, &shape, golden.gain).unwrap())
        };
        (name, shape, values)
    });
    named.collect()
}

/// The picture of `make_prediction_goldens.py`.
fn draw_golden_picture(path: &Path) {
    let values = generator::values("picture.input", &[256, 256, 3], 1.0).unwrap();
    let bytes = values.iter().map(|&value| ((f64::from(value) + 1.0) * 128.0).floor() as u8);
    image::RgbImage::from_raw(256, 256, bytes.collect()).unwrap().save(path).unwrap();
}

#[test]
fn both_forms_of_torch_save_give_torchvisions_logits() {
    let desk = Desk::new();
    draw_golden_picture(&desk.path("picture.png"));
    for (arch, theirs) in golden().logits {
        let tensors = state_dict(&arch);
        pth::write_zip(&desk.path("zip.pth"), &tensors);
        pth::write_legacy(&desk.path("legacy.pth"), &tensors);
        drop(tensors);
        for form in ["zip", "legacy"] {
            let arguments = format!("--arch {arch} --weights {form}.pth --logits picture.png");
            let line = predicted(&desk, &arguments).remove(0);
            let ours: Vec<f64> =
                line["logits"].as_array().unwrap().iter().filter_map(Value::as_f64).collect();
            let largest = |values: &mut dyn Iterator<Item = f64>| values.map(f64::abs).fold(0.0, f64::max);
            let difference = largest(&mut ours.iter().zip(&theirs).map(|(a, b)| a - b));
            let error = difference / largest(&mut theirs.iter().copied());
            eprintln!("{arch} through {form}: {error:.1e}");
            assert!(ours.len() == 1000 && error < 1e-4, "{arch} through {form} differs by {error:.1e}");
            // Weights that nobody knows by name have numbered classes.
            assert!(line["class"].as_str().unwrap().starts_with("class "), "{line}");

            let facts = inspected(&desk, &format!("{form}.pth"));
            assert!(facts["form"].as_str().unwrap().contains(form), "{facts}");
            let [fit] = facts["fits"].as_array().unwrap().as_slice() else { panic!("{}", facts["fits"]) };
            assert_eq!((&fit["arch"], &fit["classes"]), (&arch.as_str().into(), &1000.into()));
            assert_eq!(fit["loaded"].as_u64(), facts["tensors"].as_array().map(|all| all.len() as u64));
        }
    }
}

#[track_caller]
fn inspected(desk: &Desk, file: &str) -> Value {
    serde_json::from_str(&desk.finetune(&format!("inspect --json {file}")).ends(0, &[]).stdout).unwrap()
}

#[test]
fn inspect_names_the_network_and_refuses_what_is_damaged() {
    let desk = &*LENET;
    let facts = inspected(desk, "out/model.safetensors");
    // lenet5 has the same tensors; the file says which it is.
    assert_eq!(facts["fits"].as_array().unwrap().len(), 1);
    assert_eq!((&facts["form"], &facts["fits"][0]["arch"]), (&"safetensors".into(), &"lenet5_relu".into()));
    assert_eq!(facts["metadata"]["arguments"], r#"{"num_classes":2}"#);
    assert_eq!(facts["sha256"], desk.json("out/summary.json")["digests"]["model.safetensors"]);
    let text = desk.finetune("inspect out/model.safetensors --tensors").ends(0, &[]).stdout;
    assert!(text.contains("all 10 tensors") && text.contains("conv1.weight  [6, 1, 5, 5]"), "{text}");

    let whole = fs::read(desk.path("out/model.safetensors")).unwrap();
    desk.write("cut.safetensors", &whole[..whole.len() - 9]);
    desk.finetune("inspect cut.safetensors").ends(1, &["cut.safetensors is damaged"]);
    desk.finetune("inspect nowhere.pth").ends(1, &["cannot open nowhere.pth"]);
    let foreign = torchvision().join("../../crates/pretrained/tests/checkpoints");
    let of = |name: &str| format!("inspect {}", foreign.join(name).display());
    desk.finetune(&of("hostile_zip.pth")).ends(1, &["posix.system"]);
    let stranger = desk.finetune(&of("tar.pth")).ends(0, &[]).stdout;
    assert!(stranger.contains("tar archive") && stranger.contains("no network of the zoo"), "{stranger}");
}

#[test]
fn inspect_says_what_does_not_fit() {
    let folder = tempfile::tempdir().unwrap();
    let mut tensors = state_dict("resnet18");
    for (name, shape, values) in &mut tensors {
        match name.as_str() {
            "bn1.weight" => *name = "bn1.scale".to_owned(),
            "bn1.bias" => (*shape, *values) = (vec![3], pth::Values::Float(vec![0.0; 3])),
            _ => {}
        }
        *name = format!("module.{name}"); // as training on several GPUs saves it
    }
    let path = folder.path().join("odd.pth");
    pth::write_zip(&path, &tensors);
    let fit = inspected(&LENET, &path.display().to_string())["fits"][0].clone();
    assert_eq!((&fit["arch"], &fit["loaded"]), (&"resnet18".into(), &120.into()));
    assert_eq!((&fit["missing"][0], &fit["unused"][0]), (&"bn1.weight".into(), &"bn1.scale".into()));
    assert_eq!(fit["wrong_shape"][0], serde_json::json!({"name": "bn1.bias", "file": [3], "network": [64]}));
}

#[test]
fn archs_has_every_network_with_torchvisions_counts() {
    let desk = &*LENET;
    let table = desk.finetune("archs").ends(0, &[]).stdout;
    let all: Vec<Value> = serde_json::from_str(&desk.finetune("archs --json").ends(0, &[]).stdout).unwrap();
    let names: Vec<&str> = zoo::networks().map(|network| network.name).collect();
    assert_eq!(all.iter().map(|arch| arch["name"].as_str().unwrap()).collect::<Vec<_>>(), names);
    let counts = golden().giga_multiply_adds;
    let mut counted = 0;
    for arch in &all {
        let name = arch["name"].as_str().unwrap();
        assert!(table.lines().any(|line| line.split_whitespace().next() == Some(name)), "{name}\n{table}");
        let parameters = arch["parameters"].as_u64().unwrap();
        let whole = parameters + arch["auxiliary_parameters"].as_u64().unwrap();
        for weights in pretrained::Catalog::builtin().of_arch(name).unwrap_or_default() {
            assert!([parameters, whole].contains(&weights.parameters), "{name}");
            assert!(table.contains(&weights.name), "{name}");
        }
        if let Some(theirs) = counts.get(name) {
            let ours = arch["multiply_adds"].as_u64().unwrap() as f64 / 1e9;
            // TorchVision rounds to three decimals.
            assert!((ours - theirs).abs() <= 0.00051, "{name}: {ours} and TorchVision's {theirs}");
            counted += 1;
        }
    }
    assert_eq!(counted, counts.len());

    let drawing = desk.finetune("archs resnet50").ends(0, &[]).stdout;
    for text in ["layer3", "1024 x 14 x 14", "7,098,368", "25,557,032", "IMAGENET1K_V2", "identity shortcuts"]
    {
        assert!(drawing.contains(text), "{text:?} is not in\n{drawing}");
    }
    desk.finetune("archs resnet81").ends(2, &["did you mean \"resnet1"]);
}
