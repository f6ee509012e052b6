//! How images are prepared, from the configuration to the saved model and what predicts with it: the whole of wide images,
//! and data of 12 bits in images of 16.

use std::fs;
use std::sync::LazyLock;

use crate::support::{Desk, names, shape_image};
use image::{GrayImage, ImageBuffer, Luma};
use serde_json::Value;

/// Images three times as wide as high with a mark at the one end or the other, which a crop of the centre does not show.
static WIDE: LazyLock<Desk> = LazyLock::new(|| {
    let desk = Desk::new();
    for (split, numbers) in [("train", 0..12), ("val", 100..106)] {
        for class in ["left", "right"] {
            let folder = desk.path(&format!("wide/{split}/{class}"));
            fs::create_dir_all(&folder).unwrap();
            for number in numbers.clone() {
                wide(class, number).save(folder.join(format!("{number}.png"))).unwrap();
            }
        }
    }
    desk
});

fn wide(class: &str, number: u32) -> GrayImage {
    let first = if class == "left" { 2 } else { 80 } + number % 3;
    GrayImage::from_fn(96, 32, |x, y| {
        let marked = (first..first + 12).contains(&x) && (4..28).contains(&y);
        let noise = (x * 7 + y * 13 + number * 31) % 40;
        Luma([if marked { 250 } else { 20 + noise as u8 }])
    })
}

const LONG: &str = "--config c.toml --set train.epochs=40 --set train.learning_rate=0.003";

/// Trains, and gives the right share of the validation images and what the run said.
#[track_caller]
fn trained(desk: &Desk, out: &str, settings: &str) -> (f64, String) {
    let said = desk.finetune(&format!("{LONG} --out {out} {settings}")).ends(0, &[]).stderr;
    (evaluated(desk, &format!("--run {out} --data {}", root(settings))), said)
}

fn root(settings: &str) -> &str {
    settings.split_whitespace().find_map(|word| word.strip_prefix("data.root=")).unwrap_or("data")
}

#[track_caller]
fn evaluated(desk: &Desk, arguments: &str) -> f64 {
    let ran = desk.finetune(&format!("evaluate --device cpu --threads 1 --json {arguments}")).ends(0, &[]);
    serde_json::from_str::<Value>(&ran.stdout).unwrap()["accuracy"].as_f64().unwrap()
}

#[test]
fn what_was_trained_on_whole_images_predicts_from_whole_images() {
    let desk = &*WIDE;
    let of = |out: &str, more: &str| trained(desk, out, &format!("--set data.root=wide {more}"));
    let (cropped, said) = of("crop", "");
    assert!(said.contains("cropped to 28"), "{said}");
    assert!(cropped < 0.8, "the centre alone separates the classes: {cropped}");
    for (fit, words) in [("pad", "whole in a square of 28"), ("squash", "squashed to 28 x 28")] {
        let (right, said) = of(fit, &format!("--set data.input.fit={fit}"));
        assert!(said.contains(words) && said.contains("[data.input]"), "{said}");
        assert_eq!(right, 1.0, "{fit}");
        // The report and the file say so.
        let summary = desk.json(&format!("{fit}/summary.json"));
        assert!(summary["steps"][0]["what"].as_str().unwrap().contains(words), "{summary}");
        let inspected = desk.finetune(&format!("inspect {fit}/model.safetensors")).ends(0, &[]).stdout;
        assert!(
            inspected.contains(words) && inspected.contains(&format!("\"fit\":\"{fit}\"")),
            "{inspected}"
        );
        let page = fs::read_to_string(desk.path(&format!("{fit}/report.html"))).unwrap();
        assert!(page.contains(words));
        // A heat map covers the square that was shown, bars and all.
        assert!(summary["samples"][0]["heat_map"]["picture"].is_string());
        // A run that starts from it prepares images as it does.
        let next = format!("--set model.weights={fit}/model.safetensors --set finetune.depth=head");
        let (right, said) = of(&format!("from-{fit}"), &next);
        assert!(said.contains(words), "{said}");
        assert_eq!(right, 1.0, "from {fit}");
        let reduced = format!("--run {fit} --data wide --reduced-decoding");
        assert_eq!(evaluated(desk, &reduced), 1.0, "{fit}");
    }

    // Parts of what is to be seen whole contradict it, wherever the fit comes from.
    let cropping = "--set data.root=wide --set augment.resized_crop={} --out bad";
    for pad in
        ["--set data.input.fit=pad", "--set model.weights=pad/model.safetensors --set finetune.depth=head"]
    {
        let refused = format!("--config c.toml {pad} {cropping}");
        desk.finetune(&refused).ends(2, &["--set augment.resized_crop={}", "data.input.fit = \"pad\""]);
    }
    desk.finetune(&format!(
        "--config c.toml --set data.input.fit=squash {}",
        cropping.replace("bad", "parts")
    ))
    .ends(0, &[]);
    assert!(!desk.path("bad").exists());

    // A fit of a later program is refused, not read as a crop.
    let mut file = fs::read(desk.path("pad/model.safetensors")).unwrap();
    let fit = b"fit\\\":\\\"pad";
    let at = file.windows(fit.len()).position(|bytes| bytes == fit).expect("the fit in the header");
    file[at + fit.len() - 3..][..3].copy_from_slice(b"zip");
    desk.write("later/model.safetensors", file);
    let says = ["later/model.safetensors", "`zip`"];
    desk.finetune("predict --run later wide/val").ends(1, &says);
    let weights = "--set model.weights=later/model.safetensors --set finetune.depth=head";
    desk.finetune(&format!("--config c.toml --set data.root=wide --out bad {weights}")).ends(2, &says);
}

