//! Bad input gets a clear error that names the file and the line or thing at fault, and leaves nothing behind that looks
//! like a run.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;

use crate::support::{Desk, SCRATCH, names};
use checkpoint::Dtype;
use checkpoint::safetensors_file::{self, ArrayView};

/// Runs towards `out`, which must fail in these words and leave no such folder.
#[track_caller]
pub(crate) fn refused(desk: &Desk, code: i32, arguments: &str, says: &[&str]) {
    desk.finetune(arguments).ends(code, says);
    assert!(!desk.path("out").exists(), "{:?} is left", names(&desk.path("out")));
}

#[test]
fn a_mistake_in_the_configuration_is_shown_by_line_and_column() {
    let desk = Desk::new();
    let cases = [
        ("epochs = 1", "epoch = 1", "c.toml:12:1", "`epochs`"),
        ("[model]", "[model", "c.toml:4:7", "expected `]`"),
        ("root = \"data\"", "", "c.toml:1:1", "data.list"),
        ("lenet5_relu", "lenet5_rleu", "c.toml:5:8", "\"lenet5_relu\""),
        // A GPU that is nowhere, so that the test means the same on every machine.
        ("\"cpu\"", "\"cuda:99\"", "c.toml:16:10", "\"cuda:99\""),
        ("\"scratch\"", "\"all\"", "c.toml:6:11", "model.weights"),
        ("threads = 1", "threads = 1\nname = \"../elsewhere\"", "c.toml:18:8", "run.name"),
    ];
    for (right, wrong, place, says) in cases {
        desk.write("c.toml", SCRATCH.replace(right, wrong));
        refused(&desk, 2, "--config c.toml --out out", &[place, says]);
    }
}

#[test]
fn a_network_that_does_not_fit_the_images_is_refused_with_what_to_do() {
    let desk = Desk::new();
    let alexnet = "--config c.toml --out out --set model.arch=alexnet";
    refused(&desk, 2, alexnet, &["c.toml:2:8", "32", "alexnet", "63", "lenet5_relu", "[data.input]"]);
    let crop = |side: u32| {
        format!(
            "{SCRATCH}\n[data.input]\nresize = {side}\ncrop = {side}\ninterpolation = \"bilinear\"\nmean = [0.5, 0.5, 0.5]\nstd = [0.5, 0.5, 0.5]\nchannels = 3\n"
        )
    };
    desk.write("c.toml", crop(32));
    refused(&desk, 2, alexnet, &["c.toml:20:1", "63", "32"]);
    desk.write("c.toml", crop(64));
    desk.finetune(alexnet).ends(0, &[]);
}

/// Digits of 28 x 28 in grey, and a VGG: asked for as it is, cropped to what they are, and in one channel.
#[test]
fn small_grayscale_images_do_not_fit_vgg_and_the_message_says_what_does() {
    let desk = Desk::new();
    for split in ["train", "val"] {
        for class in ["bar", "cross"] {
            let folder = desk.path(&format!("data/{split}/{class}"));
            for file in names(&folder) {
                let large = image::open(folder.join(&file)).unwrap().into_luma8();
                image::imageops::crop_imm(&large, 2, 2, 28, 28).to_image().save(folder.join(&file)).unwrap();
            }
        }
    }
    // The first layer of a pretrained VGG; the rest of its half gigabyte does not matter here.
    let data = [0; 64 * 3 * 3 * 3 * 4];
    let first = ArrayView { shape: &[64, 3, 3, 3], dtype: Dtype::F32, data: &data };
    let file = desk.path("vgg11.safetensors");
    safetensors_file::write(&file, [("features.0.weight", first)], &BTreeMap::new()).unwrap();
    let vgg = "--config c.toml --out out --set model.arch=vgg11";
    let small = ["c.toml:2:8", "28 pixels a side", "vgg11 reads at least 32", "lenet5_relu", "[data.input]"];
    refused(&desk, 2, vgg, &small);

    let input = |side: u32| {
        format!(
            "{SCRATCH}\n[data.input]\nresize = {side}\ncrop = {side}\ninterpolation = \"bilinear\"\n\
             channels = 1\nmean = [0.5]\nstd = [0.5]\n"
        )
    };
    desk.write("c.toml", input(28));
    let says = ["c.toml:20:1", "32", "28", "lenet5_relu"];
    refused(&desk, 2, vgg, &says);
    desk.write("c.toml", input(32));
    let pretrained = format!("{vgg} --set model.weights=vgg11.safetensors --set finetune.depth=head");
    let says = ["c.toml:24:", "channels is 1", "vgg11.safetensors", "\"scratch\""];
    refused(&desk, 2, &pretrained, &says);
}

