//! Every policy of the configuration changes what is trained, and contradictions are told by their line.

#[path = "support/short_runs.rs"]
mod short_runs;
mod support;

use std::collections::BTreeMap;
use std::fs;

use backbone::{Mode, StageId};
use finetune_core::model::{Model, ModelSource};
use images::Transform;
use serde_json::Value;
use short_runs::{BASE, COLOUR, DESK, trained};
use support::{Ran, names};
use tch::{Device, Kind, Tensor};

/// The program is run with and without each key.
#[test]
fn every_key_is_wired_and_each_to_something_of_its_own() {
    let cases: &[&[&str]] = &[
        &[],
        &["finetune.rate_scale=0.3"],
        &["finetune.rate_decay=0.3"],
        &["finetune.rate_decay=0.3", "finetune.rate_floor=0.08"],
        &["finetune.rates={fc2=0.02}"],
        &["finetune.rates={head=0.02}"],
        &["finetune.thaw.every=1"],
        &["finetune.thaw.at={fc2=3}"],
        &["train.accumulate=2"],
        &["train.warmup_epochs=0.5"],
        &["train.clip_norm=0.1"],
        &["train.clip_value=0.001"],
        &["train.ema=0.9"],
        &["train.swa_from=2"],
        &["train.class_weights=balanced"],
        &["train.class_weights={cross=2.0}"],
        &["train.sampler=balanced"],
        &["train.optimizer=sgd"],
        &["train.optimizer=sgd", "train.sgd.momentum=0.5"],
        &["train.optimizer=adam"],
        &["train.adam.beta1=0.8"],
        &["train.adam.beta2=0.9"],
        &["train.adam.epsilon=1e-3"],
        &["train.optimizer=rmsprop"],
        &["train.optimizer=rmsprop", "train.rmsprop.alpha=0.9"],
        &["train.optimizer=rmsprop", "train.rmsprop.momentum=0.5"],
        &["train.optimizer=rmsprop", "train.rmsprop.epsilon=1e-2"],
        &["train.schedule=constant"],
        &["train.schedule=step", "train.step.every=1"],
        &["train.schedule=step", "train.step.every=2"],
        &["train.schedule=step", "train.step.every=1", "train.step.factor=0.5"],
        &["train.schedule=one-cycle"],
        &["train.schedule=one-cycle", "train.one_cycle.rising=0.6"],
        &["train.schedule=one-cycle", "train.one_cycle.divisor=5"],
        &["train.schedule=one-cycle", "train.one_cycle.final_divisor=2"],
        &["train.schedule=one-cycle", "train.one_cycle.momentum=[0.7, 0.8]"],
        // Nothing is an improvement by more than 0.9999 of the loss, so these reduce after the first epochs.
        &[
            "train.schedule=plateau",
            "train.plateau.patience=0",
            "train.plateau.threshold=0.9999",
            "train.plateau.factor=0.2",
        ],
        &[
            "train.schedule=plateau",
            "train.plateau.patience=0",
            "train.plateau.threshold=0.9999",
            "train.plateau.factor=0.5",
        ],
        &[
            "train.schedule=plateau",
            "train.plateau.patience=0",
            "train.plateau.threshold=0.9999",
            "train.plateau.floor=0.3",
        ],
    ];
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
    }
    // LeNet has no batch-norm.
    let weights = format!("model.weights={:?}", DESK.path("r.safetensors").display().to_string());
    let residual = |policy: &str| {
        trained(&["model.arch=resnet18", &weights, COLOUR, "finetune.depth=last:1", "train.epochs=1", policy])
            .0
    };
    let plain = residual("finetune.batch_norm=train");
    assert_ne!(plain, residual("finetune.batch_norm=frozen"));
    // The mean over one epoch is that epoch's weights, but its statistics are measured anew.
    assert_ne!(plain, residual("train.swa_from=1"));
    // Patience longer than the training is the constant schedule, and the same seed gives the same bytes.
    let patient =
        trained(&["train.schedule=plateau", "train.plateau.patience=9", "train.plateau.threshold=0.9999"]).0;
    assert_eq!(seen.get(&patient), Some(&&["train.schedule=constant"][..]));
    let mixture = [
        "finetune.thaw.every=1",
        "finetune.rate_decay=0.4",
        "train.ema=0.9",
        "train.sampler=balanced",
        "train.accumulate=2",
        "train.clip_norm=1",
        "train.schedule=one-cycle",
        "augment.horizontal_flip=0.5",
    ];
    let (first, record) = trained(&mixture);
    assert_eq!(first, trained(&mixture).0);

    // What was planned is in the record: fc2 at once, fc1 in the second epoch, at its own rate.
    let plan = &record.plan[1];
    let stage = |name: &str| plan.stages.iter().find(|stage| stage.name == name).unwrap();
    assert_eq!((stage("fc2").thaws, stage("fc1").thaws, stage("conv2").thaws), (Some(1), Some(2), None));
    assert!((stage("fc1").rate_scale - 0.04).abs() < 1e-12);
    assert_eq!((plan.epochs, plan.steps_per_epoch, plan.rates.len()), (3, 2, 6));
    assert!(record.steps[4].what.contains("moving average"), "{}", record.steps[4].what);
    let (_, record) = trained(&["train.swa_from=2"]);
    assert!(
        record.steps[4].what.contains("mean of the weights after 2 epoch(s)"),
        "{}",
        record.steps[4].what
    );
    let validation = &record.evaluations[0];
    let recall = |class: usize| {
        validation.confusion[class][class] as f64 / validation.confusion[class].iter().sum::<u64>() as f64
    };
    assert!((validation.balanced_accuracy - (recall(0) + recall(1)) / 2.0).abs() < 1e-12);
    assert!(record.epochs.iter().all(|epoch| epoch.validation_balanced_accuracy.is_some()));
}

