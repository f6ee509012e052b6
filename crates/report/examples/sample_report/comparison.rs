//! An invented comparison. No figure here was measured.

use records::{
    CellRecord, ComparisonRecord, ComparisonRow, DataRecord, EffectRecord, Interval, LoadRecord, MeanSd,
    RatioRecord, RunRecord, TraceRecord,
};

use super::{Chance, digest, epochs, evaluation, evidence, live, run, samples, stage};

/// Cyrillic letters from Latin ones: three methods, five amounts of data, two splits of the faces.
pub(crate) fn comparison() -> ComparisonRecord {
    let mut chance = Chance(5);
    let mut rows = Vec::new();
    let mut cells = Vec::new();
    let figures = [
        ("scratch", [0.11, 0.22, 0.31, 0.45, 0.66]),
        ("head", [0.46, 0.63, 0.70, 0.76, 0.82]),
        ("fine-tune", [0.47, 0.63, 0.71, 0.78, 0.85]),
    ];
    for (variant, harder) in [("held-out faces", 0.0), ("held-out families", 0.03)] {
        for (i, amount) in [1, 3, 5, 10, 30].into_iter().enumerate() {
            for (method, accuracies) in figures {
                let mut seen = Vec::new();
                for seed in 0..3 {
                    let accuracy = accuracies[i] - harder + 0.04 * (chance.next() - 0.5);
                    seen.push(accuracy);
                    cells.push(CellRecord {
                        variant: variant.into(),
                        images_per_class: Some(amount),
                        method: method.into(),
                        seed,
                        accuracy,
                        metrics: [("macro_f1".to_owned(), accuracy - 0.01)].into(),
                        groups: [("unshared".to_owned(), accuracy - 0.05)].into(),
                        model_sha256: digest(100 * i as u64 + seed),
                        seconds: 2.4,
                        ..CellRecord::default()
                    });
                }
                rows.push(row(variant, amount, method, &seen));
            }
        }
    }
    ComparisonRecord {
        name: "letters (sample data)".into(),
        judged_on: Some("unshared".into()),
        folds: None,
        rows,
        cells,
        diverged: Vec::new(),
        effects: effects(),
        verdict: vec![
            "With 1 image per class, transfer reaches 42% where training from scratch reaches 6%.".into(),
            "Fine-tuning is ahead of the new head alone at 30 images per class.".into(),
            "At 30 images per class, training from scratch is still 19 points behind.".into(),
        ],
        traces: ["scratch", "fine-tune"]
            .map(|method| TraceRecord {
                variant: "held-out faces".into(),
                images_per_class: Some(30),
                method: method.into(),
                seed: 0,
                run: Box::new(letters()),
            })
            .to_vec(),
        example: Box::new(letters()),
        config: "[compare]\nimages_per_class = [1, 3, 5, 10, 30]\nmethods = [\"scratch\", \"head\", \"fine-tune\"]\nseeds = [0, 1, 2]\n".into(),
        seconds: 151.0,
    }
}

/// One run of the comparison: 33 classes.
fn letters() -> RunRecord {
    let classes: Vec<String> =
        "АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯ".chars().map(|letter| format!("capital-{letter}")).collect();
    let mut chance = Chance(3);
    let mut confusion = vec![vec![0; 33]; 33];
    for (class, row) in confusion.iter_mut().enumerate() {
        for _ in 0..24 {
            let right = chance.next() < 0.82;
            row[if right { class } else { (class + 33 - 2 + (chance.next() * 5.0) as usize) % 33 }] += 1;
        }
    }
    let mut test = evaluation("test", confusion);
    test.groups = [("unshared".to_owned(), 0.803)].into();
    let mut validation = test.clone();
    validation.split = "validation".into();
    let stage = |name: &str, parameters, live, seed| stage(name, parameters, live, seed);
    RunRecord {
        name: "fine-tune, 30 images per class, seed 0".into(),
        arch: "lenet".into(),
        depth: "last:2".into(),
        data: DataRecord {
            root: "data/letters/cyrillic".into(),
            classes,
            train: 990,
            validation: 792,
            test: 792,
            fold: None,
            unreadable: vec![],
        },
        load: LoadRecord {
            weights: "weights/lenet-latin.safetensors".into(),
            sha256: digest(8),
            loaded: 10,
            ..LoadRecord::default()
        },
        stages: vec![
            stage("conv1", 156, false, 11),
            stage("conv2", 2_416, false, 12),
            stage("fc1", 48_120, true, 13),
            stage("fc2", 10_164, true, 14),
            stage("head", 2_805, true, 15),
        ],
        evaluations: vec![validation, test],
        samples: samples(33, 16, 32),
        epochs: evidence::with_gradients(epochs(12, 20), &live(&["fc1", "fc2", "head"])),
        ..run()
    }
}

/// Fine-tuning against the head alone: better, unclear, and without an interval.
fn effects() -> Vec<EffectRecord> {
    let intervals =
        [Some(Interval { low: 0.004, high: 0.058 }), Some(Interval { low: -0.02, high: 0.03 }), None];
    let effect = |(amount, interval): (u32, Option<Interval>)| EffectRecord {
        metric: String::new(),
        variant: "held-out faces".into(),
        images_per_class: Some(amount),
        method: "fine-tune".into(),
        baseline: "head".into(),
        difference: interval.map_or(0.012, |interval| (interval.low + interval.high) / 2.0),
        interval,
        seeds: 3,
    };
    [30, 10, 1].into_iter().zip(intervals).map(effect).collect()
}

fn row(variant: &str, amount: u32, method: &str, seen: &[f64]) -> ComparisonRow {
    let mean = seen.iter().sum::<f64>() / seen.len() as f64;
    let sd = (seen.iter().map(|a| (a - mean).powi(2)).sum::<f64>() / (seen.len() - 1) as f64).sqrt();
    let unshared =
        MeanSd { mean: mean - 0.05, sd, interval: Some(Interval { low: mean - 0.07, high: mean - 0.01 }) };
    ComparisonRow {
        variant: variant.into(),
        images_per_class: Some(amount),
        method: method.into(),
        accuracy_mean: mean,
        accuracy_sd: sd,
        accuracy_interval: Some(Interval { low: mean - 0.02, high: mean + 0.03 }),
        balanced_accuracy: None,
        metrics: [("macro_f1".to_owned(), MeanSd { mean: mean - 0.01, sd, interval: None })].into(),
        groups: [("unshared".to_owned(), unshared)].into(),
        train_accuracy: Some(MeanSd { mean: 0.5 + 0.5 * mean, sd: 0.01, interval: None }),
        gradient_ratio: Some(RatioRecord { median: 0.21, low: 0.17, high: 0.3 }),
        seeds: seen.len() as u32,
        diverged: 0,
    }
}