#[test]
fn settings_of_a_comparison_may_prepare_images_in_other_ways() {
    let desk = &*WIDE;
    let grid = "\n[compare]\nmethods = [\"scratch\"]\nseeds = [0]\nkeep_models = true\njobs = 1\n\
                [[compare.setting]]\nname = \"crop\"\n[[compare.setting]]\nname = \"pad\"\nset = [\"data.input.fit=pad\"]\n\
                [[compare.setting]]\nname = \"squash\"\nset = [\"data.input.fit=squash\"]\n";
    let config = fs::read_to_string(desk.path("c.toml")).unwrap();
    desk.write("grid.toml", format!("{config}{grid}"));
    let long = "--set data.root=wide --set train.epochs=40 --set train.learning_rate=0.003";
    desk.finetune(&format!("--config grid.toml {long} --out grid")).ends(0, &[]);
    assert_eq!(names(&desk.path("grid/cells")).len(), 3);
    for (fit, right) in [("pad", true), ("squash", true), ("crop", false)] {
        let cell = format!("grid/cells/all-images-{fit}-seed-0");
        let accuracy = evaluated(desk, &format!("--run {cell} --data wide"));
        assert_eq!(accuracy == 1.0, right, "{fit}: {accuracy}");
        // The cell's own configuration gives the same model.
        let alone = format!("--config {cell}/config.toml --out alone-{fit} --set run.checkpoints=none");
        desk.finetune(&alone).ends(0, &[]);
        let model = |run: &str| fs::read(desk.path(&format!("{run}/model.safetensors"))).unwrap();
        assert!(model(&cell) == model(&format!("alone-{fit}")), "{fit}");
    }
}

/// Bars and crosses of 12 bits in images of 16, as a microscope's camera writes them.
#[test]
fn twelve_bits_are_noticed_and_read_in_their_range() {
    let desk = Desk::new();
    for (split, numbers) in [("train", 0..12), ("val", 100..106)] {
        for class in ["bar", "cross"] {
            let folder = desk.path(&format!("deep/{split}/{class}"));
            fs::create_dir_all(&folder).unwrap();
            for number in numbers.clone() {
                let narrow = shape_image(class, number);
                let deep = ImageBuffer::from_fn(narrow.width(), narrow.height(), |x, y| {
                    Luma([u16::from(narrow.get_pixel(x, y).0[0]) << 4])
                });
                deep.save(folder.join(format!("{number}.png"))).unwrap();
            }
        }
    }
    let (dark, said) = trained(&desk, "dark", "--set data.root=deep");
    assert!(said.contains("warning: ") && said.contains("data.input.range = 4095"), "{said}");
    let (right, said) = trained(&desk, "right", "--set data.root=deep --set data.input.range=4095");
    assert!(!said.contains("warning: ") && said.contains("values count up to 4095"), "{said}");
    assert!(right > dark && right > 0.9, "{right} in its range, {dark} without");

    // The saved model reads them so too, and one that does not says why it is dark.
    let predict = |run: &str| desk.finetune(&format!("predict --run {run} deep/val")).ends(0, &[]).stderr;
    assert!(!predict("right").contains("warning: "));
    assert!(predict("dark").contains("data.input.range = 4095"));
    let evaluate = desk.finetune("evaluate --run dark --data deep").ends(0, &["data.input.range = 4095"]);
    assert!(!evaluate.stdout.contains("range"));
    // Images of 8 bits are the same to it, and brighter ones of 16 are reported.
    desk.finetune("predict --run right data/val").ends(0, &[]);
    let bright = ImageBuffer::from_pixel(32, 32, Luma([50_000u16]));
    bright.save(desk.path("bright.png")).unwrap();
    desk.finetune("predict --run right bright.png").ends(0, &["50000"]);
}
