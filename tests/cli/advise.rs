//! `finetune advise` and `finetune.depth = "auto"`: the whole way on small images, the same figures for the same seed, and
//! what cannot be advised on.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use crate::support::{Desk, SCRATCH, names, safetensors};
use serde_json::Value;

/// A LeNet that has learned bars and crosses, to be transferred to bars and discs.
static DESK: LazyLock<Desk> = LazyLock::new(|| {
    let desk = Desk::new();
    for class in ["bar", "cross"] {
        desk.draw(&format!("source/train/{class}"), class, 0..60);
    }
    for (class, from) in [("bar", 200), ("disc", 300)] {
        desk.draw(&format!("target/train/{class}"), class, from..from + 12);
        desk.draw(&format!("target/val/{class}"), class, from + 20..from + 24);
        desk.draw(&format!("target/test/{class}"), class, from + 30..from + 36);
    }
    desk.finetune("--config c.toml --set data.root=source --set train.epochs=8 --out source-run")
        .ends(0, &[]);
    fs::rename(desk.path("source-run/model.safetensors"), desk.path("m.safetensors")).unwrap();
    let target = SCRATCH.replace("\"data\"", "\"target\"").replace("\"none\"", "\"m.safetensors\"");
    desk.write("t.toml", target.replace("\"scratch\"", "\"auto\""));
    // The same shapes under two names: no probe can separate them.
    for (class, from) in [("one", 400), ("other", 500)] {
        desk.draw(&format!("alike/train/{class}"), "disc", from..from + 60);
        desk.draw(&format!("alike/val/{class}"), "disc", from + 60..from + 64);
    }
    desk.write("bold.toml", fs::read_to_string(desk.path("t.toml")).unwrap().replace("target", "alike"));
    desk
});

fn advice(arguments: &str) -> Value {
    let ran = DESK.finetune(&format!("advise --config t.toml --json {arguments}")).ends(0, &[]);
    serde_json::from_str(ran.stdout.trim()).unwrap()
}

/// How the rule has fared, as the section of docs/search.md begins, on one line.
fn standing() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/search.md");
    let page = fs::read_to_string(page).unwrap();
    let section = page.split("\n## Advice after one pass").nth(1).unwrap();
    on_one_line(&section.split("\n\n").nth(1).unwrap().replace("**", ""))
}

fn on_one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// All but how long it took.
fn without_times(mut advice: Value) -> Value {
    let fields = advice.as_object_mut().unwrap();
    fields.remove("seconds");
    fields.remove("parts");
    advice
}

#[test]
fn an_advice_comes_with_its_evidence_and_a_page() {
    let ran = DESK.finetune("advise --config t.toml --scores --out advice").ends(0, &[]);
    for said in ["finetune.depth = ", "LogME", "H-score", "pixels", "conv1", "fc2", "conv2 to fc2"] {
        assert!(ran.stdout.contains(said), "{said:?} is not said in\n{}", ran.stdout);
    }
    assert!(!ran.stdout.contains("confidence") && ran.stdout.contains("finetune search"), "{}", ran.stdout);
    assert_eq!(names(&DESK.path("advice")), ["events", "report.html", "summary.json"]);
    let page = fs::read_to_string(DESK.path("advice/report.html")).unwrap();
    for chart in ["advice-probe", "advice-loss", "advice-logme", "advice-h-score"] {
        assert!(page.contains(&format!("<title id=\"{chart}-title\">")), "{chart}");
    }
    let advice = DESK.json("advice/summary.json");
    let stages: Vec<&str> =
        advice["stages"].as_array().unwrap().iter().map(|s| s["name"].as_str().unwrap()).collect();
    assert_eq!(stages, ["pixels", "conv1", "conv2", "fc1", "fc2"]);
    assert_eq!((advice["images"].as_u64(), advice["images_per_class"].as_f64()), (Some(24), Some(12.0)));
    assert_eq!(advice["source"]["classes"], 2, "the head of the source is asked");
    for stage in advice["stages"].as_array().unwrap() {
        assert!((0.0..=1.0).contains(&stage["accuracy"].as_f64().unwrap()));
        let finite = |key: &str| stage[key].as_f64().unwrap().is_finite();
        assert!(finite("logme") && stage["h_score"].as_f64().unwrap() > 0.0, "{stage}");
    }
    let confidence = advice["confidence"].as_f64().unwrap();
    assert!((0.0..=1.0).contains(&confidence));
    assert_eq!(advice["folds"], 5);

    // Each of four stages alone, the last three, all.
    let arms = advice["arms"].as_array().unwrap();
    let read: Vec<usize> = arms.iter().map(|arm| arm["stages"].as_array().unwrap().len()).collect();
    assert_eq!(read, [1, 1, 1, 1, 3, 4]);
    let marked = |key: &str| arms.iter().filter(|arm| arm[key] == true).count();
    assert_eq!((marked("default"), marked("best"), &arms[4]["default"]), (1, 1, &true.into()));
    assert_eq!((&arms[4]["gain"], &arms[3]["loss"]), (&0.0.into(), &advice["stages"][4]["loss"]));
    let costs: Vec<f64> =
        advice["costs"].as_array().unwrap().iter().map(|c| c["final_runs"].as_f64().unwrap()).collect();
    let depths: Vec<&str> =
        advice["costs"].as_array().unwrap().iter().map(|c| c["depth"].as_str().unwrap()).collect();
    assert_eq!((&depths[..4], depths.last()), (&["frozen", "head", "last:1", "last:2"][..], Some(&"all")));
    assert!(costs[1..].is_sorted() && costs[1] < 0.01 && costs.last() == Some(&1.0), "{costs:?}");
}

