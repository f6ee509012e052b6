//! Images as strangers have them, from folders and lists to what `finetune` trains on, measures and says.

use std::fs;

use crate::support::{Desk, SCRATCH};

/// The configuration with these lines in `[data]` in place of its folder.
fn with_data(lines: &str) -> String {
    SCRATCH.replace("root = \"data\"", lines)
}

/// Copies the images of the desk into one flat folder, and names them in a list.
fn list_of(desk: &Desk, list: &str, header: &str, row: impl Fn(&str, &str, u32) -> String) {
    let mut text = format!("{header}\n");
    for class in ["bar", "cross"] {
        for (split, numbers) in [("train", 0..6), ("val", 100..102)] {
            for number in numbers {
                let name = format!("{class}-{number:03}.png");
                fs::create_dir_all(desk.path("flat")).unwrap();
                let from = desk.path(&format!("data/{split}/{class}/{number:03}.png"));
                fs::copy(from, desk.path(&format!("flat/{name}"))).unwrap();
                text.push_str(&row(&format!("flat/{name}"), class, number));
            }
        }
    }
    desk.write(list, text);
}

fn split(number: u32) -> &'static str {
    if number < 100 { "train" } else { "valid" }
}

#[test]
fn a_list_is_trained_on_measured_with_and_predicted() {
    let desk = Desk::new();
    list_of(&desk, "labels.csv", "File_Name,Label,Split", |path, class, number| {
        format!("{path},{class},{}\n", split(number))
    });
    desk.write("l.toml", with_data("list = \"labels.csv\""));
    desk.finetune("--config l.toml --out out --set train.epochs=20").ends(0, &[]);
    let data = desk.json("out/summary.json")["data"].clone();
    assert_eq!((data["train"].as_u64(), data["validation"].as_u64()), (Some(12), Some(4)));
    assert_eq!(data["root"], "labels.csv");
    let config = fs::read_to_string(desk.path("out/config.toml")).unwrap();
    assert!(config.contains("list = \"labels.csv\"") && !config.contains("root ="), "{config}");

    let ran = desk
        .finetune("evaluate --device cpu --run out --data labels.csv --json --predictions said.csv")
        .ends(0, &[]);
    let measured: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&measured["split"], measured["images"].as_u64()), (&"validation".into(), Some(4)));
    let said = fs::read_to_string(desk.path("said.csv")).unwrap();
    let mut lines = said.lines();
    assert_eq!(lines.next(), Some("path,label,predicted,probability of bar,probability of cross"));
    let mut right = 0;
    for line in lines.clone() {
        let cells: Vec<&str> = line.split(',').collect();
        let [bar, cross] = [3, 4].map(|cell: usize| cells[cell].parse::<f64>().unwrap());
        assert!((bar + cross - 1.0).abs() < 1e-9, "{line}");
        assert_eq!(cells[2], if bar >= cross { "bar" } else { "cross" }, "{line}");
        assert!(cells[0].contains(cells[1]), "{line}");
        right += u64::from(cells[1] == cells[2]);
    }
    assert_eq!((lines.count(), Some(right)), (4, measured["right"].as_u64()));
    let again = "evaluate --device cpu --run out --data labels.csv --predictions said.csv";
    desk.finetune(again).ends(1, &["cannot create said.csv"]);

    desk.write("hollow/bar/a.png", "no image");
    let nothing = "evaluate --device cpu --run out --data hollow --predictions none.csv";
    desk.finetune(nothing).ends(1, &["1 image(s) of hollow"]);
    assert!(!desk.path("none.csv").exists());

    let ran = desk.finetune("predict --device cpu --run out --json labels.csv data/val/bar").ends(0, &[]);
    assert_eq!(ran.stdout.lines().count(), 16 + 2);
    desk.finetune("advise --config l.toml --out advice").ends(2, &["model.weights"]);
}

#[test]
fn mistakes_in_a_list_have_their_line_and_in_keys_theirs() {
    let desk = Desk::new();
    desk.write("labels.csv", "path,label\ndata/train/bar/000.png,bar\nnowhere.png,cross\n");
    desk.write("c.toml", with_data("list = \"labels.csv\""));
    desk.finetune("--config c.toml --out out").ends(1, &["labels.csv:3: nowhere.png"]);
    let keys: [(&str, &[&str]); 5] = [
        (
            "root = \"data\"\nclasses = [\"bar\", \"barr\"]",
            &["c.toml:3:11: data.classes", "\"barr\"", "\"bar\", \"cross\""],
        ),
        ("root = \"data\"\nmerge = { all = [\"disc\"] }", &["c.toml:3:9: data.merge", "\"disc\""]),
        ("root = \"data\"\ngroup = { column = \"patient\" }", &["c.toml:3:9: data.group", "data.list"]),
        ("root = \"data\"\ngroup = { pattern = \"^(p)\" }", &["c.toml:3:9: data.group", "000.png"]),
        ("root = \"data\"\nexclude = \"none.toml\"", &["c.toml:3:11: data.exclude", "none.toml"]),
    ];
    for (lines, says) in keys {
        desk.write("c.toml", with_data(lines));
        desk.finetune("--config c.toml --out out").ends(2, says);
    }
    desk.write("c.toml", with_data(""));
    desk.finetune("--config c.toml --out out").ends(2, &["data.root", "data.list"]);
    assert!(!desk.path("out").exists());
}

