//! Bad input gets a clear error that names the file and the line or thing at fault, and leaves nothing behind that looks
//! like a run.

mod support;

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use pretrained::Dtype;
use pretrained::safetensors_file::{self, ArrayView};
use support::{Desk, SCRATCH, names};

/// From trained weights to a new head.
const TRANSFER: &str =
    "--config c.toml --out out --set model.weights=m.safetensors --set finetune.depth=head";

/// A desk with a trained LeNet as `m.safetensors`.
fn desk_with_model() -> Desk {
    let desk = Desk::new();
    desk.finetune("--config c.toml --out trained").ends(0, &[]);
    fs::rename(desk.path("trained/model.safetensors"), desk.path("m.safetensors")).unwrap();
    desk
}

/// Runs towards `out`, which must fail in these words and leave no such folder.
#[track_caller]
fn refused(desk: &Desk, code: i32, arguments: &str, says: &[&str]) {
    desk.finetune(arguments).ends(code, says);
    assert!(!desk.path("out").exists(), "{:?} is left", names(&desk.path("out")));
}

#[test]
fn a_mistake_in_the_configuration_is_shown_by_line_and_column() {
    let desk = Desk::new();
    let cases = [
        ("epochs = 1", "epoch = 1", "c.toml:12:1", "did you mean `epochs`?"),
        ("[train]", "[trian]", "c.toml:11:2", "did you mean `train`?"),
        ("epochs = 1", "epochs = \"one\"", "c.toml:12:10", "invalid type"),
        ("epochs = 1", "epochs = -1", "c.toml:12:10", "-1"),
        ("epochs = 1", "epochs = 0", "c.toml:12:10", "must be at least 1"),
        ("[model]", "[model", "c.toml:4:7", ""),
        ("root = \"data\"", "", "c.toml:1:1", "data.list"),
        ("lenet5_relu", "lenet5_rleu", "c.toml:5:8", "did you mean \"lenet5_relu\"?"),
        ("\"cpu\"", "\"gpu\"", "c.toml:16:10", "use \"auto\", \"cpu\""),
        // A GPU that is nowhere, so that the test means the same on every machine.
        ("\"cpu\"", "\"cuda:99\"", "c.toml:16:10", "\"cuda:99\" was asked for, but this"),
        ("\"scratch\"", "\"deep\"", "c.toml:9:9", "\"last:N\""),
        ("\"scratch\"", "\"all\"", "c.toml:6:11", "nothing to transfer"),
        ("threads = 1", "threads = 1\nname = \"../elsewhere\"", "c.toml:18:8", "run.name"),
        ("threads = 1", "threads = 2000000000", "c.toml:17:11", "at most"),
    ];
    for (right, wrong, place, says) in cases {
        desk.write("c.toml", SCRATCH.replace(right, wrong));
        refused(&desk, 2, "--config c.toml --out out", &[place, says]);
    }
}

#[test]
fn a_network_that_does_not_fit_the_pictures_is_refused_with_what_to_do() {
    let desk = Desk::new();
    let alexnet = "--config c.toml --out out --set model.arch=alexnet";
    refused(
        &desk,
        2,
        alexnet,
        &["c.toml:2:8", "are 32 pixels a side and alexnet reads at least 63", "lenet5_relu", "[data.input]"],
    );
    let crop = |side: u32| {
        format!(
            "{SCRATCH}\n[data.input]\nresize = {side}\ncrop = {side}\ninterpolation = \"bilinear\"\nmean = [0.5, 0.5, 0.5]\nstd = [0.5, 0.5, 0.5]\nchannels = 3\n"
        )
    };
    desk.write("c.toml", crop(32));
    refused(&desk, 2, alexnet, &["at least 63 pixels a side, and crop is 32"]);
    desk.write("c.toml", crop(64));
    desk.finetune(alexnet).ends(0, &[]);
}

