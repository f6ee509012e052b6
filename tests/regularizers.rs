//! Every key of `[regularize]` and `[augment]` changes what is trained, each in its own way; the same seed gives the same
//! bytes; and what cannot be is told by its line.

#[path = "support/short_runs.rs"]
mod short_runs;
mod support;

use std::collections::BTreeMap;
use std::fs;

use image::{Rgb, RgbImage};
use short_runs::{BASE, COLOUR, DESK, trained};
use support::{names, picture};

/// The program is run with and without each key.
#[test]
fn every_key_is_wired_and_each_to_something_of_its_own() {
    let crop = "augment.resized_crop.scale=[0.5, 1.0]";
    let random = "augment.policy=randaugment";
    let erasing = "augment.erasing.probability=0.9";
    let cases: &[&[&str]] = &[
        &[],
        &["regularize.weight_decay=0.5"],
        &["regularize.weight_decay=0.5", "regularize.decay=all"],
        &["regularize.l1=1e-2"],
        &["regularize.l1=1e-2", "regularize.decay=all"],
        &["regularize.max_norm=0.3"],
        &["regularize.label_smoothing=0.2"],
        &["regularize.label_smoothing=0.2", "train.class_weights={cross=2.0}"],
        &["regularize.mixup=0.4"],
        &["regularize.cutmix=1.0"],
        &["regularize.mixup=0.4", "regularize.cutmix=1.0"],
        &["regularize.mixup=0.4", "train.class_weights={cross=2.0}"],
        &["regularize.l2_sp={}"],
        &["regularize.l2_sp={alpha=5.0}"],
        &["regularize.l2_sp={beta=5.0}"],
        &["regularize.delta={}"],
        &["regularize.delta={alpha=5.0}"],
        &["regularize.delta={beta=5.0}"],
        // Without a trained head all channels matter alike.
        &["regularize.delta={alpha=0.0}", "finetune.head_epochs=0"],
        &["regularize.delta={alpha=5.0}", "finetune.head_epochs=0"],
        &["regularize.spectral_shrinkage={}"],
        &["regularize.spectral_shrinkage={eta=0.1}"],
        &["regularize.spectral_shrinkage={k=2}"],
        &["regularize.co_tuning={}"],
        &["regularize.co_tuning={lambda=0.5}"],
        &["regularize.co_tuning={scale=3.0}"],
        &["augment.horizontal_flip=0.5"],
        &[crop],
        &[crop, "augment.resized_crop.ratio=[0.5, 2.0]"],
        &["augment.resized_crop.scale=[0.2, 1.0]"],
        &["augment.vertical_flip=0.5"],
        &["augment.quarter_turns=true"],
        &["augment.blur.sigma=[1.0, 3.0]"],
        &["augment.blur.sigma=[1.0, 3.0]", "augment.blur.kernel=3"],
        &["augment.blur.sigma=[1.0, 3.0]", "augment.blur.probability=1"],
        &["augment.rotation=20"],
        &["augment.rotation=20", "augment.sampling=bilinear"],
        &["augment.rotation=20", "augment.views=2"],
        &["augment.rotation=20", "augment.views=2", "regularize.mixup=0.4"],
        // The better these know their training pictures, the worse the others.
        &["data.root=swapped"],
        &["data.root=swapped", "regularize.early_stopping=1"],
        &[random],
        &[random, "augment.randaugment.operations=3"],
        &[random, "augment.randaugment.magnitude=20"],
        &["augment.policy=trivialaugment"],
        &["augment.color_jitter.brightness=0.5"],
        &["augment.color_jitter.contrast=0.5"],
        &[erasing],
        &["augment.erasing.probability=0.4"],
        &[erasing, "augment.erasing.scale=[0.3, 0.5]"],
        &[erasing, "augment.erasing.ratio=[0.1, 0.2]"],
        &[erasing, "augment.erasing.fill=noise"],
    ];
    for (class, shape) in [("bar", "cross"), ("cross", "bar")] {
        DESK.draw(&format!("swapped/train/{class}"), class, 0..9);
        DESK.draw(&format!("swapped/val/{class}"), shape, 0..9);
    }
    let mut seen: BTreeMap<String, &[&str]> = BTreeMap::new();
    for &sets in cases {
        let (digest, record) = trained(sets);
        if let Some(other) = seen.insert(digest, sets) {
            panic!("{other:?} and {sets:?} give the same weights");
        }
        for stage in &record.stages {
            let moved = stage.digest_before != stage.digest_after;
            assert_eq!(moved, stage.live && stage.parameters > 0, "{sets:?}: {}", stage.name);
        }
        // Pixels that vary cannot be kept as features, but a few views of them can, if they are not mixed.
        let mixes = sets.iter().any(|set| set.contains(".mixup=") || set.contains(".cutmix="));
        let views = sets.contains(&"augment.views=2");
        let varies = mixes || (!views && sets.iter().any(|set| set.starts_with("augment.")));
        let kept = record.steps[4].what.contains("features kept");
        assert_eq!(kept, !varies, "{sets:?}: {}", record.steps[4].what);
    }

    // Colours, and what a LeNet does not have: residual branches, and dropout of its own.
    let residual = format!("model.weights={:?}", DESK.path("r.safetensors").display().to_string());
    let coloured = |sets: &[&str]| {
        let resnet = ["model.arch=resnet18", &residual, COLOUR, "finetune.depth=last:1", "train.epochs=1"];
        trained(&[&resnet, sets].concat()).0
    };
    let mut different = vec![coloured(&[])];
    for set in [
        "regularize.delta={alpha=5.0}",
        "regularize.spectral_shrinkage={eta=0.1}",
        "augment.color_jitter.saturation=0.9",
        "augment.color_jitter.hue=0.5",
        "augment.gray=0.5",
    ] {
        let gray = set.starts_with("augment");
        let digest = coloured(&[set]);
        // Saturation and hue leave gray pictures alone.
        assert_eq!(different.contains(&digest), gray, "{set}");
        different.push(digest);
    }
    for (split, numbers) in [("train", 0..9), ("val", 100..102)] {
        for class in ["bar", "cross"] {
            let folder = DESK.path(&format!("coloured/{split}/{class}"));
            fs::create_dir_all(&folder).unwrap();
            for number in numbers.clone() {
                let gray = picture(class, number);
                let colour = |x, y| {
                    let [light] = gray.get_pixel(x, y).0;
                    Rgb([light, light / 3, 255 - light])
                };
                let picture = RgbImage::from_fn(gray.width(), gray.height(), colour);
                picture.save(folder.join(format!("{number}.png"))).unwrap();
            }
        }
    }
    let mut different = vec![coloured(&["data.root=coloured"])];
    for set in ["augment.color_jitter.saturation=0.9", "augment.color_jitter.hue=0.5", "augment.gray=0.5"] {
        let digest = coloured(&["data.root=coloured", set]);
        assert!(!different.contains(&digest), "{set}");
        different.push(digest);
    }
    let efficient = |sets: &[&str]| {
        let scratch = [
            "model.arch=efficientnet_lite0",
            "model.weights=none",
            "finetune.depth=scratch",
            COLOUR,
            "train.epochs=1",
        ];
        trained(&[&scratch, sets].concat()).0
    };
    let plain = efficient(&[]);
    for set in ["regularize.dropout=0.7", "regularize.stochastic_depth=0.6"] {
        assert_ne!(plain, efficient(&[set]), "{set}");
    }

    // The same seed gives the same bytes with everything at once.
    let mixture = [
        "regularize.l1=1e-4",
        "regularize.max_norm=2.0",
        "regularize.label_smoothing=0.1",
        "regularize.mixup=0.4",
        "regularize.cutmix=1.0",
        "regularize.delta={alpha=0.5}",
        "regularize.spectral_shrinkage={}",
        "regularize.co_tuning={}",
        "augment.policy=trivialaugment",
        "augment.rotation=10",
        "augment.vertical_flip=0.5",
        "augment.quarter_turns=true",
        "augment.blur={}",
        "augment.erasing={}",
        "train.accumulate=2",
        "finetune.thaw.every=1",
    ];
    let (first, _) = trained(&mixture);
    assert_eq!(first, trained(&mixture).0);
    // Another number of decoding threads changes nothing either.
    assert_eq!(first, trained(&[&mixture[..], &["run.workers=3"]].concat()).0);
    assert_ne!(first, trained(&[&mixture[..], &["run.seed=1"]].concat()).0);
}

