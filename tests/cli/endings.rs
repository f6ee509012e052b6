//! Networks that end early, and heads that read several stages: what they are made of, that all who open the model agree, and
//! what is refused.

use std::fs;

use crate::support::Desk;
use crate::support::transfer::{LENET, RESNET, TRANSFER, trained};
use serde_json::Value;

/// Logits of the test images, as `predict` gives them.
fn logits(desk: &Desk, run: &str) -> Vec<Value> {
    let ran =
        desk.finetune(&format!("predict --run {run} --device cpu --threads 1 --json --logits new/test"));
    let lines = ran.ends(0, &[]).stdout;
    lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["logits"].clone()).collect()
}

/// The test split as `evaluate` measures the model, held against the run's own record.
#[track_caller]
fn is_measured_the_same(desk: &Desk, run: &str) {
    let ran = desk.finetune(&format!("evaluate --run {run} --data new --device cpu --threads 1 --json"));
    let measured: Value = serde_json::from_str(ran.ends(0, &[]).stdout.lines().last().unwrap()).unwrap();
    let summary = desk.json(&format!("{run}/summary.json"));
    let own = summary["evaluations"].as_array().unwrap().iter().find(|e| e["split"] == "test").unwrap();
    let [here, there] = [&measured, own].map(|record| record["loss"].as_f64().unwrap());
    assert!((here - there).abs() < 1e-5 * there.max(1.0), "{run}: {here}, and {there} in the run");
    assert_eq!(measured["accuracy"], own["accuracy"], "{run}");
}

fn tensors(desk: &Desk, run: &str) -> Vec<String> {
    let model = checkpoint::read(&desk.path(&format!("{run}/model.safetensors"))).unwrap();
    model.tensors.into_keys().collect()
}

#[test]
fn a_cut_drops_later_stages_and_the_model_stays_cut() {
    let cut = format!("{TRANSFER} --set finetune.cut=conv2 --set train.epochs=2");
    for depth in ["head", "last:1", "all"] {
        let out = format!("cut-{}", depth.replace(':', "-"));
        let (_, summary) = trained(&LENET, &out, &format!("{cut} --set finetune.depth={depth}"));
        assert_eq!(summary["ending"]["cut"], "conv2");
        assert_eq!(summary["ending"]["features"], 16);
        let stages: Vec<&str> = summary["stages"]
            .as_array()
            .unwrap()
            .iter()
            .map(|stage| stage["name"].as_str().unwrap())
            .collect();
        assert_eq!(stages, ["conv1", "conv2", "head"]);
        let mut names = tensors(&LENET, &out);
        names.sort();
        assert_eq!(
            names,
            ["conv1.bias", "conv1.weight", "conv2.bias", "conv2.weight", "fc3.bias", "fc3.weight"]
        );
        is_measured_the_same(&LENET, &out);
        let page = fs::read_to_string(LENET.path(&format!("{out}/report.html"))).unwrap();
        assert!(page.contains("ends after conv2"), "the page says where it ends");
    }
    // Frozen stages are the source's.
    let source = checkpoint::read(&LENET.path("source/model.safetensors")).unwrap();
    let head = checkpoint::read(&LENET.path("cut-head/model.safetensors")).unwrap();
    assert_eq!(head.tensors["conv2.weight"], source.tensors["conv2.weight"]);
    let ran = LENET.finetune("inspect cut-head/model.safetensors --json").ends(0, &[]);
    let inspected: Value = serde_json::from_str(ran.stdout.trim()).unwrap();
    assert_eq!(inspected["metadata"]["cut"], "conv2");
    assert_eq!(inspected["fits"][0]["arch"], "lenet5_relu");
    assert_eq!(inspected["fits"][0]["missing"], Value::Array(Vec::new()), "{inspected}");
    let of = |run: &str| fs::metadata(LENET.path(&format!("{run}/model.safetensors"))).unwrap().len();
    assert!(of("cut-head") * 5 < of("source"), "{} and {}", of("cut-head"), of("source"));
    let shown = LENET.finetune("config --show cut-head/config.toml").ends(0, &[]).stdout;
    assert!(shown.contains("cut = \"conv2\""), "{shown}");

    // A later run from that model: its head kept, it says what it said; with a new head, it is still cut.
    let later = "--config c.toml --set data.root=new --set model.weights=cut-head/model.safetensors \
                 --set finetune.depth=head --set train.learning_rate=1e-30";
    trained(&LENET, "cut-kept", &format!("{later} --set finetune.head=keep"));
    assert_eq!(logits(&LENET, "cut-kept"), logits(&LENET, "cut-head"));
    let (_, summary) = trained(&LENET, "cut-again", later);
    assert_eq!(summary["ending"]["cut"], "conv2");
    let (_, summary) = trained(&LENET, "cut-earlier", &format!("{later} --set finetune.cut=conv1"));
    assert_eq!((&summary["ending"]["cut"], &summary["ending"]["features"]), (&"conv1".into(), &6.into()));
    is_measured_the_same(&LENET, "cut-earlier");
    LENET.finetune(&format!("{later} --set finetune.cut=fc1 --out x")).ends(2, &["finetune.cut", "conv2"]);
}

