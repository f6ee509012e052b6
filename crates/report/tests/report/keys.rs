//! The keys that programs read: those of `summary.json` of a run, a comparison and advice, of `search.json` and `audit.json`,
//! which are those of `--json`, of the range test, and of the records in `metrics.jsonl`. Keys may be added to the list; none
//! may be renamed or removed.

use std::collections::BTreeSet;

use records::{DivergedRecord, EndingRecord, FoldRecord, HeadFitRecord, RangePoint, RangeRecord, StepRecord};
use serde::Serialize;

use crate::key_paths::{assert_listed, key_paths};
use crate::{sample_advice, sample_audit, sample_search, samples};

/// Objects whose keys are names of classes, groups, stages or files.
const NAMED_FREELY: [&str; 4] = ["digests", "groups", "group_answers", "norms"];

/// Paths of all keys: `cells[].seed`.
fn keys(record: &impl Serialize) -> BTreeSet<String> {
    key_paths(&serde_json::to_value(record).unwrap(), &NAMED_FREELY)
}

#[test]
fn keys_stay_as_they_are() {
    let mut run = sample_advice::advised_run();
    run.data.fold = Some(FoldRecord { fold: 1, folds: 5, never_held_out: 0 });
    if let Some(metrics) = &mut run.evaluations[0].metrics {
        metrics.top_5 = Some(metrics.macro_f1);
    }
    run.ending = Some(EndingRecord { cut: "layer3".into(), taps: vec!["layer2".into()], features: 384 });
    run.head_fit = Some(HeadFitRecord {
        solver: "ridge".into(),
        images: 400,
        features: 384,
        penalty: 0.1,
        held_out: "leave-one-out".into(),
        held_out_images: 400,
        accuracy: 0.9,
        loss: 0.25,
        seconds: 0.5,
    });
    let mut comparison = samples::comparison();
    comparison.effects[0].metric = "macro F1".into();
    comparison.folds = Some(5);
    comparison.cells[0].fold = Some(1);
    comparison.diverged.push(DivergedRecord { fold: Some(1), ..DivergedRecord::default() });
    comparison.cells[0].group_answers.insert("unshared".into(), "10".into());
    comparison.cells[0].training = comparison.traces[0]
        .run
        .epochs
        .last()
        .map(|epoch| records::TrainingRecord { accuracy: epoch.train_accuracy, gradient_ratio: None });
    comparison.rows[0].balanced_accuracy = comparison.rows[0].train_accuracy;
    // The runs within a comparison have the keys of a run.
    let inner = |key: &String| !key.starts_with("example.") && !key.starts_with("traces[].run.");
    let step = StepRecord {
        phase: "train-head".into(),
        epoch: 1,
        step: 1,
        loss: 0.5,
        learning_rate: 0.1,
        images: 8,
    };
    let parts = [
        ("run", keys(&run)),
        ("comparison", keys(&comparison).into_iter().filter(inner).collect()),
        ("advice", keys(&sample_advice::advice())),
        ("search", keys(&sample_search::search())),
        ("step", keys(&step)),
        ("epoch", run.epochs.iter().flat_map(keys).collect()),
        ("range", keys(&range())),
        ("audit", keys(&sample_audit::audit())),
    ];
    assert_listed(&parts, include_str!("keys.txt"), "keys.txt");
}

fn range() -> RangeRecord {
    RangeRecord {
        name: "letters".into(),
        arch: "resnet18".into(),
        depth: "all".into(),
        policy: "adamw".into(),
        batch_size: 32,
        configured: 1e-3,
        ran_away: false,
        steepest: Some(1e-3),
        tenth_of_lowest: Some(2e-3),
        suggested: Some(1e-3),
        points: vec![RangePoint { rate: 1e-5, loss: 0.7, smoothed: 0.7 }],
        seconds: 1.0,
    }
}
