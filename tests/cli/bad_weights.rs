//! Weights that cannot be used are refused by their file, tensor and key, and leave nothing behind that looks like a run.

use std::collections::BTreeMap;
use std::fs;

use super::bad_input::refused;
use crate::repository;
use crate::support::Desk;

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

#[test]
fn a_checkpoint_that_is_none_or_damaged_or_hostile_is_refused_by_name() {
    let desk = desk_with_model();
    let whole = fs::read(desk.path("m.safetensors")).unwrap();
    let foreign = repository().join("crates/checkpoint/tests/checkpoints");
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
        ("nowhere.pth", "No such file"),
        ("data", "is a folder"),
        ("cut.safetensors", "is damaged: its header describes"),
        ("header.safetensors", "is damaged: its header claims"),
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
    refused(&desk, 2, &resnet, &["model.weights", "m.safetensors", "lenet5_relu", "resnet18"]);
    // Every shape fits, and yet it is another network.
    let tanh = format!("{TRANSFER} --set model.arch=lenet5");
    refused(&desk, 2, &tanh, &["model.weights", "m.safetensors", "lenet5_relu"]);
    // A file that does not say what it is.
    let foreign = repository().join("crates/checkpoint/tests/checkpoints/zip.pth");
    fs::copy(foreign, desk.path("zip.pth")).unwrap();
    let says = ["zip.pth: ", "lenet5_relu"];
    refused(&desk, 1, &TRANSFER.replace("m.safetensors", "zip.pth"), &says);
}

/// Weights of one's own that name nothing: the tensor, both shapes, and the key that would fit.
#[test]
fn weights_that_do_not_fit_name_the_key_that_would_make_them() {
    let desk = desk_with_model();
    let model = checkpoint::read(&desk.path("m.safetensors")).unwrap();
    let nameless = BTreeMap::new();
    checkpoint::safetensors_file::write(&desk.path("own.safetensors"), &model.tensors, &nameless).unwrap();
    let own = TRANSFER.replace("m.safetensors", "own.safetensors");
    let gray = |crop: u32| {
        format!(
            "{own} --set data.input={{resize={crop},crop={crop},interpolation=\"bilinear\",channels=1,mean=[0.5],std=[0.5]}}"
        )
    };
    let says = ["data.input.crop", "fc1.weight", "[120, 400]", "[120, 1296]", "28"];
    refused(&desk, 2, &gray(48), &says);
    let says = ["model.arch = \"lenet5\"", "resnet18"];
    refused(&desk, 2, &format!("{own} --set model.arch=resnet18"), &says);
}

#[test]
fn weights_that_are_no_numbers_are_refused_with_their_tensor() {
    let desk = desk_with_model();
    let mut model = checkpoint::read(&desk.path("m.safetensors")).unwrap();
    let write = |desk: &Desk, model: &checkpoint::Checkpoint| {
        checkpoint::safetensors_file::write(
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
    let says = ["spoilt.safetensors: ", "conv2.bias", "1 NaN", "1 inf", "16"];
    let run = TRANSFER.replace("m.safetensors", "spoilt.safetensors");
    refused(&desk, 1, &run, &says);
    let predict = "predict --arch lenet5_relu --weights spoilt.safetensors --device cpu data";
    desk.finetune(predict).ends(1, &says);
    // Sound weights whose scores are beyond all numbers: nothing is answered.
    let bias = model.tensors.get_mut("conv2.bias").unwrap();
    bias.data.chunks_exact_mut(4).for_each(|value| value.copy_from_slice(&3e38f32.to_le_bytes()));
    write(&desk, &model);
    let ran = desk.finetune(predict).ends(1, &["data/"]);
    assert_eq!(ran.stdout, "");
}

#[test]
fn catalog_weights_are_fetched_first_and_checked_by_digest() {
    let desk = Desk::new();
    let run = "--config c.toml --out out --set model.arch=resnet18 --set model.weights=IMAGENET1K_V1 \
               --set finetune.depth=head";
    refused(&desk, 1, run, &["resnet18-f37072fd.pth", " fetch-weights resnet18`"]);
    desk.write("weights/resnet18-f37072fd.pth", "another file");
    let says = ["weights/resnet18-f37072fd.pth", "SHA-256", "f37072fd"];
    refused(&desk, 1, run, &says);
}

#[test]
fn an_unknown_stage_lists_the_known_ones() {
    let desk = desk_with_model();
    let unknown = TRANSFER.replace("depth=head", "depth=from:layer3");
    let says = ["finetune.depth=from:layer3", "\"layer3\"", "conv1, conv2, fc1, fc2, head"];
    refused(&desk, 2, &unknown, &says);
}
