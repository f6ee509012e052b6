//! Confident learning against cleanlab, the list of corrections, and a data set with known faults, judged as a whole.

#[path = "parts/planted.rs"]
mod planted;

use serde_json::Value;

use audit::{confident_joint, flagged};

#[test]
fn joints_and_flags_are_those_of_cleanlab() {
    let cases: Vec<Value> = serde_json::from_str(include_str!("joint.json")).unwrap();
    assert_eq!(cases.len(), 6);
    for case in cases {
        let labels: Vec<usize> = serde_json::from_value(case["labels"].clone()).unwrap();
        let probabilities: Vec<Vec<f64>> = serde_json::from_value(case["probabilities"].clone()).unwrap();
        let joint = confident_joint(&probabilities, &labels);
        assert_eq!(serde_json::json!(joint), case["joint"]);
        assert_eq!(serde_json::json!(flagged(&joint, &probabilities, &labels)), case["flagged"]);
    }
}
