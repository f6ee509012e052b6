//! Invented records that look like real ones. No figure here was measured.

#[path = "comparison.rs"]
mod compared;
#[path = "evidence.rs"]
mod evidence;

use std::collections::BTreeMap;
use std::f64::consts::PI;
use std::io::Cursor;

use base64::Engine as _;
use records::{
    DataRecord, DecisionRecord, EpochRecord, EvaluationRecord, KeptRecord, LoadRecord, Outcome,
    PhasePlanRecord, RatePoint, RecipeStepRecord, RunRecord, SampleRecord, StagePlanRecord, StageRecord,
    UnreadableRecord,
};

pub(crate) use compared::comparison;

/// Dogs and cats with a ResNet-18, fine-tuned from `layer3` on.
pub(crate) fn run() -> RunRecord {
    let confusion = vec![vec![98, 2], vec![3, 97]];
    let steps = [
        ("load", "Took 120 of 122 tensors over from IMAGENET1K_V1; the head’s two were left out.", 0.41),
        ("freeze", "Froze stem, layer1 and layer2; layer3, layer4 and the head stay live.", 0.02),
        ("head", "Replaced the linear layer 512 → 1000 by 512 → 2.", 0.004),
        ("train-head", "3 epochs over 400 images at a rate of 0.01.", 31.2),
        ("fine-tune", "5 epochs at a rate of 0.001, earlier stages at a tenth of it.", 96.7),
    ];
    RunRecord {
        name: "dogs_cats (sample data)".into(),
        outcome: Outcome::Finished,
        arch: "resnet18".into(),
        depth: "from:layer3".into(),
        device: "cpu".into(),
        threads: 2,
        processes: 1,
        seed: 0,
        data: DataRecord {
            root: "data/dogs_cats_small".into(),
            classes: vec!["cat".into(), "dog".into()],
            train: 400,
            validation: 200,
            test: 0,
            fold: None,
            unreadable: vec![
                UnreadableRecord {
                    path: "data/dogs_cats_small/train/cat/cat.0423 (копия).jpg".into(),
                    reason: "The file ends in the middle of its image data.".into(),
                },
                UnreadableRecord {
                    path: "data/dogs_cats_small/train/dog/Thumbs.png".into(),
                    reason: "The file is empty.".into(),
                },
            ],
        },
        ending: None,
        head_fit: None,
        load: LoadRecord {
            weights: "IMAGENET1K_V1".into(),
            sha256: digest(1),
            loaded: 120,
            missing: vec![],
            unused: vec![],
            wrong_shape: vec![
                "fc.weight: file [1000, 512], network [2, 512]".into(),
                "fc.bias: file [1000], network [2]".into(),
            ],
        },
        steps: steps.map(|(name, what, seconds)| step(name, what, seconds)).to_vec(),
        stages: resnet18_stages(),
        plan: plan(),
        decisions: vec![DecisionRecord {
            key: "finetune.batch_norm".into(),
            value: "\"frozen\"".into(),
            because: "400 training images are fewer than 5000".into(),
        }],
        advice: None,
        kept: Some(KeptRecord {
            phase: "fine-tune".into(),
            epoch: 4,
            metric: Some("loss".into()),
            value: Some(0.0873),
            chosen_on: Some("validation".into()),
            because: "the lowest validation loss of the run".into(),
        }),
        search: None,
        epochs: evidence::with_gradients(epochs(3, 5), &live(&["layer3", "layer4", "head"])),
        evaluations: vec![evaluation("validation", confusion)],
        temperature: Some(evidence::temperature()),
        samples: samples(2, 12, 96),
        digests: [("config.toml", 30), ("metrics.jsonl", 31), ("model.safetensors", 32)]
            .map(|(file, seed)| (file.to_owned(), digest(seed)))
            .into(),
        config: CONFIG.into(),
        inexact: Vec::new(),
        seconds: 128.3,
    }
}

/// The same run, stopped in step `train-head` without validation images.
pub(crate) fn interrupted() -> RunRecord {
    let whole = run();
    RunRecord {
        name: "dogs_cats, interrupted (sample data)".into(),
        outcome: Outcome::Interrupted,
        steps: whole.steps[..4].to_vec(),
        epochs: vec![EpochRecord {
            validation_loss: None,
            validation_accuracy: None,
            validation_balanced_accuracy: None,
            validation_f1: None,
            ..whole.epochs[0].clone()
        }],
        kept: None,
        evaluations: vec![],
        temperature: None,
        samples: vec![],
        ..whole
    }
}