#[test]
fn a_mistake_on_the_command_line_is_shown_by_the_argument() {
    let desk = Desk::new();
    for (set, says) in [
        ("train.epoch=2", "--set train.epoch=2: unknown field `epoch`"),
        ("finetune.batch_norm=frozen", "--set finetune.batch_norm=frozen: finetune.batch_norm: "),
        ("regularize.l2_sp={}", "--set regularize.l2_sp={}: regularize.l2_sp: "),
        ("data.input.crop=32", "data.input: resize and crop"),
        ("model.weights=IMAGENET1K_V1", "--set model.weights=IMAGENET1K_V1: model.weights: "),
    ] {
        let arguments = format!("--config c.toml --out out --set {set}");
        refused(&desk, 2, &arguments, &[says]);
    }
    refused(&desk, 2, "--config nowhere.toml --out out", &["nowhere.toml"]);
    refused(&desk, 2, "--config data --out out", &["cannot read the configuration data: "]);
}

#[test]
fn a_folder_that_is_no_data_set_is_named() {
    let desk = Desk::new();
    let run = |root: &str, says: &[&str]| {
        refused(&desk, 1, &format!("--config c.toml --out out --set data.root={root}"), says);
    };
    run("nowhere", &["nowhere"]);
    run("c.toml", &["c.toml"]);
    fs::create_dir_all(desk.path("empty")).unwrap();
    run("empty", &["empty has no class folders", "data.list"]);
    fs::create_dir_all(desk.path("hollow/train/bar")).unwrap();
    desk.draw("hollow/train/cross", "cross", 0..2);
    run("hollow", &["hollow/train/bar"]);
    desk.draw("untrained/val/bar", "bar", 0..2);
    run("untrained", &["untrained"]);
    // A grid is a run like any other.
    let grid = r#"--config c.toml --out out --set compare.methods=["scratch"] --set data.root=nowhere"#;
    refused(&desk, 1, grid, &["nowhere"]);

    desk.draw("single/bar", "bar", 0..3);
    let single = "--set data.root=single";
    let says = [&*format!("{single}: data.root: "), "bar"];
    refused(&desk, 2, &format!("--config c.toml --out out {single}"), &says);
    let many = "--config c.toml --out out --set data.images_per_class=7";
    refused(&desk, 2, many, &["--set data.images_per_class=7: data.images_per_class: 7 images", "has 6"]);
}

#[test]
fn early_stopping_with_nothing_to_watch_is_refused() {
    let desk = Desk::new();
    desk.draw("whole/bar", "bar", 0..3);
    desk.draw("whole/cross", "cross", 0..3);
    let blind = "--config c.toml --out out --set data.root=whole --set data.validation_fraction=0 \
                 --set regularize.early_stopping=2";
    refused(&desk, 2, blind, &["regularize.early_stopping", "data.validation_fraction"]);
    // A fraction that holds nothing out: how many images it takes, and who has fewer.
    desk.draw("two/bar", "bar", 0..2);
    desk.draw("two/cross", "cross", 0..2);
    let few = "--config c.toml --out out --set data.root=two --set regularize.early_stopping=2";
    refused(&desk, 2, few, &["regularize.early_stopping", "3", "bar", "cross", "2"]);
    let says = ["warning: ", "bar (2), cross (2)", "3"];
    desk.finetune("--config c.toml --out out --set data.root=two").ends(0, &says);
}

#[test]
fn a_class_that_training_lacks_is_named() {
    let desk = Desk::new();
    for split in ["val", "test"] {
        desk.draw(&format!("data/{split}/disc"), "disc", 0..1);
        let name = if split == "val" { "validation" } else { split };
        refused(&desk, 1, "--config c.toml --out out", &["\"disc\"", name]);
        fs::remove_dir_all(desk.path(&format!("data/{split}"))).unwrap();
    }
}