#[test]
fn scores_that_the_rule_does_not_use_are_computed_only_where_asked_for() {
    let advice = advice("--out unscored");
    for stage in advice["stages"].as_array().unwrap() {
        assert_eq!((&stage["logme"], &stage["h_score"]), (&Value::Null, &Value::Null), "the keys stay");
    }
    let page = fs::read_to_string(DESK.path("unscored/report.html")).unwrap();
    assert!(!page.contains("LogME") && page.contains("conv2 to fc2"));
}

#[test]
fn help_and_advice_begin_with_how_the_rule_has_fared() {
    let standing = standing();
    let help = DESK.finetune("advise --help").ends(0, &[]);
    assert!(on_one_line(&help.stdout).contains(&standing), "{standing:?} is not in\n{}", help.stdout);
    let ran = DESK.finetune("advise --config t.toml --out standing").ends(0, &[]);
    assert!(on_one_line(&ran.stdout).contains(&standing), "{}", ran.stdout);
    assert_eq!(DESK.json("standing/summary.json")["standing"], standing);
}

#[test]
fn transfer_that_is_of_little_value_is_called_so() {
    let ran = DESK.finetune("advise --config bold.toml --out little").ends(0, &[]);
    let advice = DESK.json("little/summary.json");
    assert_eq!(
        (&advice["little_value"], &advice["similarity"]),
        (&true.into(), &"unlike".into()),
        "{advice}"
    );
    // What the record says, the terminal and the page say too.
    let paragraph = advice["paragraph"].as_str().unwrap();
    assert!(ran.stdout.contains(paragraph.split(". ").next().unwrap()), "{}", ran.stdout);
    let page = fs::read_to_string(DESK.path("little/report.html")).unwrap();
    assert!(page.contains("<strong>Transfer is of little value here.</strong>"));
    DESK.finetune("advise --config t.toml --out worth").ends(0, &[]);
    assert_eq!(DESK.json("worth/summary.json")["little_value"], false);
}

#[test]
fn the_same_seed_gives_the_same_advice_and_images_can_be_fewer() {
    let first = without_times(advice("--out first"));
    assert_eq!(first, without_times(advice("--out again")));
    let other = advice("--out other --set run.seed=5");
    assert_ne!(first["stages"], other["stages"], "other folds are dealt");
    assert_eq!((&first["images"], &first["folds"]), (&other["images"], &other["folds"]));
    let fewer = advice("--out fewer --images 10 --set run.seed=5");
    assert_eq!(fewer["images"], 10);
    assert_eq!(fewer["images_per_class"].as_f64(), Some(12.0), "it is the training that the rule is about");
    let subset = advice("--out subset --set data.images_per_class=3");
    assert_eq!((subset["images"].as_u64(), subset["images_per_class"].as_f64()), (Some(6), Some(3.0)));
    assert!(subset["paragraph"].as_str().unwrap().contains("6 images"));
}

