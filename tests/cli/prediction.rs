//! `finetune predict` and `evaluate`, from the command line to what they print; TorchVision's logits for an image.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use crate::support::{Desk, names};
use crate::{generator, pth};
use serde::Deserialize;
use serde_json::Value;

/// A LeNet in `out/`, trained long enough to be right more often than not, and images of a test split.
static LENET: LazyLock<Desk> = LazyLock::new(|| {
    let desk = Desk::new();
    for shape in ["bar", "cross"] {
        desk.draw(&format!("data/test/{shape}"), shape, 400..412);
    }
    desk.finetune("--config c.toml --out out --set train.epochs=40 --set train.learning_rate=0.005")
        .ends(0, &[]);
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

fn measured_interval(measured: &Value, figure: &str) -> [f64; 2] {
    let interval = &measured["metrics"][figure]["interval"];
    ["low", "high"].map(|end| interval[end].as_f64().unwrap())
}

#[test]
fn below_the_threshold_the_answer_is_unknown() {
    let lines = predicted(&LENET, "--run out data/test");
    let of = |line: &Value| line["probability"].as_f64().unwrap();
    let mut probabilities: Vec<f64> = lines.iter().map(of).collect();
    probabilities.sort_by(f64::total_cmp);
    // One of the probabilities itself is reached.
    let least = probabilities[12];
    let told = predicted(&LENET, &format!("--run out --at-least {least} data/test"));
    let mut unknown = 0;
    for (line, plain) in told.iter().zip(&lines) {
        let below = of(plain) < least;
        unknown += usize::from(below);
        assert_eq!(line["unknown"], below);
        assert_eq!(line["class"], if below { Value::from("unknown") } else { plain["class"].clone() });
        assert_eq!((&line["top"], &line["probability"]), (&plain["top"], &plain["probability"]));
    }
    assert!(lines[0].get("unknown").is_none() && unknown > 0, "{probabilities:?}");
    let ran = LENET.finetune(&format!("predict --run out --threads 1 --at-least {least} data/test"));
    let ran = ran.ends(0, &[&format!("{unknown} of them unknown")]);
    let is_unknown = |line: &&str| line.contains(": unknown ") && line.ends_with('%') && !line.contains(',');
    assert_eq!(ran.stdout.lines().filter(is_unknown).count(), unknown, "{}", ran.stdout);
    LENET.finetune("predict --run out --at-least 1.5 data/test").ends(2, &["between 0 and 1"]);

    let desk = Desk::new();
    fs::rename(desk.path("data/train/bar"), desk.path("data/train/unknown")).unwrap();
    fs::rename(desk.path("data/val/bar"), desk.path("data/val/unknown")).unwrap();
    desk.finetune("--config c.toml --out out").ends(0, &[]);
    desk.finetune("predict --run out --at-least 0.5 data/val")
        .ends(0, &["warning: the model has a class \"unknown\""]);
}

fn paths(lines: &[Value]) -> Vec<&str> {
    lines.iter().map(|line| line["path"].as_str().unwrap()).collect()
}

#[test]
fn evaluate_counts_what_predict_says() {
    let lines = predicted(&LENET, "--run out --batch-size 5 data/test");
    let measured = evaluated(&LENET, "--run out --data data");
    assert_eq!((&measured["split"], &measured["data"]), (&"test".into(), &"data".into()));
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
            assert_eq!(images, count(truth, said), "{truth} predicted as {said}");
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
    assert!(text.contains(&format!("{right} of 24")), "{text}");
    assert!(text.contains("precision") && text.contains("recall"), "{text}");
    for name in ["macro F1", "macro AUROC", "macro average precision", "95% interval", "AUROC"] {
        assert!(text.contains(name), "{text}");
    }
    let own = &summary["evaluations"][1];
    for figure in ["macro_f1", "macro_auroc", "macro_average_precision"] {
        let [measured, own] =
            [&measured["metrics"], &own["metrics"]].map(|it| it[figure]["value"].as_f64().unwrap());
        assert!((measured - own).abs() < 1e-9, "{figure}: {measured}, {own}");
        let interval = &measured_interval(&evaluated(&LENET, "--run out --data data"), figure);
        assert!(interval[0] <= measured && measured <= interval[1] && interval[0] < interval[1]);
    }
    assert_eq!(measured["coverage"], own["coverage"]);
    assert_eq!(measured["metrics"]["top_5"], Value::Null, "of two classes five are all");
    let f1 = 2.0 * count("bar", "bar") as f64 / (12 + said_bar) as f64;
    assert_eq!(measured["metrics"]["classes"][0]["f1"]["value"].as_f64(), Some(f1));
    // One class alone: the other is left out and named.
    LENET.draw("bars/bar", "bar", 400..412);
    let bars = evaluated(&LENET, "--run out --data bars");
    assert_eq!(bars["metrics"]["absent"], serde_json::json!(["cross"]));
    assert_eq!(
        (&bars["metrics"]["macro_auroc"], bars["metrics"]["classes"].as_array().unwrap().len()),
        (&Value::Null, 1)
    );
    let text = LENET.finetune("evaluate --run out --data bars --threads 1").ends(0, &[]).stdout;
    assert!(text.contains("no images of cross"), "{text}");
}

#[test]
fn a_line_says_all_that_is_asked_for() {
    let lines = predicted(&LENET, "--run out --top 1 --logits data/test/bar/400.png");
    let [line] = lines.as_slice() else { panic!("{lines:?}") };
    assert_eq!(line["top"].as_array().unwrap().len(), 1);
    assert_eq!(line["top"][0]["class"], line["class"]);
    // Written as short as single precision allows, so they are read as that.
    let logits: Vec<f32> = serde_json::from_value(line["logits"].clone()).unwrap();
    let [bar, cross] = logits[..] else { panic!("{logits:?}") };
    let probability = 1.0 / (1.0 + (-(f64::from(bar) - f64::from(cross)).abs()).exp());
    assert!((line["probability"].as_f64().unwrap() - probability).abs() < 1e-9, "{line} {probability}");
    assert_eq!(line["class"], if bar > cross { "bar" } else { "cross" });

    let plain = LENET.finetune("predict --run out data/test/bar/400.png").ends(0, &["lenet5_relu"]);
    let percent = line["probability"].as_f64().unwrap() * 100.0;
    let expected = format!("data/test/bar/400.png: {} {percent:.1}%", line["class"].as_str().unwrap());
    assert!(plain.stdout.starts_with(&expected), "{}", plain.stdout);
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
    desk.write("in/a/003.jpg", "no image");
    desk.write("in/a/notes.txt", "not even named like one");
    fs::copy(desk.path("in/003.png"), desk.path("named.whatever")).unwrap();

    let ran =
        desk.finetune("predict --run out --json --batch-size 2 in named.whatever in/b/001.png missing.png");
    let ran = ran.ends(0, &["cannot read in/a/003.jpg: ", "cannot read missing.png: "]);
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
    let last: Value = serde_json::from_str(ran.stderr.lines().next_back().unwrap()).unwrap();
    assert_eq!((last["classified"].as_u64(), last["unreadable"].as_u64()), (Some(7), Some(2)));
    for part in ["opened_seconds", "computed_seconds", "pictures_per_second"] {
        assert!(last[part].as_f64().unwrap() > 0.0, "{last}");
    }
    assert!(last["waited_seconds"].as_f64().unwrap() >= 0.0, "{last}");
    let one = desk.finetune("predict --run out in/003.png").ends(0, &[]);
    assert_eq!(one.stdout.lines().count(), 1);

    let none = ["cannot read in/a/003.jpg: "];
    desk.finetune("predict --run out in/a/003.jpg").ends(1, &none);
    // Nothing is written anywhere.
    assert_eq!(names(&desk.path("")), ["c.toml", "data", "in", "named.whatever", "out"]);
    fs::create_dir(desk.path("empty")).unwrap();
    desk.finetune("predict --run out empty").ends(1, &["0 image(s) of empty"]);
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
    desk.finetune("evaluate --run out --data data --split test").ends(1, &["data", "test", "validation"]);

    desk.write("data/val/bar/empty.png", "");
    let measured = evaluated(&desk, "--run out --data data");
    assert_eq!(measured["unreadable"][0]["path"], "data/val/bar/empty.png");
    assert_eq!(measured["images"], 4);
    desk.draw("data/val/disc", "disc", 0..1);
    desk.finetune("evaluate --run out --data data").ends(1, &["\"disc\"", "bar, cross"]);
    // A class of the model that has no folder is nobody's mistake.
    desk.draw("some/cross", "cross", 0..3);
    let measured = evaluated(&desk, "--run out --data some");
    assert_eq!(measured["images"], 3);
}

#[test]
fn wrong_usage_and_models_that_cannot_predict_are_refused() {
    let desk = &*LENET;
    let image = "data/test/bar/400.png";
    for (arguments, code, says) in [
        ("--run out", 2, "IMAGE"),
        (image, 2, "--run"),
        (&*format!("--run out --arch lenet5 {image}"), 2, "--arch"),
        (&*format!("--arch lenet5_relu {image}"), 2, "--weights"),
        (&*format!("--run out --logits {image}"), 2, "--json"),
        (&*format!("--run out --config c.toml {image}"), 2, "--config"),
        (&*format!("--arch resnet81 --weights x.pth {image}"), 2, "\"resnet1"),
        (&*format!("--run nowhere {image}"), 1, "nowhere"),
        (&*format!("--run out --device cuda:99 {image}"), 1, "cuda:99"),
        (&*format!("--arch resnet18 --weights IMAGENET1K_V1 {image}"), 1, " fetch-weights resnet18`"),
        (&*format!("--arch resnet18 --weights none {image}"), 1, "weights"),
        (&*format!("--arch vgg16 --weights IMAGENET1K_FEATURES {image}"), 1, "IMAGENET1K_FEATURES"),
        (&*format!("--arch resnet18 --weights out/model.safetensors {image}"), 1, "lenet5_relu"),
    ] {
        desk.finetune(&format!("predict {arguments}")).ends(code, &[says]);
    }
}

#[test]
fn a_checkpoint_without_its_head_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let headless: Vec<_> =
        pth::filled("resnet18").into_iter().filter(|(name, ..)| !name.starts_with("fc.")).collect();
    pth::write_zip(&folder.path().join("headless.pth"), &headless);
    LENET
        .finetune(&format!(
            "predict --arch resnet18 --weights {}/headless.pth data/test/bar/400.png",
            folder.path().display()
        ))
        .ends(1, &["headless.pth: ", "resnet18", "fc.weight, fc.bias"]);
}

#[derive(Deserialize)]
struct Golden {
    logits: BTreeMap<String, Vec<f64>>,
}

fn golden() -> Golden {
    serde_json::from_str(&fs::read_to_string(pth::folder().join("prediction.json")).unwrap()).unwrap()
}

/// The image of `make_prediction_goldens.py`, as large as a network's weights resize to.
fn draw_golden_image(path: &Path, arch: &str) {
    let side = pretrained::Catalog::builtin().default_for(arch).unwrap().input.resize;
    let values = generator::values("picture.input", &[side.into(), side.into(), 3], 1.0).unwrap();
    let bytes = values.iter().map(|&value| ((f64::from(value) + 1.0) * 128.0).floor() as u8);
    image::RgbImage::from_raw(side, side, bytes.collect()).unwrap().save(path).unwrap();
}

/// GoogLeNet's and Inception's are TorchVision's with `transform_input`.
#[test]
fn files_of_torch_save_give_torchvisions_logits() {
    let desk = Desk::new();
    let logits = golden().logits;
    assert_eq!(logits.len(), 6);
    for (arch, theirs) in logits {
        draw_golden_image(&desk.path("image.png"), &arch);
        let tensors = pth::filled(&arch);
        pth::write_zip(&desk.path("zip.pth"), &tensors);
        // The other form once for a network of each kind of file: few large tensors, or many small ones.
        let forms: &[&str] = if ["resnet18", "efficientnet_b0"].contains(&arch.as_str()) {
            pth::write_legacy(&desk.path("legacy.pth"), &tensors);
            &["zip", "legacy"]
        } else {
            &["zip"]
        };
        drop(tensors);
        for form in forms {
            let arguments = format!("--arch {arch} --weights {form}.pth --logits image.png");
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
        }
    }
}
