//! Techniques against overfitting: what cannot be is refused at its line, and a comparison trains each alone.

use std::fs;

use crate::support::short_runs::{BASE, DESK};
use crate::support::{names, safetensors};

#[test]
fn what_cannot_be_is_refused_at_its_line() {
    let desk = &*DESK;
    let plain = BASE.lines().count();
    // Lines are added at the end, the first of them after an empty one and its table.
    let first = plain + 3;
    for (table, lines, place, says) in [
        ("regularize", "l1 = -1", (0, 6), "regularize.l1"),
        ("regularize", "l1 = nan", (0, 6), "regularize.l1"),
        ("regularize", "max_norm = 0", (0, 12), "regularize.max_norm"),
        ("regularize", "mixup = inf", (0, 9), "regularize.mixup"),
        ("regularize", "cutmix = -0.1", (0, 10), "regularize.cutmix"),
        ("regularize", "label_smoothing = 1.0", (0, 19), "regularize.label_smoothing"),
        ("regularize", "l2_sp = { alpha = -1 }", (0, 19), "regularize.l2_sp"),
        ("regularize", "l2_sp = { gamma = 1 }", (0, 11), "gamma"),
        ("regularize", "delta = { beta = nan }", (0, 18), "regularize.delta"),
        ("regularize", "spectral_shrinkage = { k = 0 }", (0, 28), "regularize.spectral_shrinkage"),
        ("regularize", "co_tuning = { scale = 0 }", (0, 23), "regularize.co_tuning"),
        ("regularize", "l2_sp = {}\ndelta = {}", (0, 9), "regularize.l2_sp"),
        ("regularize", "l2_sp = {}\nweight_decay = 0.1", (1, 16), "regularize.weight_decay"),
        ("regularize", "weight_decay = 0.1\ndelta = {}", (0, 16), "regularize.weight_decay"),
        ("augment", "rotation = 200", (0, 12), "180"),
        ("augment", "policy = \"autoaugment\"", (0, 10), "`trivialaugment`"),
        ("augment", "randaugment = { magnitude = 5 }", (0, 15), "augment.policy"),
        (
            "augment",
            "policy = \"randaugment\"\nrandaugment = { magnitude = 31 }",
            (1, 29),
            "augment.randaugment",
        ),
        (
            "augment",
            "policy = \"randaugment\"\nrandaugment = { operations = 0 }",
            (1, 30),
            "augment.randaugment",
        ),
        ("augment", "color_jitter = { hue = 0.6 }", (0, 24), "augment.color_jitter"),
        ("augment", "color_jitter = { contrast = inf }", (0, 29), "augment.color_jitter"),
        ("augment", "erasing = { scale = [0.5, 0.1] }", (0, 21), "augment.erasing.scale"),
        ("augment", "erasing = { probability = 2 }", (0, 27), "augment.erasing"),
        ("augment", "vertical_flip = 1.5", (0, 17), "augment.vertical_flip"),
        ("augment", "vertical_flip = nan", (0, 17), "augment.vertical_flip"),
        ("augment", "quarter_turns = 1", (0, 17), "boolean"),
        ("augment", "gray = -0.1", (0, 8), "augment.gray"),
        ("augment", "blur = { probability = 2 }", (0, 24), "augment.blur"),
        ("augment", "blur = { kernel = 4 }", (0, 19), "99"),
        ("augment", "blur = { sigma = [2.0, 1.0] }", (0, 18), "augment.blur"),
        ("augment", "blur = { strength = 1 }", (0, 10), "`strength`"),
        ("augment", "sampling = \"bilinear\"", (0, 12), "augment.sampling"),
        ("augment", "views = 4", (0, 9), "augment.views"),
        ("regularize", "stochastic_depth = 0.2", (0, 20), "regularize.stochastic_depth"),
    ] {
        desk.write("bad.toml", format!("{BASE}\n[{table}]\n{lines}\n"));
        let place = format!("bad.toml:{}:{}", first + place.0, place.1);
        desk.finetune("--config bad.toml --out bad").ends(2, &[&place, says]);
        assert!(!desk.path("bad").exists(), "{lines}");
    }
    for key in ["l2_sp", "delta", "co_tuning"] {
        let sets = format!("--set finetune.depth=scratch --set regularize.{key}={{}}");
        desk.finetune(&format!("--config c.toml --out bad {sets}")).ends(2, &[&format!("regularize.{key}")]);
    }
    for key in ["delta", "spectral_shrinkage", "co_tuning"] {
        for depth in ["head", "from:head"] {
            let sets = format!("--set finetune.depth={depth} --set regularize.{key}={{}}");
            desk.finetune(&format!("--config c.toml --out bad {sets}"))
                .ends(2, &[&format!("regularize.{key}"), "depth"]);
        }
    }
    // Weights without a classifier serve every technique but the one that keeps it.
    let mut tensors = safetensors::read(&desk.path("m.safetensors"));
    tensors.retain(|name, _| !name.starts_with("fc3."));
    safetensors::write(&desk.path("headless.safetensors"), &tensors);
    let headless = "--config c.toml --out bad --set model.weights=headless.safetensors";
    desk.finetune(&format!("{headless} --set regularize.co_tuning={{}}")).ends(
        2,
        &["--set regularize.co_tuning={}: regularize.co_tuning: needs the classifier of the source"],
    );
    desk.finetune("--config c.toml --out bad --set regularize.mixup=1 --set train.batch_size=1")
        .ends(2, &["regularize.mixup", "train.batch_size"]);
    for class in ["train", "val"] {
        fs::create_dir_all(desk.path(&format!("alone/{class}"))).unwrap();
        desk.draw(&format!("alone/{class}/bar"), "bar", 0..4);
    }
    desk.finetune("--config c.toml --out bad --set data.root=alone --set regularize.cutmix=1")
        .ends(2, &["data.root"]);
    // The same from a file, at the line of what cannot be.
    let alone = BASE.replace("root = \"data\"", "root = \"alone\"");
    desk.write("bad.toml", format!("{alone}\n[regularize]\nmixup = 0.2\n"));
    desk.finetune("--config bad.toml --out bad").ends(2, &["bad.toml:2:8", "data.root"]);
    let blind = BASE.replace("root = \"data\"", "root = \"data/train\"\nvalidation_fraction = 0.0");
    desk.write("bad.toml", format!("{blind}\n[regularize]\nearly_stopping = 2\n"));
    let place = format!("bad.toml:{}:18", first + 1);
    desk.finetune("--config bad.toml --out bad").ends(2, &[&place, "regularize.early_stopping"]);
    let sets = "--set finetune.depth=head --set regularize.stochastic_depth=0.1";
    desk.finetune(&format!("--config c.toml --out bad {sets}")).ends(2, &["regularize.stochastic_depth"]);
    assert!(!desk.path("bad").exists());
}