/// A run over too many classes for a readable matrix.
pub(crate) fn thousand_classes() -> RunRecord {
    let mut chance = Chance(9);
    let mut confusion = vec![vec![0; 1000]; 1000];
    for (class, row) in confusion.iter_mut().enumerate() {
        for _ in 0..50 {
            let right = chance.next() < 0.55 + 0.4 * (class % 7) as f64 / 7.0;
            row[if right { class } else { (class + 1 + (chance.next() * 5.0) as usize) % 1000 }] += 1;
        }
    }
    let mut run = run();
    run.name = "thousand classes (sample data)".into();
    run.data.classes = (0..1000).map(|i| format!("n{:08} synset {i}", 1_440_764 + 137 * i)).collect();
    run.evaluations = vec![evaluation("test", confusion)];
    run
}

/// The head in step train-head, these in step fine-tune.
fn live(fine_tune: &[&str]) -> BTreeMap<&'static str, Vec<String>> {
    let names = |stages: &[&str]| stages.iter().map(|&name| name.to_owned()).collect();
    [("train-head", names(&["head"])), ("fine-tune", names(fine_tune))].into()
}

fn step(name: &str, what: &str, seconds: f64) -> RecipeStepRecord {
    RecipeStepRecord { name: name.into(), what: what.into(), seconds }
}

fn resnet18_stages() -> Vec<StageRecord> {
    let stages = [
        ("stem", 9_536, false),
        ("layer1", 147_968, false),
        ("layer2", 525_568, false),
        ("layer3", 2_099_712, true),
        ("layer4", 8_393_728, true),
        ("pool", 0, true),
        ("head", 1_026, true),
    ];
    (0..).zip(stages).map(|(i, (name, parameters, live))| stage(name, parameters, live, 10 + i)).collect()
}

/// Three epochs for the head, then five from layer3 on.
fn plan() -> Vec<PhasePlanRecord> {
    let phase = |name: &str, policy: &str, epochs: u32, rate: f64, thaws: &dyn Fn(&str) -> Option<u32>| {
        let rate = move |step: u64| rate * 0.5 * (1.0 + (PI * step as f64 / f64::from(13 * epochs)).cos());
        let stage = |stage: StageRecord| StagePlanRecord {
            thaws: thaws(&stage.name),
            rate_scale: if thaws(&stage.name).is_some() { stage.rate_scale } else { 0.0 },
            name: stage.name,
            parameters: stage.parameters,
        };
        PhasePlanRecord {
            phase: name.into(),
            policy: policy.into(),
            epochs,
            epochs_by: "train.epochs".into(),
            steps_per_epoch: 13,
            stages: resnet18_stages().into_iter().map(stage).collect(),
            rates: (0..13 * u64::from(epochs)).map(|step| RatePoint { step, rate: rate(step) }).collect(),
            epoch_rates: (0..u64::from(epochs)).map(|epoch| rate(13 * epoch)).collect(),
        }
    };
    vec![
        phase("train-head", "adamw, cosine", 3, 0.01, &|stage| (stage == "head").then_some(1)),
        phase("fine-tune", "adamw, cosine", 5, 0.001, &|stage| match stage {
            "layer4" | "pool" | "head" => Some(1),
            "layer3" => Some(3),
            _ => None,
        }),
    ]
}

fn stage(name: &str, parameters: u64, live: bool, seed: u64) -> StageRecord {
    StageRecord {
        name: name.into(),
        parameters,
        live,
        rate_scale: match (live, name) {
            (false, _) => 0.0,
            (true, "head") => 1.0,
            (true, _) => 0.1,
        },
        digest_before: digest(seed),
        digest_after: digest(if live && parameters > 0 { seed + 50 } else { seed }),
    }
}

