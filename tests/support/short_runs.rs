//! Short trainings by the program, on a desk that tests share.

use std::fs;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};

use records::RunRecord;

use crate::support::{Desk, Ran};

pub(crate) use crate::support::base::BASE;

/// Small images in colour.
pub(crate) const COLOUR: &str = concat!(
    "data.input={resize=32,crop=32,interpolation=\"bilinear\",channels=3,",
    "mean=[0.5,0.5,0.5],std=[0.5,0.5,0.5]}"
);

/// With [`BASE`] as `c.toml`, its images, and the source weights of a LeNet and of a ResNet (`r.safetensors`).
pub(crate) static DESK: LazyLock<Desk> = LazyLock::new(|| {
    let desk = Desk::new();
    for class in ["bar", "cross"] {
        fs::remove_dir_all(desk.path(&format!("data/train/{class}"))).unwrap();
    }
    desk.draw("data/train/bar", "bar", 0..9);
    desk.draw("data/train/cross", "cross", 0..4);
    let source = BASE
        .replace("m.safetensors", "none")
        .replace("last:2", "scratch")
        .replace("epochs = 3", "epochs = 1");
    desk.write("source.toml", source);
    desk.finetune("--config source.toml --out source").ends(0, &[]);
    fs::rename(desk.path("source/model.safetensors"), desk.path("m.safetensors")).unwrap();
    let residual = format!("--config source.toml --out residual --set model.arch=resnet18 --set {COLOUR}");
    desk.finetune(&residual).ends(0, &[]);
    fs::rename(desk.path("residual/model.safetensors"), desk.path("r.safetensors")).unwrap();
    desk.write("c.toml", BASE);
    desk
});

/// The digest of the model file that the program leaves after a run with these overrides, and the run's record.
pub(crate) fn trained(sets: &[&str]) -> (String, RunRecord) {
    let out = name();
    let mut program = DESK.program();
    program.args(["--config", "c.toml", "--out", &out]);
    program.args(sets.iter().flat_map(|set| ["--set", set]));
    Ran::of(&program.output().unwrap()).ends(0, &[]);
    let record: RunRecord = serde_json::from_value(DESK.json(&format!("{out}/summary.json"))).unwrap();
    fs::remove_dir_all(DESK.path(&out)).unwrap();
    (record.digests["model.safetensors"].clone(), record)
}

/// Records of the runs that each of these cases makes of [`BASE`] with the overrides `base`: settings of one comparison,
/// which one process trains.
pub(crate) fn compared(base: &[&str], cases: &[&[&str]]) -> Vec<RunRecord> {
    let out = name();
    let settings = cases
        .iter()
        .enumerate()
        .map(|(number, set)| format!("[[compare.setting]]\nname = \"case-{number}\"\nset = {set:?}\n"));
    let settings = settings.collect::<String>();
    let method = if base.contains(&"finetune.depth=scratch") { "scratch" } else { "fine-tune" };
    let compare = format!("[compare]\nmethods = [{method:?}]\nseeds = [0]\njobs = 1\n");
    DESK.write(&format!("{out}.toml"), format!("{BASE}\n{compare}{settings}"));
    let mut program = DESK.program();
    program.args(["--config", &format!("{out}.toml"), "--out", &out]);
    program.args(base.iter().flat_map(|set| ["--set", set]));
    Ran::of(&program.output().unwrap()).ends(0, &[]);
    let record = |number| {
        let summary = format!("{out}/cells/all-images-case-{number}-seed-0/summary.json");
        serde_json::from_value(DESK.json(&summary)).unwrap()
    };
    let records = (0..cases.len()).map(record).collect();
    fs::remove_dir_all(DESK.path(&out)).unwrap();
    records
}

/// A name that no other run on the desk has.
fn name() -> String {
    static NUMBER: AtomicUsize = AtomicUsize::new(0);
    format!("trained-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}
