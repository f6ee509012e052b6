//! Statistics of batch-norm in a saved model, against those of the saved weights on all training images.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use backbone::{Mode, StageId};
use images::Transform;
use tch::{Device, Kind, Tensor};
use tempfile::TempDir;
use trained_model::model::{Model, ModelSource};

use crate::shapes::draw;

/// A ResNet-18 on small images in colour; the classes are uneven.
const CONFIG: &str = "[data]\nroot = \"data\"\n\
    [data.input]\nresize = 32\ncrop = 32\ninterpolation = \"bilinear\"\nchannels = 3\n\
    mean = [0.5, 0.5, 0.5]\nstd = [0.5, 0.5, 0.5]\n\
    [model]\narch = \"resnet18\"\nweights = \"none\"\n[finetune]\ndepth = \"scratch\"\n\
    [train]\nepochs = 1\nbatch_size = 13\n\
    [run]\ndevice = \"cpu\"\nthreads = 1\nworkers = 1\ncheckpoints = \"none\"\n";

/// Nine bars and four crosses to train on, and a ResNet trained on them in `source/`.
static DESK: LazyLock<TempDir> = LazyLock::new(|| {
    let desk = tempfile::tempdir().unwrap();
    for (folder, class, numbers) in [
        ("train/bar", "bar", 0..9),
        ("train/cross", "cross", 0..4),
        ("val/bar", "bar", 100..102),
        ("val/cross", "cross", 100..102),
    ] {
        draw(&desk.path().join("data").join(folder), class, numbers);
    }
    fs::write(desk.path().join("c.toml"), CONFIG).unwrap();
    finetune(desk.path(), &["--out", "source"]);
    desk
});

/// Runs the program to its end.
fn finetune(desk: &Path, arguments: &[&str]) {
    let mut program = Command::new(env!("CARGO_BIN_EXE_finetune"));
    program.current_dir(desk).args(["--config", "c.toml"]).args(arguments);
    let output = program.env("XDG_CACHE_HOME", desk.join("cache")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What batch-norm of a saved model knows of its inputs, and what the saved weights make of all training images: mean
/// and variance of each channel of the first convolution of `layer4`.
fn saved_and_measured(sets: &[&str], out: &str) -> [Vec<f64>; 2] {
    let desk = DESK.path();
    // One batch holds all images, so that their order does not matter.
    let transfer =
        ["model.weights=source/model.safetensors", "finetune.depth=last:1", "finetune.head_epochs=1"];
    let policies = ["train.epochs=3", "train.keep=last", "finetune.batch_norm=train"];
    let sets = transfer.iter().chain(policies.iter()).chain(sets).flat_map(|set| ["--set", set]);
    finetune(desk, &["--out", out].into_iter().chain(sets).collect::<Vec<_>>());

    let model = Model::open(&ModelSource::Run(desk.join(out)), Device::Cpu).unwrap();
    let transform = Transform::evaluation(&model.input).unwrap();
    let pixels = ["bar", "cross"].iter().flat_map(|class| {
        let files = fs::read_dir(desk.join(format!("data/train/{class}"))).unwrap();
        let image = |file: fs::DirEntry| image_file::decode(&file.path()).unwrap();
        files.map(|file| transform.apply(&image(file.unwrap()), 0, 0).unwrap()).collect::<Vec<_>>()
    });
    let pixels: Vec<Tensor> = pixels.map(|image| Tensor::from_slice(&image).view([3, 32, 32])).collect();
    assert_eq!(pixels.len(), 13);
    let pixels = Tensor::stack(&pixels, 0); // [13, 3, 32, 32]

    let backbone = &model.backbone;
    let layer4 = backbone.stage("layer4").unwrap();
    let named = |name: &str| {
        let name = format!("layer4.0.{name}");
        backbone.variables().all().into_iter().find(|variable| variable.name == name).unwrap().tensor
    };
    let _no_gradient = tch::no_grad_guard();
    let features = backbone.forward(&pixels, StageId::INPUT..layer4, Mode::Evaluate);
    let inputs = features.conv2d::<Tensor>(&named("conv1.weight"), None, [2, 2], [1, 1], [1, 1], 1);
    let inputs = inputs.transpose(0, 1).flatten(1, -1).to_kind(Kind::Double); // [512, 13 * H * W]
    let measured = [inputs.mean_dim(1, false, None::<Kind>), inputs.var_dim(1, true, false)];
    let saved = [named("bn1.running_mean"), named("bn1.running_var")];
    [saved, measured].map(|pair| Vec::try_from(Tensor::cat(&pair, 0).to_kind(Kind::Double)).unwrap())
}

#[test]
fn averaged_weights_are_saved_with_statistics_measured_for_them() {
    let furthest = |[saved, measured]: [Vec<f64>; 2]| {
        saved.iter().zip(&measured).map(|(a, b)| (a - b).abs() / b.abs().max(0.1)).fold(0.0, f64::max)
    };
    let averaged = furthest(saved_and_measured(&["train.swa_from=2"], "averaged"));
    assert!(averaged < 1e-3, "{averaged}");
    // A training without them keeps what it gathered on the way, under weights that have moved since.
    let gathered = furthest(saved_and_measured(&[], "gathered"));
    assert!(gathered > 1e-2, "{gathered}");
}
