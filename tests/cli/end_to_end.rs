//! The five steps on small generated tasks: what they move, what they leave alone, and what they write.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::repository;
use crate::support::transfer::{LENET, RESNET, TRANSFER, sha256, trained};
use crate::support::{Desk, names, safetensors, shape_image};
use image::{DynamicImage, ImageBuffer, ImageEncoder, Luma};
use serde_json::Value;

const STEPS: [&str; 5] = ["load", "freeze", "head", "train-head", "fine-tune"];

/// The lines of one kind in `metrics.jsonl`.
fn metrics(desk: &Desk, out: &str, kind: &str) -> Vec<Value> {
    let text = fs::read_to_string(desk.path(&format!("{out}/metrics.jsonl"))).unwrap();
    let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter(|line| line["kind"] == kind).collect()
}

/// Asserts that the frozen stages, and no others, are what they were, and gives the names of the live ones.
fn live_stages(summary: &Value) -> Vec<&str> {
    let mut live = Vec::new();
    for stage in summary["stages"].as_array().unwrap() {
        let name = stage["name"].as_str().unwrap();
        let moved = stage["digest_before"] != stage["digest_after"];
        let trainable = stage["parameters"].as_u64().unwrap() > 0;
        assert_eq!(moved, stage["live"] == true && trainable, "{name}: {stage}");
        if moved {
            live.push(name);
        }
    }
    live
}

#[test]
fn the_five_steps_move_what_the_depth_says_and_nothing_else() {
    let desk = &*LENET;
    for (depth, live) in [
        ("head", &["head"][..]),
        ("last:1", &["fc2", "head"]),
        ("from:conv2", &["conv2", "fc1", "fc2", "head"]),
        ("all", &["conv1", "conv2", "fc1", "fc2", "head"]),
    ] {
        let out = format!("depth-{}", depth.replace(':', "-"));
        let settings = format!("{TRANSFER} --set finetune.head_epochs=1 --set finetune.depth={depth}");
        let (_, summary) = trained(desk, &out, &settings);
        let steps: Vec<_> = summary["steps"].as_array().unwrap().iter().map(|step| &step["name"]).collect();
        assert_eq!(steps, STEPS);
        assert_eq!(live_stages(&summary), live, "{depth}");
        // Ten tensors in five layers; the head of the source had two classes, this one has three.
        assert_eq!(summary["load"]["loaded"], 10);
        let phases: Vec<_> =
            metrics(desk, &out, "epoch").iter().map(|epoch| epoch["phase"].clone()).collect();
        let expected = if depth == "head" { &STEPS[3..4] } else { &STEPS[3..] };
        assert_eq!(phases, expected, "{depth}");

        let before = safetensors::read(&desk.path("source/model.safetensors"));
        let after = safetensors::read(&desk.path(&format!("{out}/model.safetensors")));
        assert_eq!(after["fc3.weight"].data.len(), 4 * 84 * 3);
        for name in ["conv1", "conv2", "fc1", "fc2"] {
            let weight = format!("{name}.weight");
            assert_eq!(before[&weight] != after[&weight], live.contains(&name), "{depth}: {weight}");
        }
    }
}

#[test]
fn the_test_split_is_measured_once_and_all_images_count() {
    let (_, summary) = trained(&LENET, "measured", &format!("{TRANSFER} --set finetune.depth=head"));
    let evaluations = summary["evaluations"].as_array().unwrap();
    for (evaluation, (split, images)) in evaluations.iter().zip([("validation", 6), ("test", 9)]) {
        assert_eq!((&evaluation["split"], &evaluation["images"]), (&split.into(), &images.into()));
        let confusion = evaluation["confusion"].as_array().unwrap();
        let row_sum = |row: &Value| row.as_array().unwrap().iter().filter_map(Value::as_u64).sum::<u64>();
        assert!(confusion.iter().all(|row| row_sum(row) == images / 3), "{confusion:?}");
        let right: u64 = (0..3).filter_map(|class| confusion[class][class].as_u64()).sum();
        let accuracy = evaluation["accuracy"].as_f64().unwrap();
        assert!((accuracy - right as f64 / images as f64).abs() < 1e-12);
    }
    assert_eq!(evaluations.len(), 2);
    // What the samples show is the test split.
    assert!(summary["samples"][0]["path"].as_str().unwrap().starts_with("new/test/"));
}

