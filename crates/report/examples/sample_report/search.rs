//! An invented search that looks like a real one. No figure here was measured.

use records::{ArmRecord, Interval, RaceCellRecord, RunRecord, SearchRecord};

use crate::samples;

/// What differs between arms: name, tier, state, cost of a fold, accuracy after each fold, gain.
type Sample = (&'static str, &'static str, &'static str, f64, &'static [f64], f64);

const ARMS: [Sample; 6] = [
    ("linear on joined last 3", "free", "measured", 0.0, &[0.875, 0.9, 0.892, 0.894, 0.9], 0.0),
    ("head", "cached", "measured", 0.01, &[0.85, 0.888, 0.883, 0.881, 0.885], -0.9),
    ("last:2 x 0.1", "cached", "chosen", 0.05, &[0.9, 0.925, 0.933, 0.931, 0.93], 2.4),
    ("last:2 x 1", "cached", "dropped", 0.05, &[0.7, 0.725], -11.8),
    ("all x 0.1", "deep", "measured", 0.8, &[0.925], 1.1),
    ("all x 1", "deep", "not tried", 0.8, &[], 0.0),
];

/// Ants and bees with a ResNet-18: two stages are to be trained.
pub(crate) fn search() -> SearchRecord {
    let arm = |(name, tier, state, fold_cost, accuracies, gain): Sample| {
        let known = accuracies.last().copied();
        ArmRecord {
            name: name.into(),
            set: vec!["finetune.depth=last:2".into()],
            tier: tier.into(),
            state: state.into(),
            fold_cost,
            folds: (1..).take(accuracies.len()).collect(),
            images: 40 * accuracies.len() as u64,
            accuracy: known,
            loss: known.map(|accuracy| 2.4 * (1.0 - accuracy)),
            temperature: known.filter(|_| tier != "free").map(|_| 1.3),
            gain: known.map(|_| gain),
            gain_error: known.map(|_| 1.2),
            behind: known.map(|_| 0.04 * (2.5 - gain).max(0.0)),
            behind_error: known.map(|_| 0.05),
            close: known.map(|_| if gain > 1.0 { 0.62 } else { 0.2 }),
        }
    };
    let mut course = Vec::new();
    for (name, _, _, cost, accuracies, _) in ARMS {
        for (fold, &accuracy) in (1..).zip(accuracies) {
            course.push(RaceCellRecord {
                arm: name.into(),
                fold,
                accuracy,
                spent: cost * f64::from(fold),
                chosen: "last:2 x 0.1".into(),
                seconds: 8.0 * cost,
            });
        }
    }
    SearchRecord {
        name: "ants_bees (sample data)".into(),
        arch: "resnet18".into(),
        weights: "IMAGENET1K_V1".into(),
        data: "data/ants_bees".into(),
        classes: 2,
        images: 200,
        folds: 5,
        seed: 0,
        budget: Some(3.0),
        minutes: None,
        spent: 1.35,
        ended: "budget".into(),
        deep: Some("tried: going back further gains over the head alone".into()),
        unlike: false,
        decided_by: "loss".into(),
        arms: ARMS.map(arm).into(),
        course,
        chosen: "last:2 x 0.1".into(),
        set: vec!["finetune.depth=last:2".into(), "finetune.rate_scale=0.1".into()],
        computed: 0.71,
        close: 0.8,
        within: 1.0,
        calibrated: true,
        expected_loss: 0.4,
        tried: 5,
        alike: 3,
        accuracy: Some(0.927),
        accuracy_interval: Some(Interval { low: 0.885, high: 0.96 }),
        statement: "last:2 x 0.1 is within 1 point of the best of 5 tried with 80%; the expected loss is 0.4 points, and 3 of the 5 cannot be told apart".into(),
        seconds: 46.2,
    }
}

/// A run that followed it.
pub(crate) fn searched_run() -> RunRecord {
    RunRecord { search: Some(Box::new(search())), ..samples::run() }
}
