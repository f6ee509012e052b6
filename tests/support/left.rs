//! What runs in float64 leave, and how far apart it is.

use std::collections::BTreeMap;
use std::fs;

use records::RunRecord;

use crate::support::safetensors;
use crate::support::short_runs::DESK;

/// What a run leaves: its record, and its weights in float64.
pub(crate) struct Left {
    record: RunRecord,
    weights: BTreeMap<String, Vec<f64>>,
}

/// Returns what the run in a folder of the desk left, and removes it.
pub(crate) fn left(out: &str) -> Left {
    let record = serde_json::from_value(DESK.json(&format!("{out}/summary.json"))).unwrap();
    let tensors = safetensors::read(&DESK.path(&format!("{out}/model.safetensors")));
    let wide = |bytes: &[u8]| bytes.as_chunks().0.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
    let weights = tensors.into_iter().filter(|(name, _)| !name.ends_with("num_batches_tracked"));
    let weights = weights.map(|(name, array)| (name, wide(&array.data))).collect();
    fs::remove_dir_all(DESK.path(out)).unwrap();
    Left { record, weights }
}

/// Asserts that weights are no further apart than this, as a share of a tensor's largest value, and figures no further relatively.
#[track_caller]
pub(crate) fn assert_alike(one: &Left, other: &Left, bound: f64, what: &str) {
    assert_eq!(one.weights.len(), other.weights.len());
    for (name, values) in &one.weights {
        let largest = values.iter().fold(0.0, |largest, value| f64::max(largest, value.abs()));
        let apart = values.iter().zip(&other.weights[name]).map(|(one, other)| (one - other).abs());
        let apart = apart.fold(0.0, f64::max) / largest.max(f64::MIN_POSITIVE);
        assert!(apart <= bound, "{what}: {name} is {apart:e} apart");
    }
    let numbers = |left: &Left| -> Vec<f64> {
        let epochs = left.record.epochs.iter().flat_map(|epoch| {
            let validation =
                [epoch.validation_loss, epoch.validation_accuracy].map(Option::unwrap_or_default);
            [epoch.train_loss, epoch.train_accuracy, epoch.learning_rate].into_iter().chain(validation)
        });
        let measured = left.record.evaluations.iter().flat_map(|of| [of.loss, of.accuracy]);
        epochs.chain(measured).collect()
    };
    let (ours, theirs) = (numbers(one), numbers(other));
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (one, other) in ours.iter().zip(&theirs) {
        assert!((one - other).abs() <= bound.max(1e-15) * one.abs(), "{what}: {one} and {other}");
    }
}