#[test]
fn a_run_folder_holds_what_a_run_promises() {
    let desk = Desk::new();
    let (_, summary) = trained(&desk, "out", "--config c.toml");
    let expected = [
        "checkpoints",
        "config.toml",
        "events",
        "metrics.jsonl",
        "model.safetensors",
        "report.html",
        "summary.json",
    ];
    assert_eq!(names(&desk.path("out")), expected);
    assert_eq!(names(&desk.path("out/checkpoints")), ["fine-tune.safetensors", "last.safetensors"]);
    assert_eq!(names(&desk.path("out/events")), ["train", "validation"]);
    let page = fs::read_to_string(desk.path("out/report.html")).unwrap();
    assert!(STEPS.iter().all(|step| page.contains(step)));
    assert_eq!(summary["config"], fs::read_to_string(desk.path("out/config.toml")).unwrap());

    // The resolved configuration is a configuration: it gives the same model.
    let (again, _) = trained(&desk, "again", "--config out/config.toml");
    assert_eq!(summary["digests"]["model.safetensors"], again);

    let file = desk.path("out/model.safetensors");
    let (header, tensors) = (safetensors::header(&file), safetensors::read(&file));
    let places: Vec<_> = tensors.keys().map(|name| header.find(&format!("\"{name}\":")).unwrap()).collect();
    assert!(places.is_sorted() && places.len() == 10, "{header}");
    let metadata = serde_json::from_str::<Value>(&header).unwrap()["__metadata__"].clone();
    assert_eq!(metadata["arch"], "lenet5_relu");
    assert_eq!(metadata["classes"], r#"["bar","cross"]"#);
    let input: Value = serde_json::from_str(metadata["input"].as_str().unwrap()).unwrap();
    assert_eq!((&input["crop"], &input["channels"]), (&28.into(), &1.into()));
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_others() {
    let settings = format!("{TRANSFER} --set finetune.depth=all --set train.optimizer=sgd");
    let (first, _) = trained(&LENET, "seed-0", &settings);
    let (second, _) = trained(&LENET, "seed-0-again", &settings);
    let (other, _) = trained(&LENET, "seed-1", &format!("{settings} --set run.seed=1"));
    assert_eq!(first, second);
    assert_ne!(first, other);
}

#[test]
fn the_same_seed_gives_the_same_bytes_on_two_threads() {
    let desk = Desk::new();
    let settings = format!("--config c.toml{RESNET} --set train.batch_size=6 --set run.threads=2");
    let (first, summary) = trained(&desk, "first", &settings);
    let (second, _) = trained(&desk, "second", &settings);
    assert_eq!(summary["threads"], 2);
    assert_eq!(first, second);
}

/// Where oneDNN has no bfloat16 for the processor, libtorch's own kernels compute in it, slowly.
#[test]
fn training_in_bfloat16_leaves_float32_weights_repeats_to_the_bit_and_learns() {
    let desk = &*LENET;
    let settings =
        format!("{TRANSFER} --set finetune.depth=all --set finetune.head_epochs=1 --set train.epochs=8");
    let short = format!("{settings} --set run.precision=bf16");
    let (first, summary) = trained(desk, "bf16", &short);
    let (second, _) = trained(desk, "bf16-again", &short);
    let (float32, _) = trained(desk, "float32", &settings);
    assert_eq!(first, second);
    assert_ne!(first, float32, "nothing was computed in another type");
    assert_eq!(summary["device"], "cpu, bf16");
    let file = desk.path("bf16/model.safetensors");
    let (header, tensors) = (safetensors::header(&file), safetensors::read(&file));
    assert_eq!((header.matches("\"dtype\":\"F32\"").count(), tensors.len()), (10, 10), "{header}");
    let losses: Vec<f64> = metrics(desk, "bf16", "epoch")
        .iter()
        .filter(|epoch| epoch["phase"] == "fine-tune")
        .map(|epoch| epoch["train_loss"].as_f64().unwrap())
        .collect();
    assert_eq!(losses.len(), 8);
    assert!(losses[7] < losses[0], "{losses:?}");
}

#[test]
fn a_test_split_changes_neither_the_model_nor_its_temperature() {
    let desk = Desk::new();
    for shape in ["bar", "cross"] {
        desk.draw(&format!("data/val/{shape}"), shape, 100..120);
    }
    let settings = "--config c.toml --set train.epochs=3 --set regularize.early_stopping=2";
    let (without, summary) = trained(&desk, "without", settings);
    for shape in ["bar", "cross"] {
        desk.draw(&format!("data/test/{shape}"), shape, 400..410);
    }
    let (with, tested) = trained(&desk, "with", settings);
    assert!(summary["temperature"]["value"].as_f64().is_some(), "{}", summary["temperature"]);
    assert_eq!(summary["temperature"], tested["temperature"]);
    assert_eq!(without, with);
    let measured = |summary: &Value| summary["evaluations"].as_array().unwrap().len();
    assert_eq!((measured(&summary), measured(&tested)), (1, 2));
}

#[test]
fn frozen_running_statistics_of_a_residual_network_stay_as_they_are() {
    let desk = Desk::new();
    let scratch = format!("--config c.toml{RESNET} --set train.batch_size=5");
    let (_, source) = trained(&desk, "source", &scratch);
    assert!(live_stages(&source).contains(&"stem"));

    let deep = format!(
        "--config c.toml{RESNET} --set model.weights=source/model.safetensors --set finetune.depth=last:1 \
         --set finetune.head_epochs=1 --set finetune.batch_norm=train"
    );
    let (_, summary) = trained(&desk, "deep", &deep);
    assert_eq!(live_stages(&summary), ["layer4", "head"]);
    let before = safetensors::read(&desk.path("source/model.safetensors"));
    let after = safetensors::read(&desk.path("deep/model.safetensors"));
    let buffers = ["running_mean", "running_var", "num_batches_tracked"];
    let mut counted = BTreeMap::<bool, u32>::new();
    for (name, values) in &before {
        if buffers.iter().any(|buffer| name.ends_with(buffer)) {
            let live = name.starts_with("layer4.");
            assert_eq!(values != &after[name], live, "{name}");
            *counted.entry(live).or_default() += 1;
        }
    }
    // Five norms in layer4 and fifteen before it, three buffers each.
    assert_eq!(counted, BTreeMap::from([(false, 45), (true, 15)]));
}

#[test]
fn the_last_partial_batch_counts() {
    let desk = Desk::new();
    fs::remove_file(desk.path("data/train/bar/005.png")).unwrap();
    fs::remove_file(desk.path("data/train/cross/005.png")).unwrap();
    desk.draw("data/val/bar", "bar", 110..111);
    let (_, summary) = trained(&desk, "out", "--config c.toml --set train.epochs=2");
    let steps = metrics(&desk, "out", "step");
    let sizes: Vec<_> = steps.iter().filter_map(|step| step["images"].as_u64()).collect();
    assert_eq!(sizes, [4, 4, 2, 4, 4, 2]);
    // Each image weighs the same in the epoch's loss, whatever batch it was in.
    let loss = |step: usize| steps[step]["loss"].as_f64().unwrap() * steps[step]["images"].as_f64().unwrap();
    let epoch = metrics(&desk, "out", "epoch")[0]["train_loss"].as_f64().unwrap();
    assert!((epoch - (loss(0) + loss(1) + loss(2)) / 10.0).abs() < 1e-9);
    assert_eq!(summary["evaluations"][0]["images"], 5);
}

#[test]
fn decoding_threads_and_memory_do_not_change_an_augmented_run() {
    let desk = Desk::new();
    let settings = "--config c.toml --set train.epochs=2 --set augment.horizontal_flip=0.5 \
                    --set augment.resized_crop.scale=[0.5,1.0]";
    let (one, _) = trained(&desk, "one", settings);
    for (out, more) in [("zero", "run.workers=0"), ("no-memory", "data.memory_mib=0")] {
        assert_eq!(trained(&desk, out, &format!("{settings} --set {more}")).0, one, "{more}");
    }
    let (plain, _) = trained(&desk, "plain", "--config c.toml --set train.epochs=2");
    assert_ne!(plain, one);
}

#[test]
fn a_subset_has_the_asked_number_of_images_per_class() {
    let subset = format!("{TRANSFER} --set finetune.depth=head --set data.images_per_class=2");
    let (_, summary) = trained(&LENET, "subset", &subset);
    assert_eq!((&summary["data"]["train"], &summary["data"]["validation"]), (&6.into(), &6.into()));
    assert_eq!(metrics(&LENET, "subset", "epoch").len(), 1);
}

#[test]
fn one_folder_is_split_by_the_seed_and_by_class() {
    let desk = Desk::new();
    let (_, summary) = trained(
        &desk,
        "out",
        "--config c.toml --set data.root=data/train --set data.validation_fraction=0.34",
    );
    assert_eq!((&summary["data"]["train"], &summary["data"]["validation"]), (&8.into(), &4.into()));
    let confusion = &summary["evaluations"][0]["confusion"];
    assert!(
        confusion
            .as_array()
            .unwrap()
            .iter()
            .all(|row| { row.as_array().unwrap().iter().filter_map(Value::as_u64).sum::<u64>() == 2 })
    );
}

#[test]
fn early_stopping_goes_back_to_the_best_epoch() {
    let desk = Desk::new();
    // The labels of the validation images are crossed, so that learning makes the validation loss rise.
    fs::rename(desk.path("data/val/bar"), desk.path("data/val/x")).unwrap();
    fs::rename(desk.path("data/val/cross"), desk.path("data/val/bar")).unwrap();
    fs::rename(desk.path("data/val/x"), desk.path("data/val/cross")).unwrap();
    let settings = "--config c.toml --set regularize.early_stopping=3 --set train.epochs=60 \
                    --set train.learning_rate=0.005 --set train.schedule=constant --set train.keep=best";
    let (_, summary) = trained(&desk, "out", settings);
    let losses: Vec<f64> = summary["epochs"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|epoch| epoch["validation_loss"].as_f64())
        .collect();
    let best = losses.iter().copied().fold(f64::INFINITY, f64::min);
    let measured = summary["evaluations"][0]["loss"].as_f64().unwrap();
    assert!(losses.len() < 60 && *losses.last().unwrap() > best, "{losses:?}");
    assert!((measured - best).abs() < 1e-9, "{measured} is measured, {best} was the best");
    let place = losses.iter().position(|&loss| loss == best).unwrap() + 1;
    assert_eq!(losses.len(), place + 3);
    let what = summary["steps"][4]["what"].as_str().unwrap();
    assert!(what.contains(&format!("stopped early; kept epoch {place} of fine-tune,")), "{what}");
}

#[test]
fn a_grid_compares_methods_over_seeds_and_repeats_itself() {
    let desk = &*LENET;
    let grid = format!(
        "{TRANSFER} --set finetune.depth=all --set finetune.head_epochs=1 \
         --set compare.methods=[\"head\",\"fine-tune\"] --set compare.images_per_class=[3] \
         --set compare.seeds=[4,5]"
    );
    desk.finetune(&format!("{grid} --set compare.jobs=1 --out grid")).ends(0, &["run 4/4"]);
    // However many processes share it.
    desk.finetune(&format!("{grid} --set compare.jobs=3 --out grid-again")).ends(0, &["run 4/4"]);
    let summary = desk.json("grid/summary.json");
    let cells = summary["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 4);
    let again = desk.json("grid-again/summary.json");
    for (cell, again) in cells.iter().zip(again["cells"].as_array().unwrap()) {
        assert_eq!(cell["model_sha256"], again["model_sha256"]);
        let folder =
            format!("grid/cells/3-per-class-{}-seed-{}", cell["method"].as_str().unwrap(), cell["seed"]);
        assert_eq!(cell["model_sha256"], sha256(&desk.path(&format!("{folder}/model.safetensors"))));
        let alone = desk.json(&format!("{folder}/summary.json"));
        assert_eq!((&alone["data"]["train"], &alone["outcome"]), (&9.into(), &"finished".into()));
        // What is measured is the test split.
        assert_eq!(cell["accuracy"], alone["evaluations"][1]["accuracy"]);
    }
    let digests: std::collections::BTreeSet<_> =
        cells.iter().map(|cell| cell["model_sha256"].as_str()).collect();
    assert_eq!(digests.len(), 4, "two cells gave the same model");
    let rows = summary["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 2);
    for (row, cells) in rows.iter().zip(cells.chunks(2)) {
        let accuracy = |cell: &Value| cell["accuracy"].as_f64().unwrap();
        let mean = (accuracy(&cells[0]) + accuracy(&cells[1])) / 2.0;
        assert_eq!((&row["method"], &row["seeds"]), (&cells[0]["method"], &2.into()));
        assert!((row["accuracy_mean"].as_f64().unwrap() - mean).abs() < 1e-12);
    }
    assert!(fs::read_to_string(desk.path("grid/report.html")).unwrap().contains("fine-tune"));

    // A cell is a run like any other: its own configuration gives the same model.
    let config = "--config grid/cells/3-per-class-fine-tune-seed-5/config.toml";
    assert_eq!(cells[3]["model_sha256"], trained(desk, "cell-alone", config).0);
}

#[test]
fn few_images_are_shown_often_enough() {
    let desk = &*LENET;
    let least = format!("{TRANSFER} --set finetune.depth=head --set train.min_steps=9");
    let (_, summary) = trained(desk, "enough", &least);
    // 15 images in batches of 4 are four steps an epoch, and three epochs are the first that make nine.
    assert_eq!(metrics(desk, "enough", "step").len(), 12);
    let what = summary["steps"][3]["what"].as_str().unwrap();
    assert!(what.contains("3 epoch(s)"), "{what}");
}

#[test]
fn images_of_every_kind_are_trained_on() {
    let desk = Desk::new();
    let plain = DynamicImage::ImageLuma8(shape_image("bar", 7));
    let folder = desk.path("data/train/bar");
    plain.to_rgb8().save(folder.join("colour.jpg")).unwrap();
    plain.to_rgba8().save(folder.join("alpha.png")).unwrap();
    plain.to_luma_alpha8().save(folder.join("gray-alpha.webp")).unwrap();
    plain.to_luma16().save(folder.join("deep.png")).unwrap();
    let deep = repository().join("crates/image-file/tests/fixtures/gray16.tiff");
    fs::copy(deep, folder.join("deep.tiff")).unwrap();
    plain.to_rgb8().save(folder.join("plain.bmp")).unwrap();
    plain.to_luma8().save(folder.join("plain.pgm")).unwrap();
    // A GIF has a palette; the content decides about the format, not the name.
    plain.to_rgb8().save_with_format(folder.join("palette.png"), image::ImageFormat::Gif).unwrap();
    ImageBuffer::from_pixel(1, 1, Luma([9u8])).save(folder.join("tiny.png")).unwrap();
    ImageBuffer::from_pixel(900, 3, Luma([9u8])).save(folder.join("wide.png")).unwrap();
    save_turned(&plain, &folder.join("turned.jpg"));
    let (_, summary) = trained(&desk, "out", "--config c.toml");
    assert_eq!(summary["data"]["unreadable"], Value::Array(vec![]));
    assert_eq!(summary["data"]["train"], 12 + 11);
}

/// A JPEG whose EXIF block says that it lies on its side: TIFF header, one entry, orientation (0x0112) 6.
fn save_turned(image: &DynamicImage, path: &Path) {
    let exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
    let mut encoder = image::codecs::jpeg::JpegEncoder::new(fs::File::create_new(path).unwrap());
    encoder.set_exif_metadata(exif).unwrap();
    let rgb = image.to_rgb8();
    encoder.write_image(&rgb, rgb.width(), rgb.height(), image::ExtendedColorType::Rgb8).unwrap();
}