/// Digits of 28 x 28 in grey, and a VGG: asked for as it is, cropped to what they are, and in one channel.
#[test]
fn small_grayscale_pictures_do_not_fit_vgg_and_the_message_says_what_does() {
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
    let small =
        ["c.toml:2:8", "are 28 pixels a side and vgg11 reads at least 32", "lenet5_relu", "[data.input]"];
    refused(&desk, 2, vgg, &small);

    let input = |side: u32| {
        format!(
            "{SCRATCH}\n[data.input]\nresize = {side}\ncrop = {side}\ninterpolation = \"bilinear\"\n\
             channels = 1\nmean = [0.5]\nstd = [0.5]\n"
        )
    };
    desk.write("c.toml", input(28));
    let says = ["c.toml:20:1", "at least 32 pixels a side, and crop is 28", "lenet5_relu"];
    refused(&desk, 2, vgg, &says);
    desk.write("c.toml", input(32));
    let pretrained = format!("{vgg} --set model.weights=vgg11.safetensors --set finetune.depth=head");
    let says = [
        "c.toml:24:",
        "channels is 1, and vgg11 reads 3 with the weights vgg11.safetensors",
        "scratch",
        "all three",
    ];
    refused(&desk, 2, &pretrained, &says);
}

#[test]
fn a_mistake_on_the_command_line_is_shown_by_the_argument() {
    let desk = Desk::new();
    for (set, says) in [
        ("train.epoch=2", "did you mean `epochs`?"),
        ("train.epochs=many", "invalid type"),
        ("train.epochs", "KEY=VALUE"),
        ("train.learning_rate=-1", "must be above 0"),
        ("data.input.crop=32", "resize and crop stand together"),
        ("data.input.fit=stretch", "unknown variant `stretch`, expected one of `crop`, `pad`, `squash`"),
        ("data.input.range=65536", "from 1 to 65535"),
        ("model.weights=IMAGENET1K_V1", "lenet5_relu"),
    ] {
        let arguments = format!("--config c.toml --out out --set {set}");
        refused(&desk, 2, &arguments, &[says]);
    }
    refused(&desk, 2, "--config nowhere.toml --out out", &["nowhere.toml"]);
    refused(&desk, 2, "--config data --out out", &["cannot read the configuration data"]);
}

#[test]
fn an_input_that_no_picture_can_have_is_refused_at_its_line() {
    let desk = Desk::new();
    let input = |resize: u32, crop: u32, channels: u32, std: &str| {
        format!(
            "[data.input]\nresize = {resize}\ncrop = {crop}\ninterpolation = \"bilinear\"\n\
             channels = {channels}\nmean = [0.5]\nstd = {std}\n"
        )
    };
    for (input, says) in [
        (input(28, 15, 1, "[0.5]"), "at least 16 pixels"),
        (input(28, 28, 2, "[0.5]"), "channels is 2"),
        (input(28, 28, 1, "[0.0]"), "std must be above 0"),
        (input(28, 28, 3, "[0.5]"), "each of the 3 channels"),
        (input(4_000_000_000, 4_000_000_000, 1, "[0.5]"), "1 to 16384"),
    ] {
        desk.write("c.toml", format!("{SCRATCH}{input}"));
        refused(&desk, 2, "--config c.toml --out out", &["c.toml:19:1", says]);
    }
}