/// What one depth or technique of a comparison does not use is no mistake, and its configuration can be run again.
#[test]
fn a_comparison_has_values_that_not_all_of_its_runs_use() {
    let desk = &*DESK;
    let unused = [
        "train.epochs=1",
        "finetune.rate_scale=0.4",
        "finetune.rate_decay=0.5",
        "regularize.weight_decay=0",
        "regularize.decay=all",
    ];
    let small = format!("model.arch=efficientnet_lite0 --set {COLOUR}");
    let source = format!("--config source.toml --out efficient --set {small}");
    desk.finetune(&source).ends(0, &[]);
    let weights = "--set model.weights=efficient/model.safetensors --set regularize.stochastic_depth=0.2";
    let run = format!("--config c.toml --set {small} {weights} --set {}", unused.join(" --set "));
    // The last stage of an EfficientNet is a convolution; four blocks are in the one before the one before it.
    let last =
        desk.finetune(&format!("{run} --set regularize.l1=1e-6 --set finetune.depth=last:1 --out idle"));
    last.ends(2, &["regularize.stochastic_depth", "has a residual branch to skip"]);
    let compare = format!("compare {run} --vary depth --depths head,last:1,last:3 --seeds 0 --out unused");
    desk.finetune(&compare).ends(0, &["run 3/3"]);
    for cell in desk.json("unused/summary.json")["cells"].as_array().unwrap() {
        let method = cell["method"].as_str().unwrap().replace(' ', "-");
        let config = format!("unused/cells/all-images-{method}-seed-0/config.toml");
        let text = fs::read_to_string(desk.path(&config)).unwrap();
        assert_eq!(text.contains("stochastic_depth"), method == "last-3", "{text}");
        desk.finetune(&format!("--config {config} --out again-{method}")).ends(0, &[]);
        let again = desk.json(&format!("again-{method}/summary.json"));
        assert_eq!(again["digests"]["model.safetensors"], cell["model_sha256"], "{method}");
    }
}