#[test]
fn a_run_with_depth_auto_follows_the_advice_and_shows_it() {
    let ran = DESK.finetune("--config t.toml --out followed --json").ends(0, &[]);
    let summary = DESK.json("followed/summary.json");
    let advised = &summary["advice"];
    // The same images, in a run of their own or before a training: the same advice.
    let alone = without_times(advice("--out alone"));
    for field in ["stages", "depth", "rate_scale", "confidence", "paragraph"] {
        assert_eq!(advised[field], alone[field], "{field}");
    }
    assert_eq!(summary["depth"], advised["depth"]);
    assert_ne!(summary["depth"], "auto");
    let config = fs::read_to_string(DESK.path("followed/config.toml")).unwrap();
    let config: toml::Table = config.parse().unwrap();
    assert_eq!(config["finetune"]["depth"].as_str(), advised["depth"].as_str());
    assert_eq!(config["finetune"]["rate_scale"].as_float(), advised["rate_scale"].as_f64());
    assert!(summary["steps"][1]["what"].as_str().unwrap().contains(advised["depth"].as_str().unwrap()));
    let live: Vec<&str> =
        advised["live"].as_array().unwrap().iter().map(|stage| stage.as_str().unwrap()).collect();
    for stage in summary["stages"].as_array().unwrap() {
        assert_eq!(stage["live"], live.contains(&stage["name"].as_str().unwrap()), "{stage}");
    }
    let page = fs::read_to_string(DESK.path("followed/report.html")).unwrap();
    assert!(page.contains("conv2 to fc2") && ran.stdout.contains(advised["depth"].as_str().unwrap()));

    // What came of it is a configuration like any other: it gives the same model without asking again.
    DESK.finetune("--config followed/config.toml --out repeated").ends(0, &[]);
    let digest =
        |run: &str| DESK.json(&format!("{run}/summary.json"))["digests"]["model.safetensors"].clone();
    assert_eq!(digest("followed"), digest("repeated"));
}

#[test]
fn a_run_with_depth_auto_ends_where_later_stages_say_nothing() {
    // A network that has lost what its last stage knew.
    let mut weights = safetensors::read(&DESK.path("m.safetensors"));
    safetensors::scale(weights.get_mut("fc2.weight").unwrap(), 0.0);
    safetensors::write(&DESK.path("lost.safetensors"), &weights);
    // Stripes: which way they go shows in no single pixel, for they begin anywhere.
    for (class, split) in ["down", "across"].iter().flat_map(|class| [(class, "train"), (class, "test")]) {
        let folder = DESK.path(&format!("stripes/{split}/{class}"));
        fs::create_dir_all(&folder).unwrap();
        let numbers = if split == "train" { 0..20u32 } else { 20..40 };
        for number in numbers {
            let stripe = |x: u32, y: u32| {
                let along = if *class == "down" { x } else { y };
                let wide = 2 + number % 3;
                image::Luma([if (along + number * 7 / 3) / wide % 2 == 0 { 255 } else { 0 }])
            };
            image::GrayImage::from_fn(28, 28, stripe).save(folder.join(format!("{number}.png"))).unwrap();
        }
    }
    let lost = "--config t.toml --set model.weights=lost.safetensors --set data.root=stripes --set data.validation_fraction=0";
    let ran = DESK.finetune(&format!("{lost} --out lost")).ends(0, &[]);
    let summary = DESK.json("lost/summary.json");
    let advised = &summary["advice"];
    let (cut, taps) = (&advised["cut"], advised["taps"].as_array().unwrap());
    let last = if taps.is_empty() { cut } else { &taps[taps.len() - 1] };
    assert_eq!((&advised["depth"], &advised["head_solver"]), (&"head".into(), &"ridge".into()), "{advised}");
    assert!(["conv1", "conv2", "fc1"].contains(&last.as_str().unwrap()), "{advised}");
    let paragraph = advised["paragraph"].as_str().unwrap();
    assert!(paragraph.contains(last.as_str().unwrap()) && paragraph.contains("ridge"), "{paragraph}");
    // The run ends there, and so does its configuration and its model.
    assert_eq!((&summary["ending"]["cut"], &summary["head_fit"]["solver"]), (last, &"ridge".into()));
    let config: toml::Table = fs::read_to_string(DESK.path("lost/config.toml")).unwrap().parse().unwrap();
    assert_eq!(config["finetune"]["head_solver"].as_str(), Some("ridge"));
    assert!(config["finetune"].get("cut").is_some() || config["finetune"].get("taps").is_some());
    let tensors = safetensors::read(&DESK.path("lost/model.safetensors"));
    assert!(!tensors.contains_key("fc2.weight") && ran.stdout.contains("head"), "{:?}", tensors.keys());
    assert!(summary["evaluations"][0]["accuracy"].as_f64().unwrap() > 0.8, "{summary}");
    // Who names an end keeps it, and augmented images have no computed head.
    for (number, (set, key, kept)) in
        [("finetune.cut=conv1", "cut", Some("conv1")), ("augment.rotation=10", "head_solver", Some("sgd"))]
            .into_iter()
            .enumerate()
    {
        DESK.finetune(&format!("{lost} --set {set} --set train.epochs=1 --out kept-{number}")).ends(0, &[]);
        let config: toml::Table =
            fs::read_to_string(DESK.path(&format!("kept-{number}/config.toml"))).unwrap().parse().unwrap();
        assert_eq!(config["finetune"][key].as_str(), kept);
    }
}

