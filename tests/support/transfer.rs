//! From a trained network to a new task, and what came of it.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::support::Desk;

/// Settings that make a ResNet-18 of the LeNet configuration, on images of 32 x 32.
pub(crate) const RESNET: &str = concat!(
    " --set model.arch=resnet18 --set run.checkpoints=none",
    " --set data.input={resize=32,crop=32,interpolation=\"bilinear\",channels=3,",
    "mean=[0.5,0.5,0.5],std=[0.5,0.5,0.5]}"
);

/// From a trained LeNet to a new task.
pub(crate) const TRANSFER: &str =
    "--config c.toml --set data.root=new --set model.weights=source/model.safetensors";

/// A LeNet trained on two shapes in `source/`, and a new task of three shapes in `new/` with a test split.
pub(crate) static LENET: LazyLock<Desk> = LazyLock::new(|| {
    let desk = Desk::new();
    desk.finetune("--config c.toml --out source").ends(0, &[]);
    for shape in ["bar", "cross", "disc"] {
        desk.draw(&format!("new/train/{shape}"), shape, 200..205);
        desk.draw(&format!("new/val/{shape}"), shape, 300..302);
        desk.draw(&format!("new/test/{shape}"), shape, 400..403);
    }
    desk
});

/// Runs into the folder `out`, and gives the digest of the model with the summary.
#[track_caller]
pub(crate) fn trained(desk: &Desk, out: &str, arguments: &str) -> (String, Value) {
    desk.finetune(&format!("{arguments} --out {out}")).ends(0, &[]);
    let summary = desk.json(&format!("{out}/summary.json"));
    let sha256 = sha256(&desk.path(&format!("{out}/model.safetensors")));
    assert_eq!(summary["digests"]["model.safetensors"], sha256);
    (sha256, summary)
}

pub(crate) fn sha256(path: &Path) -> String {
    hex::encode(Sha256::digest(fs::read(path).unwrap()))
}