#[test]
fn joined_classes_are_trained_and_measured() {
    let desk = Desk::new();
    for (split, numbers) in [("train", 0..6), ("val", 100..102)] {
        desk.draw(&format!("data/{split}/disc"), "disc", numbers);
    }
    desk.write("c.toml", with_data("root = \"data\"\nmerge = { line = [\"bar\", \"cross\"] }"));
    desk.finetune("--config c.toml --out out").ends(0, &[]);
    assert_eq!(desk.json("out/summary.json")["data"]["classes"], serde_json::json!(["disc", "line"]));
    let measure = "evaluate --device cpu --run out --data data";
    desk.finetune(measure).ends(1, &["\"bar\"", "--merge"]);
    desk.finetune(&format!("{measure} --merge line=bar,cross")).ends(0, &[]);
    desk.finetune(&format!("{measure} --merge line=bar --merge line=cross")).ends(0, &[]);
    let ran = desk.finetune(&format!("{measure} --classes disc --json")).ends(0, &["2", "bar, cross"]);
    assert!(ran.stdout.contains("\"images\":2"), "{}", ran.stdout);
}

#[test]
fn the_same_image_in_two_splits_or_under_two_labels_is_a_warning_with_a_pair() {
    let desk = Desk::new();
    fs::copy(desk.path("data/train/bar/003.png"), desk.path("data/val/bar/copy.png")).unwrap();
    fs::copy(desk.path("data/train/bar/004.png"), desk.path("data/train/cross/other.png")).unwrap();
    desk.finetune("--config c.toml --out out").ends(
        0,
        &[
            "warning: 1 of 5",
            "val/bar/copy.png",
            "train/bar/003.png",
            "train/bar/004.png as \"bar\"",
            "train/cross/other.png as \"cross\"",
        ],
    );
}

#[test]
fn what_is_left_out_is_said_and_changes_nothing() {
    let [plain, littered] = [Desk::new(), Desk::new()];
    littered.write("data/.DS_Store", "x");
    littered.write("data/train/bar/._000.png", "\0\u{5}\u{16}\u{7}");
    littered.write("data/train/.ipynb_checkpoints/000-checkpoint.png", "x");
    littered.write("data/val/Thumbs.db", "x");
    fs::rename(littered.path("data/val"), littered.path("data/Valid")).unwrap();
    let digests = [&plain, &littered].map(|desk| {
        desk.finetune("--config c.toml --out out").ends(0, &[]);
        desk.json("out/summary.json")["digests"]["model.safetensors"].clone()
    });
    assert_eq!(digests[0], digests[1]);
    littered.finetune("--config c.toml --out out2").ends(0, &["4 hidden"]);
}

#[test]
fn paths_are_expanded_and_a_folder_next_to_the_configuration_is_pointed_at() {
    let desk = Desk::new();
    let home = desk.path("");
    let run = |root: &str, out: &str| {
        desk.write("c.toml", with_data(&format!("root = {root:?}")));
        let arguments = ["--config", "c.toml", "--out", out];
        crate::support::Ran::of(
            &desk.program().env("HOME", &home).env("IMAGES", "data").args(arguments).output().unwrap(),
        )
    };
    run("~/data", "one").ends(0, &[]);
    run("${IMAGES}", "two").ends(0, &[]);
    run("$NO_SUCH_VARIABLE_ANYWHERE/x", "three").ends(2, &["c.toml:2:8", "NO_SUCH_VARIABLE_ANYWHERE"]);
    desk.write("configs/c.toml", with_data("root = \"images\""));
    desk.draw("configs/images/bar", "bar", 0..3);
    desk.finetune("--config configs/c.toml --out four").ends(1, &["images", "configs/images"]);
}

#[test]
fn groups_are_kept_together_and_images_excluded() {
    let desk = Desk::new();
    list_of(&desk, "labels.tsv", "path\tlabel\tpatient", |path, class, number| {
        format!("{path}\t{class}\t{}\n", number % 4)
    });
    desk.write(
        "c.toml",
        with_data("list = \"labels.tsv\"\ngroup = { column = \"patient\" }\nexclude = \"x.toml\""),
    );
    desk.write("x.toml", "[[exclude]]\npath = \"flat/bar-000.png\"\nbecause = \"blurred\"\n");
    desk.finetune("--config c.toml --out out").ends(0, &["x.toml", "1 image"]);
    let data = desk.json("out/summary.json")["data"].clone();
    let [train, validation] = ["train", "validation"].map(|split| data[split].as_u64().unwrap());
    assert_eq!(train + validation, 15);
    assert!(validation > 0);
}