#[test]
fn a_folder_that_is_no_data_set_is_named() {
    let desk = Desk::new();
    let run = |root: &str, says: &[&str]| {
        refused(&desk, 1, &format!("--config c.toml --out out --set data.root={root}"), says);
    };
    run("nowhere", &["nowhere does not exist"]);
    run("c.toml", &["c.toml is a file"]);
    fs::create_dir_all(desk.path("empty")).unwrap();
    run("empty", &["empty has no class folders"]);
    fs::create_dir_all(desk.path("hollow/train/bar")).unwrap();
    desk.draw("hollow/train/cross", "cross", 0..2);
    run("hollow", &["hollow/train/bar holds no images", "it is empty"]);
    desk.draw("untrained/val/bar", "bar", 0..2);
    run("untrained", &["untrained has a validation split but no training split"]);
    // A grid is a run like any other.
    let grid = r#"--config c.toml --out out --set compare.methods=["scratch"] --set data.root=nowhere"#;
    refused(&desk, 1, grid, &["nowhere does not exist"]);

    desk.draw("single/bar", "bar", 0..3);
    refused(&desk, 2, "--config c.toml --out out --set data.root=single", &["only one class, bar"]);
    let many = "--config c.toml --out out --set data.images_per_class=7";
    refused(&desk, 2, many, &["data.images_per_class: 7 images per class", "has 6"]);
}

#[test]
fn early_stopping_with_nothing_to_watch_is_refused() {
    let desk = Desk::new();
    desk.draw("whole/bar", "bar", 0..3);
    desk.draw("whole/cross", "cross", 0..3);
    let blind = "--config c.toml --out out --set data.root=whole --set data.validation_fraction=0 \
                 --set regularize.early_stopping=2";
    refused(&desk, 2, blind, &["regularize.early_stopping", "no validation images", "larger than 0"]);
    // A fraction that holds nothing out: how many images it takes, and who has fewer.
    desk.draw("two/bar", "bar", 0..2);
    desk.draw("two/cross", "cross", 0..2);
    let few = "--config c.toml --out out --set data.root=two --set regularize.early_stopping=2";
    refused(&desk, 2, few, &["regularize.early_stopping", "needs 3 images", "bar has 2, cross has 2"]);
    let told = ["warning: no validation image of bar (2), cross (2): a class needs 3 images"];
    desk.finetune("--config c.toml --out out --set data.root=two").ends(0, &told);
}

#[test]
fn a_class_that_training_lacks_is_named() {
    let desk = Desk::new();
    for split in ["val", "test"] {
        desk.draw(&format!("data/{split}/disc"), "disc", 0..1);
        let name = if split == "val" { "validation" } else { split };
        let says = format!("data: class \"disc\" of the {name} split is not among the training classes");
        refused(&desk, 1, "--config c.toml --out out", &[&says]);
        fs::remove_dir_all(desk.path(&format!("data/{split}"))).unwrap();
    }
}