fn epochs(head: u32, fine_tune: u32) -> Vec<EpochRecord> {
    let mut chance = Chance(1);
    let phases = [("train-head", head), ("fine-tune", fine_tune)];
    let all = phases.into_iter().flat_map(|(phase, n)| (1..=n).map(move |epoch| (phase, epoch)));
    let epoch = |(i, (phase, epoch)): (u32, (&str, u32))| {
        let progress = f64::from(i) / f64::from(head + fine_tune);
        // The planned rate at the epoch's last step.
        let (rate, planned) = if phase == "train-head" { (0.01, 3.0) } else { (0.001, 5.0) };
        let done = (f64::from(13 * epoch) - 1.0) / (13.0 * planned);
        let loss = 0.08 + 0.5 * (-3.5 * progress).exp() + 0.02 * chance.next();
        let validation_loss = 0.9 * loss + 0.03 * chance.next();
        let validation_accuracy = (0.985 - 0.3 * loss + 0.01 * chance.next()).min(1.0);
        EpochRecord {
            phase: phase.into(),
            epoch,
            train_loss: loss,
            train_accuracy: (1.0 - 0.42 * loss).min(1.0),
            validation_loss: Some(validation_loss),
            validation_accuracy: Some(validation_accuracy),
            validation_balanced_accuracy: Some(validation_accuracy), // the classes are of one size
            validation_f1: Some(validation_accuracy),
            learning_rate: rate * 0.5 * (1.0 + (PI * done).cos()),
            images_per_second: 38.0,
            seconds: 10.4,
            waited_seconds: 0.1,
            gradients: vec![],
        }
    };
    (0..).zip(all).map(epoch).collect()
}

/// A measurement whose accuracy is that of its confusion matrix.
pub(crate) fn evaluation(split: &str, confusion: Vec<Vec<u64>>) -> EvaluationRecord {
    let images: u64 = confusion.iter().flatten().sum();
    let right: u64 = confusion.iter().enumerate().map(|(i, row)| row[i]).sum();
    let accuracy = right as f64 / images as f64;
    let names: Vec<String> = (0..confusion.len()).map(|class| format!("class {class}")).collect();
    EvaluationRecord {
        split: split.into(),
        images,
        loss: 0.0873,
        accuracy,
        balanced_accuracy: accuracy,
        groups: BTreeMap::new(),
        answers: vec![],
        confusion,
        chosen_on_these_images: split == "validation",
        metrics: Some(evidence::metrics(&names, images)),
        coverage: evidence::coverage(accuracy),
        calibration: Some(evidence::calibration(images)),
    }
}

fn samples(classes: usize, n: usize, size: u32) -> Vec<SampleRecord> {
    let mut chance = Chance(7);
    let sample = |i: usize| {
        let label = i % classes;
        let predicted = if i % 5 == 3 { (label + 1) % classes } else { label };
        SampleRecord {
            path: format!("val/{label}/image_{i:04}.jpg").into(),
            thumbnail: thumbnail(i as u32, size),
            label,
            predicted,
            probability: 0.6 + 0.4 * chance.next(),
            heat_map: (i % 6 != 5).then(|| evidence::heat_map(i as u32, size)),
        }
    };
    (0..n).map(sample).collect()
}

/// Soft rings in a colour of their own.
fn thumbnail(seed: u32, size: u32) -> String {
    let image = image::RgbImage::from_fn(size, size, |x, y| {
        let (u, v) = (f64::from(x) / f64::from(size) - 0.5, f64::from(y) / f64::from(size) - 0.5);
        let ring = 0.5 + 0.5 * (24.0 * u.hypot(v) + f64::from(seed)).sin();
        let shade =
            |k: u32| (70.0 + 150.0 * ring * (0.6 + 0.4 * f64::from((seed * 7 + k * 5) % 11) / 10.0)) as u8;
        image::Rgb([shade(0), shade(1), shade(2)])
    });
    let mut png = Cursor::new(Vec::new());
    image.write_to(&mut png, image::ImageFormat::Png).expect("a PNG fits into memory");
    base64::engine::general_purpose::STANDARD.encode(png.into_inner())
}

/// Sixty-four hexadecimal digits that look like a SHA-256.
fn digest(seed: u64) -> String {
    let mut chance = Chance(seed);
    (0..64).map(|_| format!("{:x}", (chance.next() * 16.0) as u8)).collect()
}

/// A small linear congruential generator (Knuth's MMIX constants).
struct Chance(u64);

impl Chance {
    /// A number in `0.0..1.0`.
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1u64 << 53) as f64
    }
}

const CONFIG: &str = r#"[data]
root = "data/dogs_cats_small"

[model]
arch = "resnet18"
weights = "IMAGENET1K_V1"

[finetune]
depth = "from:layer3"
head_epochs = 3
epochs = 5

[train]
batch_size = 32
learning_rate = 0.01

[run]
name = "dogs_cats"
device = "auto"
seed = 0
"#;