#[test]
fn a_head_on_several_stages_reads_them_standardised_and_goes_with_the_model() {
    let taps = format!("{TRANSFER} --set finetune.taps=[\"conv1\",\"fc1\"] --set train.epochs=2");
    for depth in ["head", "last:1", "from:conv2", "all"] {
        let out = format!("taps-{}", depth.replace(':', "-"));
        let (_, summary) = trained(&LENET, &out, &format!("{taps} --set finetune.depth={depth}"));
        let ending = &summary["ending"];
        assert_eq!((&ending["cut"], &ending["features"]), (&"fc1".into(), &126.into()), "{ending}");
        assert_eq!(ending["taps"], serde_json::json!(["conv1", "fc1"]));
        is_measured_the_same(&LENET, &out);
        let model = checkpoint::read(&LENET.path(&format!("{out}/model.safetensors"))).unwrap();
        for name in ["fc3.taps.mean", "fc3.taps.deviation"] {
            let values = model.tensors[name].to_f32().unwrap();
            assert_eq!(values.len(), 126);
            assert!(values.iter().all(|value| value.is_finite()) && values.iter().any(|value| *value != 1.0));
        }
        assert!(!model.tensors.contains_key("fc2.weight"));
    }
    let later = "--config c.toml --set data.root=new --set model.weights=taps-all/model.safetensors \
                 --set finetune.depth=head --set train.learning_rate=1e-30";
    trained(&LENET, "taps-kept", &format!("{later} --set finetune.head=keep"));
    assert_eq!(logits(&LENET, "taps-kept"), logits(&LENET, "taps-all"));
    let (_, summary) = trained(&LENET, "taps-again", later);
    assert_eq!(summary["ending"]["taps"], serde_json::json!(["conv1", "fc1"]));
    let (_, summary) = trained(&LENET, "taps-cut", &format!("{later} --set finetune.cut=fc1"));
    assert_eq!(summary["ending"]["taps"], serde_json::json!([]), "the cut alone is read");
    // Where the cut is no tap, it is read too.
    let both = format!(
        "{TRANSFER} --set finetune.taps=[\"conv1\"] --set finetune.cut=conv2 --set finetune.depth=head"
    );
    let (_, summary) = trained(&LENET, "taps-and-cut", &both);
    assert_eq!(summary["ending"]["taps"], serde_json::json!(["conv1", "conv2"]));
    // A smaller network from random weights, and the advice on one.
    let scratch =
        "--config c.toml --set data.root=new --set finetune.cut=conv2 --set finetune.taps=[\"conv1\"]";
    trained(&LENET, "taps-scratch", scratch);
    is_measured_the_same(&LENET, "taps-scratch");
    let resnet =
        format!("--config c.toml {RESNET} --set data.root=new --set finetune.taps=[\"layer1\",\"layer2\"]");
    trained(&LENET, "taps-scratch-resnet", &resnet);
    is_measured_the_same(&LENET, "taps-scratch-resnet");
    let (_, summary) = trained(&LENET, "taps-auto", &format!("{both} --set finetune.depth=auto"));
    let measured = summary["advice"]["stages"].as_array().unwrap();
    let measured: Vec<&str> = measured.iter().map(|stage| stage["name"].as_str().unwrap()).collect();
    assert_eq!(measured, ["pixels", "conv1", "conv2"]);
}

