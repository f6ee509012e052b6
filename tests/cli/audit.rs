//! `finetune audit`: what is wrong with a data set, the list of corrections, and the run after it.

use std::fs;

use serde_json::Value;

use crate::support::resumable::killed_when;
use crate::support::stopped::stopped;
use crate::support::transfer::sha256;
use crate::support::{Desk, names};

/// A LeNet trained on two shapes, and a set of these with faults.
fn faulty() -> Desk {
    let desk = Desk::new();
    desk.finetune("--config c.toml --out source --set train.epochs=12").ends(0, &[]);
    for (split, numbers) in [("train", 200..230), ("val", 300..310)] {
        for shape in ["bar", "cross"] {
            desk.draw(&format!("new/{split}/{shape}"), shape, numbers.clone());
        }
    }
    fs::rename(desk.path("new/train/bar/200.png"), desk.path("new/train/cross/wrong.png")).unwrap();
    fs::copy(desk.path("new/val/bar/300.png"), desk.path("new/train/bar/leak.png")).unwrap();
    fs::copy(desk.path("new/train/bar/201.png"), desk.path("new/train/bar/twice.png")).unwrap();
    desk.write("new/train/cross/broken.png", "no image");
    desk
}

const AUDIT: &str = "audit --config c.toml --set data.root=new --set model.weights=source/model.safetensors --set finetune.depth=head";

#[test]
fn faults_are_found_and_corrected_and_the_run_after_it_computes_no_image_again() {
    let desk = faulty();
    let ran = desk.finetune(&format!("{AUDIT} --out one --fix")).ends(0, &[]);
    for said in
        ["1 file cannot be read", "validation image has a copy in train", "exclude.toml", "report.html"]
    {
        assert!(ran.stdout.contains(said), "{said}: {}", ran.stdout);
    }
    assert_eq!(names(&desk.path("one")), ["audit.json", "exclude.toml", "report.html"]);
    let audit = desk.json("one/audit.json");
    let file = &audit["files"][0];
    assert_eq!((&file["path"], &file["problem"]), (&"train/cross/broken.png".into(), &"unreadable".into()));
    let exact: Vec<[&str; 4]> = audit["copies"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|copy| copy["kind"] == "file")
        .map(|copy| {
            [&copy["a"], &copy["b"], &copy["splits"][0], &copy["splits"][1]].map(|it| it.as_str().unwrap())
        })
        .collect();
    let leak = ["train/bar/leak.png", "val/bar/300.png", "train", "validation"];
    assert_eq!(exact, [["train/bar/201.png", "train/bar/twice.png", "train", "train"], leak]);
    let labels = audit["labels"].as_array().unwrap();
    let probability = |label: &Value| label["probability"].as_f64().unwrap();
    assert!(labels.windows(2).all(|pair| probability(&pair[0]) <= probability(&pair[1])));
    assert_eq!((&labels[0]["path"], &labels[0]["likely"]), (&"train/cross/wrong.png".into(), &"bar".into()));
    assert_eq!((labels.len(), &labels[0]["flagged"]), (62, &true.into()));

    // The same data gives the same bytes, and a folder that is taken is refused before any work. One that was cut off is gone on
    // with, by the same configuration.
    let mut program = desk.program();
    program.args(format!("{AUDIT} --out two").split_whitespace());
    assert!(killed_when(&mut program, || desk.path("two/config.toml").exists()));
    desk.finetune(&format!("{AUDIT} --set run.seed=9 --out two --continue"))
        .ends(1, &["run.seed", "was 0   is 9"]);
    desk.finetune("audit --resume two --fix").ends(0, &[]);
    desk.finetune(&format!("{AUDIT} --out two --continue")).ends(0, &["finished already"]);
    for name in ["audit.json", "exclude.toml", "report.html"] {
        let [one, two] = ["one", "two"].map(|folder| sha256(&desk.path(&format!("{folder}/{name}"))));
        assert_eq!(one, two, "{name}");
    }
    desk.finetune(&format!("{AUDIT} --out two")).ends(1, &["two exists already"]);

    let run = AUDIT.strip_prefix("audit ").unwrap();
    let said = ["finetune audit", "1 of 20 validation", "those of 82 of 82 images"];
    desk.finetune(&format!("{run} --out run")).ends(0, &said);
    let corrected = format!("{run} --set data.exclude=one/exclude.toml --out corrected");
    let ran = desk.finetune(&corrected).ends(0, &["leaves out 3 image(s)"]);
    assert!(!ran.stderr.contains("finetune audit"), "{}", ran.stderr);
    let json = desk.finetune(&format!("{AUDIT} --out three --json")).ends(0, &[]);
    assert_eq!(serde_json::from_str::<Value>(&json.stdout).unwrap(), audit);
    assert!(!desk.path("three/exclude.toml").exists());
}

#[test]
fn without_weights_there_are_copies_and_no_labels() {
    let desk = Desk::new();
    fs::copy(desk.path("data/train/bar/003.png"), desk.path("data/val/bar/copy.png")).unwrap();
    desk.finetune("audit --config c.toml").ends(0, &[]);
    let audit = desk.json("runs/c-audit/audit.json");
    assert_eq!(audit["copies"][0]["kind"], "file");
    assert!(audit["labels_refused"].as_str().unwrap().contains("weights"), "{}", audit["labels_refused"]);
    desk.finetune("audit --config c.toml").ends(1, &["runs/c-audit"]);
    desk.finetune("audit").ends(2, &["--config"]);
}

#[test]
fn test_labels_are_looked_at_when_they_are_asked_for() {
    let desk = faulty();
    for shape in ["bar", "cross"] {
        desk.draw(&format!("new/test/{shape}"), shape, 400..410);
    }
    fs::copy(desk.path("new/test/bar/400.png"), desk.path("new/train/bar/tested.png")).unwrap();
    for (more, out, tested) in [("", "without", 0), (" --with-test", "with", 20)] {
        desk.finetune(&format!("{AUDIT}{more} --out {out}")).ends(0, &[]);
        let record = desk.json(&format!("{out}/audit.json"));
        let of_test = |label: &&Value| label["path"].as_str().unwrap().starts_with("test");
        assert_eq!(record["held_out_labels"].as_array().unwrap().iter().filter(of_test).count(), tested);
        let copy = |copy: &&Value| copy["splits"][1] == "test" && copy["kind"] == "file";
        let copy = record["copies"].as_array().unwrap().iter().find(copy).unwrap();
        assert_eq!(copy["labels"][1].is_null(), more.is_empty());
        let label = |label: &&Value| of_test(label);
        assert!(!record["labels"].as_array().unwrap().iter().any(|it| label(&it)));
    }
}

#[test]
fn a_stop_leaves_nothing() {
    let desk = faulty();
    let mut program = desk.program();
    program.args(AUDIT.split(' ')).args(["--out", "stopped", "--set", "run.cache=off"]);
    let before = names(&desk.path("")).len();
    stopped(&mut program, "examining files", || ()).ends(130, &[]);
    assert_eq!(names(&desk.path("")).len(), before);
}