#[test]
fn a_comparison_trains_each_technique_alone_and_tells_with_its_uncertainty() {
    let desk = &*DESK;
    let compare = "compare --config c.toml --vary regularize --only l2_sp,mixup --seeds 0,1,2 --out compared";
    let said = desk.finetune(&format!("{compare} --json")).ends(0, &[]).stdout;
    // A sentence for each technique, with the difference, its interval and the number of seeds.
    for technique in ["mixup", "l2_sp"] {
        let sentence = said.lines().find(|line| line.starts_with(technique) && line.contains("against none"));
        let sentence = sentence.unwrap_or_else(|| panic!("no sentence about {technique} in\n{said}"));
        assert!(sentence.contains("(95% interval ") && sentence.contains(", 3 seeds)"), "{sentence}");
    }
    let record: serde_json::Value = serde_json::from_str(said.lines().last().unwrap()).unwrap();
    let methods: Vec<_> =
        record["rows"].as_array().unwrap().iter().map(|row| row["method"].as_str().unwrap()).collect();
    assert_eq!(methods, ["none", "mixup", "l2_sp"]);
    let cells = names(&desk.path("compared/cells"));
    assert_eq!((cells.len(), cells[0].as_str()), (9, "all-images-l2-sp-seed-0"));
    // A cell is the run that the same keys make.
    let alone = "--out alone-run --set run.seed=2 --set regularize.mixup=0.2 --set regularize.weight_decay=0";
    desk.finetune(&format!("--config c.toml {alone}")).ends(0, &[]);
    let cell = record["cells"].as_array().unwrap().iter();
    let cell = cell.into_iter().find(|cell| cell["method"] == "mixup" && cell["seed"] == 2).unwrap();
    let summary = desk.json("alone-run/summary.json");
    assert_eq!(cell["model_sha256"], summary["digests"]["model.safetensors"]);

    let depths = "compare --config c.toml --vary depth --only all --seeds 0 --images 2 --out depths";
    let said = desk.finetune(depths).ends(0, &[]).stdout;
    assert!(said.contains("2 images per class"), "{said}");
    for (arguments, says) in [
        ("--vary regularize --only mixin", "\"mixin\""),
        ("--vary regularize --only delta --set finetune.depth=head", "\"delta\""),
        ("--vary images", "--images"),
        ("--vary regularize --depths head", "--depths"),
        ("--vary depth --depths head,deep", "\"deep\""),
        ("--vary depth --depths head,last:1,head", "compare.setting: two settings have the same name"),
        ("--vary regularize --seeds 1,1", "compare.seeds: "),
        ("--vary regularize --only mixup --set train.batch_size=1", "regularize.mixup"),
    ] {
        desk.finetune(&format!("compare --config c.toml --out bad {arguments}")).ends(2, &[says]);
        assert!(!desk.path("bad").exists(), "{arguments}");
    }
}