#[test]
fn kept_features_of_networks_that_end_early_change_nothing_but_the_time() {
    LENET.finetune(&format!("--config c.toml {RESNET} --set train.epochs=1 --out ended-resnet")).ends(0, &[]);
    let resnet = format!(
        "{RESNET} --set model.weights=ended-resnet/model.safetensors --set finetune.head_epochs=1 \
         --set finetune.taps=[\"layer1\",\"layer2\",\"layer4\"]"
    );
    let (cut, taps) = ("--set finetune.cut=fc1", "--set finetune.taps=[\"conv1\",\"conv2\",\"fc2\"]");
    let views = format!("{taps} --set train.epochs=5 --set augment.views=2 --set augment.rotation=20");
    let thaw = format!("{taps} --set finetune.thaw={{every=1}} --set train.epochs=4");
    // What is kept on disk is what is kept in memory: one of each kind, vectors, maps, views and several cuts, shows it.
    for (number, (depth, more, is_stored)) in [
        ("head", cut, false),
        ("from:conv2", cut, false),
        ("head", taps, true),
        ("from:fc1", taps, true),
        ("from:fc2", taps, false),
        ("from:fc1", &views, true),
        ("all", &thaw, true),
        ("head", &resnet, false),
        ("from:layer4", &resnet, false),
        ("from:layer2", &resnet, true),
    ]
    .into_iter()
    .enumerate()
    {
        let settings = format!("{TRANSFER} --set train.epochs=2 {more} --set finetune.depth={depth}");
        let way = |name: &str, more: &str| {
            trained(&LENET, &format!("ended-{name}-{number}"), &format!("{settings} {more}"))
        };
        let (in_memory, kept) = way("memory", "--set run.cache=memory");
        let (each_time, recomputed) = way("off", "--set run.cache=off");
        assert_eq!(in_memory, each_time, "{depth} {more}");
        let said = |summary: &Value| summary["steps"][3]["what"].as_str().unwrap().contains("features kept");
        assert!(said(&kept) && !said(&recomputed), "{depth} {more}");
        if is_stored {
            let (on_disk, mapped) = way("disk", "--set run.features_mib=0");
            assert!(on_disk == each_time && said(&mapped), "{depth} {more}");
            let (found, _) = way("found", "");
            assert_eq!(found, each_time, "{depth} {more}: features of the earlier run");
        }
    }
}

#[test]
fn the_rows_of_a_cut_network_are_its_pooled_features_alone() {
    let desk = Desk::new();
    desk.finetune("--config c.toml --out source").ends(0, &[]);
    let settings = "--config c.toml --set model.weights=source/model.safetensors --set finetune.depth=head";
    let sizes = |settings: &str, out: &str| {
        trained(&desk, out, settings);
        let folder = desk.path(".cache/finetune-rs/features");
        let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        let files = files.filter(|path| path.extension().is_some_and(|end| end == "features"));
        let mut sizes: Vec<u64> = files.map(|path| fs::metadata(path).unwrap().len()).collect();
        sizes.sort_unstable();
        fs::remove_dir_all(folder).unwrap();
        sizes
    };
    // Four images to validate with and twelve to train on, in float32: conv1 has 6 channels, conv2 has 16.
    assert_eq!(sizes(&format!("{settings} --set finetune.cut=conv2"), "cut"), [4 * 16 * 4, 12 * 16 * 4]);
    let taps = format!("{settings} --set finetune.taps=[\"conv1\",\"conv2\"]");
    assert_eq!(sizes(&taps, "taps"), [4 * 22 * 4, 12 * 22 * 4]);
    // The input of fc2 and what the head reads before it; and what the head reads, by which it is standardised.
    let deeper =
        "--set finetune.taps=[\"conv1\",\"fc2\"] --set finetune.depth=last:1 --set finetune.head_epochs=0";
    assert_eq!(
        sizes(&format!("{settings} {deeper}"), "deeper"),
        [4 * 90 * 4, 4 * 126 * 4, 12 * 90 * 4, 12 * 126 * 4]
    );
}

#[test]
fn what_contradicts_an_ending_is_refused_at_its_key() {
    let refused = |settings: &str, says: &[&str]| {
        LENET.finetune(&format!("{TRANSFER} --set finetune.depth=head {settings} --out x")).ends(2, says);
    };
    refused("--set finetune.cut=conv9", &["finetune.cut", "\"conv9\"", "conv1, conv2, fc1, fc2, head"]);
    refused("--set finetune.cut=head", &["finetune.cut"]);
    refused("--set finetune.taps=[\"conv1\",\"conv9\"]", &["finetune.taps", "\"conv9\""]);
    refused("--set finetune.taps=[\"conv1\",\"conv1\"]", &["finetune.taps", "twice"]);
    refused("--set finetune.taps=[\"fc1\"] --set finetune.cut=conv2", &["finetune.taps", "fc1", "conv2"]);
    refused("--set finetune.cut=conv2 --set finetune.head=keep", &["finetune.cut", "finetune.head"]);
    refused("--set finetune.taps=[\"fc1\"] --set finetune.head=keep", &["finetune.taps", "finetune.head"]);
    refused("--set finetune.cut=conv2 --set finetune.depth=from:fc1", &["finetune.depth", "fc1"]);
    refused(
        "--set finetune.cut=conv2 --set finetune.depth=all --set regularize.co_tuning={}",
        &["regularize.co_tuning", "finetune.cut"],
    );
    refused(
        "--set finetune.cut=conv2 --set finetune.depth=all --set finetune.rates={fc1=0.1}",
        &["finetune.rates.fc1"],
    );
    // Within a file, at its line.
    let text = fs::read_to_string(LENET.path("c.toml")).unwrap();
    LENET.write("cut.toml", text.replace("[finetune]", "[finetune]\ncut = \"conv9\""));
    LENET.finetune("--config cut.toml --out x").ends(2, &["cut.toml:9:7", "finetune.cut"]);
}
