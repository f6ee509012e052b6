//! Every key of `[finetune]`, `[train]`, `[regularize]` and `[augment]` changes what is trained, each in its own way.
//!
//! The cases are settings of a few comparisons, so that one process trains all of a table.

use std::collections::BTreeMap;
use std::fs;

use image::{Rgb, RgbImage};
use records::RunRecord;

use crate::pth;
use crate::support::shape_image;
use crate::support::short_runs::{COLOUR, DESK, compared, trained};

/// Keys of one case, as `--set` takes them.
type Case = &'static [&'static str];

/// Policies: rates, unfreezing, optimizers, schedules, averages, weights of classes.
const POLICIES: &[Case] = &[
    &[],
    &["finetune.rate_scale=0.3"],
    &["finetune.rate_decay=0.3"],
    &["finetune.rate_decay=0.3", "finetune.rate_floor=0.08"],
    &["finetune.rates={fc2=0.02}"],
    &["finetune.rates={head=0.02}"],
    &["finetune.thaw.every=1"],
    &["finetune.thaw.at={fc2=3}"],
    &["finetune.wise_ft=0.5"],
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

/// Techniques against overfitting, and views.
const TECHNIQUES: &[Case] = &[
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
    &[CROP],
    &[CROP, "augment.resized_crop.ratio=[0.5, 2.0]"],
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
    &[RANDOM],
    &[RANDOM, "augment.randaugment.operations=3"],
    &[RANDOM, "augment.randaugment.magnitude=20"],
    &["augment.policy=trivialaugment"],
    &["augment.color_jitter.brightness=0.5"],
    &["augment.color_jitter.contrast=0.5"],
    &[ERASING],
    &["augment.erasing.probability=0.4"],
    &[ERASING, "augment.erasing.scale=[0.3, 0.5]"],
    &[ERASING, "augment.erasing.ratio=[0.1, 0.2]"],
    &[ERASING, "augment.erasing.fill=noise"],
];

const CROP: &str = "augment.resized_crop.scale=[0.5, 1.0]";
const RANDOM: &str = "augment.policy=randaugment";
const ERASING: &str = "augment.erasing.probability=0.9";

/// Asserts that all cases end with other weights than each other, and that frozen stages stay what they were.
fn assert_different(cases: &[Case], runs: &[RunRecord]) {
    let mut seen: BTreeMap<&str, Case> = BTreeMap::new();
    for (&case, run) in cases.iter().zip(runs) {
        if let Some(other) = seen.insert(model(run), case) {
            panic!("{other:?} and {case:?} give the same weights");
        }
        for stage in &run.stages {
            let moved = stage.digest_before != stage.digest_after;
            assert_eq!(moved, stage.live && stage.parameters > 0, "{case:?}: {}", stage.name);
        }
    }
}

/// Digest of the model that a run trained.
fn model(run: &RunRecord) -> &str {
    &run.digests["model.safetensors"]
}

#[test]
fn every_policy_is_wired_and_to_something_of_its_own() {
    const PATIENT: Case =
        &["train.schedule=plateau", "train.plateau.patience=9", "train.plateau.threshold=0.9999"];
    const MIXTURE: Case = &[
        "finetune.thaw.every=1",
        "finetune.rate_decay=0.4",
        "train.ema=0.9",
        "train.sampler=balanced",
        "train.accumulate=2",
        "train.clip_norm=1",
        "train.schedule=one-cycle",
        "augment.horizontal_flip=0.5",
    ];
    let runs = compared(&[], &[POLICIES, &[PATIENT, MIXTURE]].concat());
    let (each, [patient, mixture]) = runs.split_at(POLICIES.len()) else { panic!("two cases more") };
    assert_different(POLICIES, each);
    let of = |case: Case| &runs[POLICIES.iter().position(|other| *other == case).unwrap()];
    // Patience longer than the training is the constant schedule.
    assert_eq!(model(patient), model(of(&["train.schedule=constant"])));
    // A run of its own gives the same bytes as the cell of a comparison.
    assert_eq!(model(mixture), trained(MIXTURE).0);

    // What was planned is in the record: fc2 at once, fc1 in the second epoch, at its own rate.
    let plan = &mixture.plan[1];
    let stage = |name: &str| plan.stages.iter().find(|stage| stage.name == name).unwrap();
    assert_eq!((stage("fc2").thaws, stage("fc1").thaws, stage("conv2").thaws), (Some(1), Some(2), None));
    assert!((stage("fc1").rate_scale - 0.04).abs() < 1e-12);
    assert_eq!((plan.epochs, plan.steps_per_epoch, plan.rates.len()), (3, 2, 6));
    for (run, average) in [(mixture, "moving average"), (of(&["train.swa_from=2"]), "after 2 epoch(s)")] {
        assert!(run.steps[4].what.contains(average), "{}", run.steps[4].what);
    }
    let validation = &mixture.evaluations[0];
    let recall = |class: usize| {
        validation.confusion[class][class] as f64 / validation.confusion[class].iter().sum::<u64>() as f64
    };
    assert!((validation.balanced_accuracy - (recall(0) + recall(1)) / 2.0).abs() < 1e-12);
    assert!(mixture.epochs.iter().all(|epoch| epoch.validation_balanced_accuracy.is_some()));
}

#[test]
fn every_technique_is_wired_and_to_something_of_its_own() {
    let runs = compared(&[], TECHNIQUES);
    assert_different(TECHNIQUES, &runs);
    for (case, run) in TECHNIQUES.iter().zip(&runs) {
        // Features of pixels that vary cannot be cached, but a few views of them can, if they are not mixed.
        let mixes = case.iter().any(|set| set.contains(".mixup=") || set.contains(".cutmix="));
        let views = case.contains(&"augment.views=2");
        let varies = mixes || (!views && case.iter().any(|set| set.starts_with("augment.")));
        let cached = run.steps[4].what.contains("features kept");
        assert_eq!(cached, !varies, "{case:?}: {}", run.steps[4].what);
    }
    // The better these know their training images, the worse the others.
    for (class, shape) in [("bar", "cross"), ("cross", "bar")] {
        DESK.draw(&format!("swapped/train/{class}"), class, 0..9);
        DESK.draw(&format!("swapped/val/{class}"), shape, 0..9);
    }
    assert_changes(&["data.root=swapped"], &[&["regularize.early_stopping=1"]], &[true]);
}

/// Batch-norm, residual branches, dropout of its own and three channels.
#[test]
fn keys_that_a_lenet_has_no_use_for_are_wired() {
    let weights = format!("model.weights={:?}", DESK.path("r.safetensors").display().to_string());
    let trained = "finetune.batch_norm=train";
    let resnet =
        ["model.arch=resnet18", &weights, COLOUR, "finetune.depth=last:1", trained, "train.epochs=1"];
    let [saturation, hue, gray]: [Case; 3] =
        [&["augment.color_jitter.saturation=0.9"], &["augment.color_jitter.hue=0.5"], &["augment.gray=0.5"]];
    assert_changes(
        &resnet,
        &[
            &["finetune.batch_norm=frozen"],
            // The mean over one epoch is that epoch's weights, but its statistics are measured again.
            &["train.swa_from=1"],
            &["regularize.delta={alpha=5.0}"],
            &["regularize.spectral_shrinkage={eta=0.1}"],
            saturation,
            hue,
            gray,
        ],
        // Saturation and hue leave gray images as they are.
        &[true, true, true, true, false, false, false],
    );
    draw_coloured();
    let coloured = [&resnet[..], &["data.root=coloured"]].concat();
    assert_changes(&coloured, &[saturation, hue, gray], &[true; 3]);
    let scratch = ["model.weights=none", "finetune.depth=scratch", "train.epochs=1"];
    let efficient = [&["model.arch=efficientnet_lite0", COLOUR], &scratch[..]].concat();
    let techniques: [Case; 2] = [&["regularize.dropout=0.7"], &["regularize.stochastic_depth=0.6"]];
    assert_changes(&efficient, &techniques, &[true; 2]);
}

#[test]
fn low_rank_updates_are_wired() {
    pth::write_zip(&DESK.path("vit-keys.pth"), &pth::filled("vit_t_16"));
    let attentive = ["model.arch=vit_t_16", COLOUR, "model.weights=vit-keys.pth", "finetune.depth=last:2"];
    let cases: [Case; 4] = [
        &["finetune.lora={}"],
        &["finetune.lora.rank=4"],
        &["finetune.lora.rank=4", "finetune.lora.alpha=16"],
        &["finetune.lora.rank=4", "finetune.rate_decay=0.5"],
    ];
    assert_changes(&[&attentive[..], &["train.epochs=1"]].concat(), &cases, &[true; 4]);
}

/// Asserts of each case whether it changes the weights that training under `base` ends with; those that do differ from
/// each other.
fn assert_changes(base: &[&str], cases: &[Case], changes: &[bool]) {
    let runs = compared(base, &[&[&[][..]], cases].concat());
    let plain = model(&runs[0]);
    let mut seen = vec![plain];
    for ((case, run), changes) in cases.iter().zip(&runs[1..]).zip(changes) {
        assert_eq!(model(run) != plain, *changes, "{case:?} over {base:?}");
        assert_eq!(!seen.contains(&model(run)), *changes, "{case:?} over {base:?}");
        seen.push(model(run));
    }
}

/// The images of the desk in two colours: `coloured`.
fn draw_coloured() {
    for (split, numbers) in [("train", 0..9), ("val", 100..102)] {
        for class in ["bar", "cross"] {
            let folder = DESK.path(&format!("coloured/{split}/{class}"));
            fs::create_dir_all(&folder).unwrap();
            for number in numbers.clone() {
                let gray = shape_image(class, number);
                let colour = |x, y| {
                    let [light] = gray.get_pixel(x, y).0;
                    Rgb([light, light / 3, 255 - light])
                };
                let image = RgbImage::from_fn(gray.width(), gray.height(), colour);
                image.save(folder.join(format!("{number}.png"))).unwrap();
            }
        }
    }
}

#[test]
fn everything_at_once_gives_the_same_bytes_with_more_decoding_threads() {
    const MIXTURE: Case = &[
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
    let (first, _) = trained(MIXTURE);
    assert_eq!(first, trained(&[MIXTURE, &["run.workers=3"]].concat()).0);
}
