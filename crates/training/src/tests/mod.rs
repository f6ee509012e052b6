//! Against PyTorch: `goldens.json` was written by `make_goldens.py`.

mod best;
mod deferred;
mod divergences;
mod drawing;
mod gradient_flow;
mod optimizers;
mod regularized;
mod scaling;
mod schedules;
mod steps;

use serde_json::Value;
use tch::{Kind, Tensor};

fn goldens() -> Value {
    serde_json::from_str(include_str!("goldens.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    match value {
        Value::Array(values) => values.iter().flat_map(numbers).collect(),
        value => vec![value.as_f64().unwrap()],
    }
}

/// A float64 tensor of nested lists of this shape.
fn tensor(value: &Value, shape: &[i64]) -> Tensor {
    Tensor::from_slice(&numbers(value)).view(shape).to_kind(Kind::Double)
}

fn values(tensor: &Tensor) -> Vec<f64> {
    Vec::try_from(tensor.to_kind(Kind::Double).flatten(0, -1)).unwrap()
}

#[track_caller]
fn assert_close(found: &[f64], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (place, (a, b)) in found.iter().zip(expected).enumerate() {
        assert!((a - b).abs() < 1e-10, "{what} at {place}: {a}, PyTorch has {b}");
    }
}