#[test]
fn unreadable_pictures_are_left_out_counted_and_named() {
    let desk = Desk::new();
    let whole = fs::read(desk.path("data/train/bar/000.png")).unwrap();
    desk.write("data/train/bar/cut.png", &whole[..whole.len() / 2]);
    desk.write("data/train/bar/empty.jpg", "");
    desk.write("data/train/cross/letter.jpeg", "Dear reader, this is no picture.");
    symlink("nowhere.png", desk.path("data/val/cross/link.png")).unwrap();
    desk.write("data/train/bar/moving.gif", "GIF89a");
    desk.write("data/train/bar/phone.heic", b"\0\0\0\x18ftypheic");
    desk.write("data/train/README.md", "not data at all");

    let says = ["5 of 21 pictures below data cannot be read", "data.max_unreadable = 0.1", "data/train/"];
    refused(&desk, 1, "--config c.toml --out out", &says);

    let more = "--config c.toml --out out --set data.max_unreadable=0.25";
    let ran = desk.finetune(more).ends(0, &["warning: left out: a HEIC photograph", "train/bar/phone.heic"]);
    assert!(ran.stdout.contains("5 files left out because unreadable"), "{}", ran.stdout);
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
fn a_class_without_a_readable_picture_is_an_error() {
    let desk = Desk::new();
    for number in 0..6 {
        desk.write(&format!("data/train/bar/{number:03}.png"), "no picture");
    }
    let all = "--config c.toml --out out --set data.max_unreadable=1.0";
    refused(&desk, 1, all, &["class \"bar\" has no readable training image below data"]);
}

#[test]
fn a_checkpoint_that_is_none_or_damaged_or_hostile_is_refused_by_name() {
    let desk = desk_with_model();
    let whole = fs::read(desk.path("m.safetensors")).unwrap();
    let foreign = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pretrained/tests/checkpoints");
    let zip = fs::read(foreign.join("zip.pth")).unwrap();
    desk.write("cut.safetensors", &whole[..whole.len() - 1]);
    desk.write("header.safetensors", &whole[..40]);
    desk.write("cut.pth", &zip[..zip.len() / 2]);
    desk.write("empty.pth", "");
    desk.write("page.pth", "<!DOCTYPE html><title>404</title>");
    for name in ["hostile_zip.pth", "hostile_legacy.pth", "expanded_bomb.pth"] {
        fs::copy(foreign.join(name), desk.path(name)).unwrap();
    }
    for (file, says) in [
        ("nowhere.pth", "cannot open"),
        ("data", "it is a folder"),
        ("cut.safetensors", "is damaged"),
        ("header.safetensors", "is damaged"),
        ("cut.pth", "is damaged"),
        ("empty.pth", "0 bytes"),
        ("page.pth", "web page"),
        ("hostile_zip.pth", "posix.system"),
        ("hostile_legacy.pth", "posix.system"),
        ("expanded_bomb.pth", "expanded_bomb.pth"),
    ] {
        let arguments = TRANSFER.replace("m.safetensors", file);
        refused(&desk, 1, &arguments, &[file, says]);
    }
    // What the hostile pickles would have done.
    assert!(!desk.path("hostile-was-executed").exists());
}

#[test]
fn weights_of_another_network_are_refused() {
    let desk = desk_with_model();
    let resnet = format!("{TRANSFER} --set model.arch=resnet18");
    refused(
        &desk,
        2,
        &resnet,
        &["model.weights", "m.safetensors holds the weights of lenet5_relu, not of resnet18"],
    );
    // Every shape fits, and yet it is another network.
    let tanh = format!("{TRANSFER} --set model.arch=lenet5");
    refused(&desk, 2, &tanh, &["m.safetensors holds the weights of lenet5_relu, not of lenet5"]);
    // A file that does not say what it is.
    let foreign = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pretrained/tests/checkpoints/zip.pth");
    fs::copy(foreign, desk.path("zip.pth")).unwrap();
    let says = ["zip.pth: these are not the weights of lenet5_relu", "missing", "only the head may differ"];
    refused(&desk, 1, &TRANSFER.replace("m.safetensors", "zip.pth"), &says);
}

/// Weights of one's own that name nothing: the tensor, both shapes, and the key that would fit.
#[test]
fn weights_that_do_not_fit_name_the_key_that_would_make_them() {
    let desk = desk_with_model();
    let model = pretrained::checkpoint::read(&desk.path("m.safetensors")).unwrap();
    let nameless = std::collections::BTreeMap::new();
    pretrained::safetensors_file::write(&desk.path("own.safetensors"), &model.tensors, &nameless).unwrap();
    let own = TRANSFER.replace("m.safetensors", "own.safetensors");
    let gray = |crop: u32| {
        format!(
            "{own} --set data.input={{resize={crop},crop={crop},interpolation=\"bilinear\",channels=1,mean=[0.5],std=[0.5]}}"
        )
    };
    let says = ["data.input.crop", "fc1.weight is [120, 400]", "[120, 1296]", "crop = 28 would fit"];
    refused(&desk, 2, &gray(48), &says);
    let says =
        ["model.arch", "holds the weights of lenet5", "not of resnet18", "set model.arch = \"lenet5\""];
    refused(&desk, 2, &format!("{own} --set model.arch=resnet18"), &says);
}

#[test]
fn weights_that_are_no_numbers_are_refused_with_their_tensor() {
    let desk = desk_with_model();
    let mut model = pretrained::checkpoint::read(&desk.path("m.safetensors")).unwrap();
    let write = |desk: &Desk, model: &pretrained::Checkpoint| {
        pretrained::safetensors_file::write(
            &desk.path("spoilt.safetensors"),
            &model.tensors,
            &model.metadata,
        )
        .unwrap();
    };
    let bias = model.tensors.get_mut("conv2.bias").unwrap();
    bias.data[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    bias.data[4..8].copy_from_slice(&f32::INFINITY.to_le_bytes());
    write(&desk, &model);
    let says = ["spoilt.safetensors: tensor conv2.bias holds 1 NaN and 1 infinite among its 16 values"];
    let run = TRANSFER.replace("m.safetensors", "spoilt.safetensors");
    refused(&desk, 1, &run, &says);
    let predict = "predict --arch lenet5_relu --weights spoilt.safetensors --device cpu data";
    desk.finetune(predict).ends(1, &says);
    // Sound weights whose scores are beyond all numbers: nothing is answered.
    let bias = model.tensors.get_mut("conv2.bias").unwrap();
    bias.data.chunks_exact_mut(4).for_each(|value| value.copy_from_slice(&3e38f32.to_le_bytes()));
    write(&desk, &model);
    let ran = desk.finetune(predict).ends(1, &["the scores that", "are no numbers", "data/"]);
    assert_eq!(ran.stdout, "");
}

#[test]
fn catalog_weights_are_fetched_first_and_checked_by_digest() {
    let desk = Desk::new();
    let run = "--config c.toml --out out --set model.arch=resnet18 --set model.weights=IMAGENET1K_V1 \
               --set finetune.depth=head";
    refused(&desk, 1, run, &["resnet18-f37072fd.pth", "cargo xtask fetch-weights resnet18"]);
    desk.write("weights/resnet18-f37072fd.pth", "another file");
    let says = ["weights/resnet18-f37072fd.pth has the SHA-256", "f37072fd", "fetch it again"];
    refused(&desk, 1, run, &says);
}

#[test]
fn an_unknown_stage_lists_the_known_ones() {
    let desk = desk_with_model();
    let unknown = TRANSFER.replace("depth=head", "depth=from:layer3");
    let says = ["finetune.depth=from:layer3", "no stage \"layer3\"", "conv1, conv2, fc1, fc2, head"];
    refused(&desk, 2, &unknown, &says);
}

#[test]
fn a_grid_that_makes_no_sense_is_refused_before_it_begins() {
    let desk = Desk::new();
    for (compare, says) in [
        ("methods = []", "at least one method"),
        ("seeds = [1, 2, 1]", "twice"),
        ("images_per_class = [3, 3]", "twice"),
        ("methods = [\"scratch\"]\nimages_per_class = [7]", "has 6"),
        ("methods = [\"scratch\"]\njudge_on = \"odd\"", "group in [data.groups]"),
        ("methods = [\"scratch\", \"head\"]", "nothing to transfer"),
        (
            "methods = [\"scratch\"]\n[[compare.variant]]\nname = \"A b\"\n[[compare.variant]]\nname = \"a-b\"",
            "two variants",
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
    let ran = ran.ends(2, &["--set run.device=cuda:999: run.device: \"cuda:999\" was asked for"]);
    // Where there is CUDA its devices are counted.
    assert!(
        ["libtorch_cuda.so", "CUDA device(s)"].iter().any(|why| ran.stderr.contains(why)),
        "{}",
        ran.stderr
    );
    refused(
        &desk,
        2,
        "--config c.toml --out out --set run.precision=fp16",
        &["run.precision: \"fp16\" is for GPUs"],
    );
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
    desk.finetune(steep).ends(1, &["the loss became", "learning rate is probably too high"]);
    assert!(!desk.path("steep/model.safetensors").exists());
}