#[test]
fn what_cannot_be_is_refused_at_its_line() {
    let desk = &*DESK;
    let plain = BASE.lines().count();
    // Lines are added at the end, the first of them after an empty one and its table.
    let first = plain + 3;
    for (table, lines, place, says) in [
        ("regularize", "l1 = -1", (0, 6), "at least 0"),
        ("regularize", "l1 = nan", (0, 6), "at least 0"),
        ("regularize", "max_norm = 0", (0, 12), "above 0"),
        ("regularize", "mixup = inf", (0, 9), "at least 0"),
        ("regularize", "cutmix = -0.1", (0, 10), "at least 0"),
        ("regularize", "label_smoothing = 1.0", (0, 19), "below 1"),
        ("regularize", "l2_sp = { alpha = -1 }", (0, 19), "at least 0"),
        ("regularize", "l2_sp = { gamma = 1 }", (0, 11), "gamma"),
        ("regularize", "delta = { beta = nan }", (0, 18), "at least 0"),
        ("regularize", "spectral_shrinkage = { k = 0 }", (0, 28), "at least 1"),
        ("regularize", "co_tuning = { scale = 0 }", (0, 23), "above 0"),
        ("regularize", "l2_sp = {}\ndelta = {}", (0, 9), "keep one of them"),
        ("regularize", "l2_sp = {}\nweight_decay = 0.1", (1, 16), "regularize.l2_sp pulls to the source"),
        ("regularize", "weight_decay = 0.1\ndelta = {}", (0, 16), "regularize.delta pulls to the source"),
        ("augment", "rotation = 200", (0, 12), "180"),
        ("augment", "policy = \"autoaugment\"", (0, 10), "`randaugment` or `trivialaugment`"),
        ("augment", "randaugment = { magnitude = 5 }", (0, 15), "augment.policy"),
        ("augment", "policy = \"randaugment\"\nrandaugment = { magnitude = 31 }", (1, 29), "at most 30"),
        ("augment", "policy = \"randaugment\"\nrandaugment = { operations = 0 }", (1, 30), "between 1"),
        ("augment", "color_jitter = { hue = 0.6 }", (0, 24), "between 0 and 0.5"),
        ("augment", "color_jitter = { contrast = inf }", (0, 29), "at least 0"),
        ("augment", "erasing = { scale = [0.5, 0.1] }", (0, 21), "[smallest, largest]"),
        ("augment", "erasing = { probability = 2 }", (0, 27), "between 0 and 1"),
        ("augment", "vertical_flip = 1.5", (0, 17), "between 0 and 1"),
        ("augment", "vertical_flip = nan", (0, 17), "between 0 and 1"),
        ("augment", "quarter_turns = 1", (0, 17), "expected a boolean"),
        ("augment", "gray = -0.1", (0, 8), "between 0 and 1"),
        ("augment", "blur = { probability = 2 }", (0, 24), "between 0 and 1"),
        ("augment", "blur = { kernel = 4 }", (0, 19), "odd, from 3 to 99"),
        ("augment", "blur = { sigma = [2.0, 1.0] }", (0, 18), "[smallest, largest]"),
        ("augment", "blur = { strength = 1 }", (0, 10), "`strength`"),
        ("augment", "sampling = \"bilinear\"", (0, 12), "nothing is turned"),
        ("augment", "views = 4", (0, 9), "all views would be the same"),
        ("regularize", "stochastic_depth = 0.2", (0, 20), "lenet5_relu has no residual branches"),
    ] {
        desk.write("bad.toml", format!("{BASE}\n[{table}]\n{lines}\n"));
        let place = format!("bad.toml:{}:{}", first + place.0, place.1);
        desk.finetune("--config bad.toml --out bad").ends(2, &[&place, says]);
        assert!(!desk.path("bad").exists(), "{lines}");
    }
    for key in ["l2_sp", "delta", "co_tuning"] {
        let sets = format!("--set finetune.depth=scratch --set regularize.{key}={{}}");
        desk.finetune(&format!("--config c.toml --out bad {sets}"))
            .ends(2, &[&format!("regularize.{key}"), "start from weights"]);
    }
    for key in ["delta", "spectral_shrinkage", "co_tuning"] {
        for depth in ["head", "from:head"] {
            let sets = format!("--set finetune.depth={depth} --set regularize.{key}={{}}");
            desk.finetune(&format!("--config c.toml --out bad {sets}"))
                .ends(2, &[&format!("regularize.{key}"), "use a greater depth"]);
        }
    }
    // Weights without a classifier serve every technique but the one that keeps it.
    let tensors = tch::Tensor::read_safetensors(desk.path("m.safetensors")).unwrap();
    let headless: Vec<_> = tensors.into_iter().filter(|(name, _)| !name.starts_with("fc3.")).collect();
    tch::Tensor::write_safetensors(&headless, desk.path("headless.safetensors")).unwrap();
    let headless = "--config c.toml --out bad --set model.weights=headless.safetensors";
    desk.finetune(&format!("{headless} --set regularize.co_tuning={{}}"))
        .ends(2, &["regularize.co_tuning", "good for their features only"]);
    desk.finetune("--config c.toml --out bad --set regularize.mixup=1 --set train.batch_size=1")
        .ends(2, &["regularize.mixup", "no other to mix it with"]);
    for class in ["train", "val"] {
        fs::create_dir_all(desk.path(&format!("alone/{class}"))).unwrap();
        desk.draw(&format!("alone/{class}/bar"), "bar", 0..4);
    }
    desk.finetune("--config c.toml --out bad --set data.root=alone --set regularize.cutmix=1")
        .ends(2, &["only one class"]);
    // The same from a file, at the line of what cannot be.
    let alone = BASE.replace("root = \"data\"", "root = \"alone\"");
    desk.write("bad.toml", format!("{alone}\n[regularize]\nmixup = 0.2\n"));
    desk.finetune("--config bad.toml --out bad").ends(2, &["bad.toml:2:8", "only one class"]);
    let blind = BASE.replace("root = \"data\"", "root = \"data/train\"\nvalidation_fraction = 0.0");
    desk.write("bad.toml", format!("{blind}\n[regularize]\nearly_stopping = 2\n"));
    let place = format!("bad.toml:{}:18", first + 1);
    desk.finetune("--config bad.toml --out bad").ends(2, &[&place, "no validation images to watch"]);
    let sets = "--set finetune.depth=head --set regularize.stochastic_depth=0.1";
    desk.finetune(&format!("--config c.toml --out bad {sets}"))
        .ends(2, &["regularize.stochastic_depth", "use a greater depth"]);
    assert!(!desk.path("bad").exists());
}