/// What batch-norm of a saved model knows of its inputs, against what the saved weights make of all training pictures:
/// mean and variance of each channel of the first convolution of `layer4`.
fn saved_and_measured(sets: &[&str], out: &str) -> [Vec<f64>; 2] {
    let weights = format!("model.weights={:?}", DESK.path("r.safetensors").display().to_string());
    // One batch holds all pictures, so that their order does not matter.
    let all_at_once =
        ["model.arch=resnet18", &weights, COLOUR, "finetune.depth=last:1", "train.batch_size=13"];
    let mut program = DESK.program();
    program.args(["--config", "c.toml", "--out", out]);
    program.args(all_at_once.iter().chain(sets).flat_map(|set| ["--set", set]));
    Ran::of(&program.output().unwrap()).ends(0, &[]);

    let model = Model::open(&ModelSource::Run(DESK.path(out)), Device::Cpu).unwrap();
    let transform = Transform::evaluation(&model.input).unwrap();
    let pixels = ["bar", "cross"].iter().flat_map(|class| {
        let files = fs::read_dir(DESK.path(&format!("data/train/{class}"))).unwrap();
        let picture = |file: fs::DirEntry| images::decode(&file.path()).unwrap();
        files.map(|file| transform.apply(&picture(file.unwrap()), 0, 0).unwrap()).collect::<Vec<_>>()
    });
    let pixels: Vec<Tensor> = pixels.map(|picture| Tensor::from_slice(&picture).view([3, 32, 32])).collect();
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

#[test]
fn policies_that_contradict_each_other_are_refused_at_their_line() {
    let desk = &*DESK;
    let mut number = 0;
    let mut refused = |section: &str, lines: &str, place: &str, says: &str| {
        number += 1;
        let file = format!("bad-{number}.toml");
        desk.write(&file, BASE.replace(section, &format!("{section}\n{lines}")));
        let out = format!("bad-{number}");
        desk.finetune(&format!("--config {file} --out {out}")).ends(2, &[&format!("{file}:{place}"), says]);
        assert!(!desk.path(&out).exists(), "{lines}");
    };
    let tune = "[finetune]";
    let train = "[train]";
    // The line after [finetune] is 17, the one after [train] 21.
    for (section, lines, place, says) in [
        (tune, "rates = { fc9 = 0.1 }", "17:17", "conv1, conv2, fc1, fc2, head"),
        (tune, "rates = { conv1 = 0.1 }", "17:19", "conv1 stays frozen"),
        (tune, "rates = { fc2 = 0 }", "17:17", "above 0"),
        (tune, "rate_floor = 0.5", "17:14", "finetune.rate_scale = 0.1"),
        (tune, "thaw = { at = { fc1 = 4 } }", "17:23", "epoch 4, after the last of 3"),
        (tune, "thaw = { at = { conv1 = 2 } }", "17:25", "conv1 stays frozen"),
        (tune, "thaw = { at = { fc2 = 3, fc1 = 2 } }", "17:32", "before fc2"),
        (tune, "thaw = { every = 3 }", "17:18", "after the last of 3"),
        (tune, "thaw = { every = 0 }", "17:18", "at least 1"),
        (tune, "thaw = {}", "17:8", "`every = N`"),
        (tune, "thaw = { every = 1, at = { fc2 = 1 } }", "17:26", "keep one"),
        (tune, "batch_norm = \"off\"", "17:14", "`train` or `frozen`"),
        (tune, "batch_norm = \"frozen\"", "17:14", "no stage that is trained has batch normalisation"),
        (train, "swa_from = 4", "21:12", "after the last of 3"),
        (train, "swa_from = 2\nema = 0.9", "21:12", "train.ema"),
        (train, "warmup_epochs = 1.0", "21:17", "finetune.head_epochs = 1"),
        (
            train,
            "schedule = \"cosine\"\nstep = { every = 2 }",
            "22:8",
            "no effect with train.schedule = \"cosine\"",
        ),
        (train, "sgd = { momentum = 0.5 }", "21:7", "no effect with train.optimizer = \"adamw\""),
        (train, "class_weights = { disc = 2 }", "21:26", "no class \"disc\"; it has bar, cross"),
        (train, "class_weights = { bar = 0, cross = 0 }", "21:17", "more than 0"),
        (train, "class_weights = { bar = -1 }", "21:25", "at least 0"),
        (train, "sampler = \"balanced\"\nclass_weights = \"balanced\"", "22:17", "twice over"),
        (train, "clip_norm = 0", "21:13", "above 0"),
        (train, "ema = 1.0", "21:7", "between 0 and 1"),
        (train, "accumulate = 0", "21:14", "at least 1"),
    ] {
        refused(section, lines, place, says);
    }
    for (sets, says) in [
        ("finetune.depth=head --set finetune.thaw.every=1", "no other stage is ever trained"),
        ("finetune.depth=scratch --set finetune.thaw.every=1", "nothing to be gentle with"),
        ("finetune.depth=scratch --set finetune.batch_norm=frozen", "no statistics to keep"),
        ("finetune.depth=head --set finetune.rates={fc2=1}", "no other stage is ever trained"),
        (
            "finetune.depth=head --set finetune.rates={head=0.5}",
            "the rate of the head alone is train.learning_rate",
        ),
        (
            "finetune.depth=head --set finetune.batch_norm=frozen",
            "frozen stages keep their statistics always",
        ),
        (
            "finetune.depth=head --set finetune.rate_scale=0.4",
            "rate_scale: has no effect: the depth is \"head\"",
        ),
        ("finetune.depth=head --set finetune.rate_floor=0.05", "rate_floor: has no effect"),
        ("finetune.depth=scratch --set finetune.rate_decay=0.5", "random weights are all trained at"),
        (
            "train.schedule=one-cycle --set train.adam.beta1=0.8",
            "--set train.adam.beta1=0.8: train.optimizer.beta1: has no effect with train.schedule = \"one-cycle\"",
        ),
        ("train.schedule=one-cycle --set train.optimizer=sgd --set train.sgd.momentum=0.5", "set those"),
        (
            "train.schedule=one-cycle --set train.optimizer=rmsprop --set train.rmsprop.momentum=0.5",
            "set those",
        ),
        ("regularize.weight_decay=0 --set regularize.decay=all", "regularize.decay: has no effect"),
        ("train.swa_from=2 --set regularize.early_stopping=1", "keep one of them"),
        (
            "data.root=data/train --set data.validation_fraction=0 --set train.schedule=plateau",
            "no validation images",
        ),
    ] {
        desk.finetune(&format!("--config c.toml --out out --set {sets}")).ends(2, &[says]);
        assert!(!desk.path("out").exists(), "{sets}");
    }
}

#[test]
fn the_plan_is_shown_before_training_and_drawn_in_the_report() {
    let desk = &*DESK;
    let thaw = "--config c.toml --out drawn --set finetune.thaw.every=2 --set finetune.rate_decay=0.5";
    desk.finetune(thaw).ends(
        0,
        &[
            "train-head: 1 epoch of 4 steps, adamw, cosine",
            "fine-tune: 3 epochs of 4 steps",
            "thaws in epoch 3",
            "conv1 … conv2",
        ],
    );
    let page = fs::read_to_string(desk.path("drawn/report.html")).unwrap();
    assert!(page.contains("Rates in fine-tune") && page.contains("fc1 thaws"));
    let summary = desk.json("drawn/summary.json");
    let rates = summary["plan"][1]["epoch_rates"].as_array().unwrap();
    assert_eq!((rates.len(), rates[0].as_f64()), (3, Some(1e-3)));
}

#[test]
fn the_range_test_suggests_a_rate_and_writes_its_page_only() {
    let desk = &*DESK;
    let before = fs::read(desk.path("m.safetensors")).unwrap();
    let find = "lr-find --config c.toml --steps 40 --lowest 1e-5 --set train.batch_size=13";
    let ran = desk.finetune(&format!("{find} --out found --json")).ends(0, &[]);
    let record: Value = serde_json::from_str(&ran.stdout).unwrap();
    let suggested = record["suggested"].as_f64().unwrap();
    let [steepest, tenth] = ["steepest", "tenth_of_lowest"].map(|key| record[key].as_f64().unwrap());
    assert_eq!(suggested, steepest.min(tenth));
    assert!((1e-5..1.0).contains(&suggested), "{suggested}");
    let points = record["points"].as_array().unwrap();
    assert!(points.len() > 10 && points.len() <= 40);
    assert_eq!(names(&desk.path("found")), ["report.html"]);
    assert_eq!(before, fs::read(desk.path("m.safetensors")).unwrap());
    assert!(fs::read_to_string(desk.path("found/report.html")).unwrap().contains("falls fastest"));

    // The same again in words; and a place that is taken stays as it is.
    let said = desk.finetune(&format!("{find} --out again")).ends(0, &[]).stdout;
    assert!(
        said.contains("Suggested: train.learning_rate = ") && said.contains("again/report.html"),
        "{said}"
    );
    desk.finetune(&format!("{find} --out again")).ends(1, &["exists already"]);
    desk.finetune("lr-find --config c.toml --highest 1e-9 --out none").ends(2, &["--lowest must be below"]);
}