#[test]
fn the_users_rate_stays_and_a_comparison_may_hold_the_advice_among_its_settings() {
    // The usual rate too is the user's, where it is given.
    for rate in [0.37, 0.1] {
        let out = format!("rate-{rate}");
        DESK.finetune(&format!("--config bold.toml --set finetune.rate_scale={rate} --out {out}"))
            .ends(0, &[]);
        let config = fs::read_to_string(DESK.path(&format!("{out}/config.toml"))).unwrap();
        let config: toml::Table = config.parse().unwrap();
        assert_eq!(config["finetune"]["rate_scale"].as_float(), Some(rate));
        let advised = DESK.json(&format!("{out}/summary.json"))["advice"]["rate_scale"].clone();
        assert_eq!(advised, 1.0, "another rate is advised");
    }
    let settings = "\n[compare]\nmethods = [\"fine-tune\"]\nseeds = [0]\nsetting = [{ name = \"head\", set = [\"finetune.depth=head\"] }, { name = \"auto\" }]\n";
    DESK.write("grid.toml", fs::read_to_string(DESK.path("t.toml")).unwrap() + settings);
    DESK.finetune("--config grid.toml --out grid").ends(0, &[]);
    let cell = DESK.json("grid/cells/all-images-auto-seed-0/summary.json");
    assert_eq!(cell["depth"], cell["advice"]["depth"]);
    assert!(DESK.json("grid/cells/all-images-head-seed-0/summary.json")["advice"].is_null());
}

#[test]
fn depths_can_be_named_and_the_advised_one_be_among_them() {
    let compare = "compare --config t.toml --vary depth --depths head,last:1,auto --seeds 0 --out depths";
    DESK.finetune(compare).ends(0, &[]);
    let cells = names(&DESK.path("depths/cells"));
    assert_eq!(cells, ["all-images-auto-seed-0", "all-images-head-seed-0", "all-images-last-1-seed-0"]);
    assert!(DESK.json("depths/cells/all-images-auto-seed-0/summary.json")["advice"]["depth"].is_string());
}

#[test]
fn what_cannot_be_advised_on_is_refused_with_the_way_out() {
    let desk = &DESK;
    let scratch = "--set model.weights=none --set finetune.depth=scratch";
    desk.finetune(&format!("advise --config t.toml {scratch} --out no1"))
        .ends(2, &["--set model.weights=none: model.weights: "]);
    desk.finetune("--config t.toml --set model.weights=none --out no2")
        .ends(2, &["--set model.weights=none: model.weights: "]);
    desk.finetune("advise --config t.toml --set model.weights=gone.safetensors --out no3")
        .ends(1, &["gone.safetensors"]);
    desk.draw("one/bar", "bar", 0..4);
    desk.finetune("advise --config t.toml --set data.root=one --out no4")
        .ends(2, &["--set data.root=one: data.root: ", "bar"]);
    desk.finetune("advise --config t.toml --set data.images_per_class=1 --out no5")
        .ends(2, &["--set data.images_per_class=1: data.images_per_class: ", "finetune.depth"]);
    desk.finetune("advise --config t.toml --set data.images_per_class=99 --out no6")
        .ends(2, &["--set data.images_per_class=99: data.images_per_class: 99 images per class"]);
    desk.draw("tiny/train/bar", "bar", 0..1);
    desk.draw("tiny/train/disc", "disc", 0..1);
    desk.finetune("--config t.toml --set data.root=tiny --set data.validation_fraction=0 --out no7")
        .ends(2, &["--set data.root=tiny: data.root: "]);
    desk.finetune("advise --config t.toml --images 3 --out no8").ends(2, &["--images <N>", "at least 10"]);
    for (set, key) in [
        ("finetune.thaw.every=1", "finetune.thaw"),
        ("finetune.rates={fc2=0.1}", "finetune.rates"),
        ("regularize.delta={}", "regularize.delta"),
    ] {
        desk.finetune(&format!("--config t.toml --set {set} --out no9")).ends(2, &[key, "finetune advise"]);
    }
    desk.finetune("advise --config t.toml --out twice").ends(0, &[]);
    desk.finetune("advise --config t.toml --out twice").ends(1, &["twice exists already", "--out"]);
    for number in 1..10 {
        assert!(!desk.path(&format!("no{number}")).exists(), "no{number}");
    }
}