#[test]
fn a_comparison_trains_each_technique_alone_and_tells_with_its_uncertainty() {
    let desk = &*DESK;
    let compare = "compare --config c.toml --vary regularize --only l2_sp,mixup --seeds 0,1,2 --out compared";
    let said = desk.finetune(&format!("{compare} --json")).ends(0, &[]).stdout;
    for part in ["l2_sp", "mixup", "points against none", "95 % interval", "3 seeds", "of 2 comparisons"] {
        assert!(said.contains(part), "{part}: {said}");
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
    assert!(said.contains("all with 2 images per class") && said.contains("may be chance"), "{said}");
    for (arguments, says) in [
        ("--vary regularize --only mixin", "\"mixin\" cannot be compared here; what can is weight_decay"),
        ("--vary regularize --only delta --set finetune.depth=head", "\"delta\" cannot be compared"),
        ("--vary images", "--images"),
        ("--vary regularize --depths head", "--depths goes with --vary depth"),
        ("--vary depth --depths head,deep", "--depths: unknown depth \"deep\""),
        ("--vary depth --depths head,last:1,head", "two settings have the same name"),
        ("--vary regularize --seeds 1,1", "named twice"),
        ("--vary regularize --only mixup --set train.batch_size=1", "no other to mix it with"),
    ] {
        desk.finetune(&format!("compare --config c.toml --out bad {arguments}")).ends(2, &[says]);
        assert!(!desk.path("bad").exists(), "{arguments}");
    }
}
