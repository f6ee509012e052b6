//! The keys that programs read: those of `summary.json` of a run, a comparison and advice and of `audit.json`, which are those of `--json`,
//! and those of the records in `metrics.jsonl`. Keys may be added to the list; none may be renamed or removed.

use std::collections::BTreeSet;

use records::{DivergedRecord, StepRecord};
use serde::Serialize;
use serde_json::Value;

use crate::{sample_advice, sample_audit, samples};

/// Objects whose keys are names of classes, groups, stages or files.
const NAMED_FREELY: [&str; 4] = ["digests", "groups", "group_answers", "norms"];

/// Paths of all keys: `cells[].seed`.
fn keys(record: &impl Serialize) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(&serde_json::to_value(record).unwrap(), "", &mut found);
    found
}

fn collect(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => {
            let own = path.rsplit('.').next().unwrap_or(path);
            for (key, value) in object {
                let key = if NAMED_FREELY.contains(&own) { "*" } else { key };
                let path = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
                found.insert(path.clone());
                collect(value, &path, found);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, &format!("{path}[]"), found)),
        _ => {}
    }
}

#[test]
fn keys_stay_as_they_are() {
    let run = sample_advice::advised_run();
    let mut comparison = samples::comparison();
    comparison.diverged.push(DivergedRecord::default());
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
        ("step", keys(&step)),
        ("audit", keys(&sample_audit::audit())),
    ];
    let found: String =
        parts.iter().flat_map(|(name, keys)| keys.iter().map(move |key| format!("{name} {key}\n"))).collect();
    let golden = include_str!("keys.txt");
    let missing: Vec<&str> = golden.lines().filter(|line| !found.lines().any(|key| key == *line)).collect();
    assert_eq!(missing, Vec::<&str>::new(), "keys that programs read are gone");
    let added: Vec<&str> = found.lines().filter(|key| !golden.lines().any(|line| line == *key)).collect();
    assert_eq!(added, Vec::<&str>::new(), "add these to keys.txt");
}
