//! Weights of Hugging Face's hub: fetched by the command that a refusal names, and kept by commit in all that a run leaves.

use std::fs;

use sha2::{Digest as _, Sha256};

use super::bad_input::refused;
use crate::support::{Desk, Ran, built, safetensors};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

#[test]
fn a_run_from_the_hub_keeps_commit_and_licence() {
    let desk = Desk::new();
    desk.finetune("--config c.toml --out trained").ends(0, &[]);
    // A file of another program: nothing but tensors.
    let path = desk.path(&format!("mirror/hf/a/b/{COMMIT}/model.safetensors"));
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    safetensors::write(&path, &safetensors::read(&desk.path("trained/model.safetensors")));
    let sha256 = hex::encode(Sha256::digest(fs::read(&path).unwrap()));
    let input = safetensors::metadata(&desk.path("trained/model.safetensors"))["input"].clone();
    let mut input: serde_json::Value = serde_json::from_str(input.as_str().unwrap()).unwrap();
    input["mean"] = serde_json::json!([0.25]);
    let record = format!("commit = \"{COMMIT}\"\nsha256 = \"{sha256}\"\nlicence = \"apache-2.0\"\n");
    let record = format!("{record}[input]\n{}", toml::to_string(&input).unwrap());
    desk.write("mirror/hf/a/b/main/model.safetensors.toml", &record);

    let run = "--config c.toml --out out --set model.weights=hf:a/b --set finetune.depth=head";
    refused(&desk, 1, run, &["hf:a/b", " fetch-weights hf:a/b`"]);
    refused(&desk, 2, &run.replace("hf:a/b", "hf:b"), &["model.weights", "hf:OWNER/NAME[@REV][:FILE]"]);

    let downloader = ["--package", "pretrained", "--features", "fetch", "--bin", "finetune-fetch"];
    let downloader = built::program(&downloader);
    let fetch = |arguments: &str| {
        let mut fetch = desk.program();
        fetch.env("FINETUNE_FETCH", &downloader).arg("fetch-weights").args(arguments.split_whitespace());
        Ran::of(&fetch.output().unwrap())
    };
    desk.write("hub.toml", "[model]\narch = \"lenet5_relu\"\nweights = \"hf:a/b\"\n");
    let pinned = format!("hf:a/b@{COMMIT}");
    for (arguments, how) in [("hf:a/b --from mirror", "copied"), ("--config hub.toml", "was there")] {
        let fetched = fetch(arguments).ends(0, &[]).stdout;
        let all = [pinned.as_str(), how, "licence apache-2.0"].iter().all(|said| fetched.contains(said));
        assert!(all, "{fetched}");
    }

    desk.finetune(run).ends(0, &[&pinned, "as the hub says"]);
    assert_eq!(desk.json("out/summary.json")["load"]["weights"], pinned.as_str());
    let kept: toml::Table = fs::read_to_string(desk.path("out/config.toml")).unwrap().parse().unwrap();
    assert_eq!(kept["model"]["weights"].as_str(), Some(pinned.as_str()));
    let metadata = safetensors::metadata(&desk.path("out/model.safetensors"));
    assert_eq!((&metadata["source"], &metadata["licence"]), (&pinned.as_str().into(), &"apache-2.0".into()));
    assert_eq!(metadata["source_sha256"], sha256.as_str());
    let kept: serde_json::Value = serde_json::from_str(metadata["input"].as_str().unwrap()).unwrap();
    assert_eq!(kept, input);

    // The branch moves on; what a run kept still means the same bytes.
    desk.write(
        "weights/hf/a/b/main/model.safetensors.toml",
        record.replace(COMMIT, &COMMIT.replace('0', "f")),
    );
    desk.finetune("--config out/config.toml --out again").ends(0, &[]);
    let [first, again] =
        ["out", "again"].map(|run| fs::read(desk.path(run).join("model.safetensors")).unwrap());
    assert!(first == again);
    desk.finetune(&format!("predict --arch lenet5_relu --weights {pinned} --device cpu data/val"))
        .ends(0, &[]);

    desk.write(&format!("weights/hf/a/b/{COMMIT}/model.safetensors"), "torn");
    fs::remove_dir_all(desk.path("out")).unwrap();
    refused(&desk, 1, &run.replace("hf:a/b", &pinned), &["SHA-256", &sha256]);
}