#[test]
fn unreadable_images_are_left_out_counted_and_named() {
    let desk = Desk::new();
    let whole = fs::read(desk.path("data/train/bar/000.png")).unwrap();
    desk.write("data/train/bar/cut.png", &whole[..whole.len() / 2]);
    desk.write("data/train/bar/empty.jpg", "");
    desk.write("data/train/cross/letter.jpeg", "Dear reader, this is no image.");
    symlink("nowhere.png", desk.path("data/val/cross/link.png")).unwrap();
    desk.write("data/train/bar/moving.gif", "GIF89a");
    desk.write("data/train/bar/phone.heic", b"\0\0\0\x18ftypheic");
    desk.write("data/train/README.md", "not data at all");

    let says = ["5 of 21", "data.max_unreadable = 0.1", "data/train/"];
    refused(&desk, 1, "--config c.toml --out out", &says);

    let more = "--config c.toml --out out --set data.max_unreadable=0.25";
    desk.finetune(more).ends(0, &["warning: ", "HEIC", "train/bar/phone.heic"]);
    let data = desk.json("out/summary.json")["data"].clone();
    assert_eq!((data["train"].as_u64(), data["validation"].as_u64()), (Some(12), Some(4)));
    let mut paths: Vec<_> = data["unreadable"].as_array().unwrap().iter().collect();
    paths.sort_by_key(|file| file["path"].to_string());
    let bad = [
        "train/bar/cut.png",
        "train/bar/empty.jpg",
        "train/bar/moving.gif",
        "train/cross/letter.jpeg",
        "val/cross/link.png",
    ];
    for (file, name) in paths.iter().zip(bad) {
        assert_eq!(file["path"], format!("data/{name}"));
        assert!(!file["reason"].as_str().unwrap().is_empty());
        assert!(fs::read_to_string(desk.path("out/report.html")).unwrap().contains(name));
    }
    assert_eq!(paths.len(), bad.len());
}

#[test]
fn a_class_without_a_readable_image_is_an_error() {
    let desk = Desk::new();
    for number in 0..6 {
        desk.write(&format!("data/train/bar/{number:03}.png"), "no image");
    }
    let all = "--config c.toml --out out --set data.max_unreadable=1.0";
    refused(&desk, 1, all, &["\"bar\"", "data"]);
}

#[test]
fn a_grid_that_makes_no_sense_is_refused_before_it_begins() {
    let desk = Desk::new();
    for (compare, says) in [
        ("methods = []", "compare.methods"),
        ("seeds = [1, 2, 1]", "compare.seeds"),
        ("images_per_class = [3, 3]", "compare.images_per_class"),
        ("methods = [\"scratch\"]\nimages_per_class = [7]", "compare.images_per_class"),
        ("methods = [\"scratch\"]\njudge_on = \"odd\"", "[data.groups]"),
        ("methods = [\"scratch\", \"head\"]", "model.weights"),
        (
            "methods = [\"scratch\"]\n[[compare.variant]]\nname = \"A b\"\n[[compare.variant]]\nname = \"a-b\"",
            "compare.variant",
        ),
    ] {
        desk.write("c.toml", format!("{SCRATCH}[compare]\n{compare}\n"));
        refused(&desk, 2, "--config c.toml --out out", &["c.toml:", says]);
    }
}

#[test]
fn what_this_machine_has_not_is_refused_with_the_reason() {
    let desk = Desk::new();
    let ran = desk.finetune("--config c.toml --out out --set run.device=cuda:999");
    let ran = ran.ends(2, &["--set run.device=cuda:999: run.device: "]);
    // Where there is CUDA its devices are counted.
    assert!(
        ["libtorch_cuda.so", "CUDA device(s)"].iter().any(|why| ran.stderr.contains(why)),
        "{}",
        ran.stderr
    );
    refused(&desk, 2, "--config c.toml --out out --set run.precision=fp16", &["run.precision: "]);
}

#[test]
fn numbers_beyond_all_measure_are_no_panic() {
    let desk = Desk::new();
    let sets = "--set data.memory_mib=9000000000000000 --set run.features_mib=9000000000000000 \
                --set train.batch_size=9000000000000000 --set run.workers=9000000000000000";
    desk.finetune(&format!("--config c.toml --out large {sets}")).ends(0, &[]);
    let small = "--set data.memory_mib=0 --set run.features_mib=0";
    desk.finetune(&format!("--config c.toml --out small {small}")).ends(0, &[]);
    let steep = "--config c.toml --out steep --set train.learning_rate=1e30";
    desk.finetune(steep).ends(1, &["in fine-tune, epoch 1, step "]);
    assert!(!desk.path("steep/model.safetensors").exists());
}
