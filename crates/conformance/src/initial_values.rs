//! Random networks start as TorchVision's do: mean, deviation and kurtosis of every parameter against one draw of
//! TorchVision's (`tests/torchvision/make_initialisation.py`), within the noise of two draws.

use std::collections::BTreeMap;

use backbone::{Options, Role, Values};
use tch::{Kind, Tensor};

use crate::golden::folder;
use crate::subject::{Subject, one_at_a_time};

/// Standard errors that two draws may differ by.
const NOISE: f64 = 5.0;

/// Name of a parameter -> mean, deviation, kurtosis.
type Table = BTreeMap<String, [f64; 3]>;

/// Compares each network of the family that has a table; at least one has, where TorchVision has the family at all.
pub fn check(subject: &Subject) {
    let _one_at_a_time = one_at_a_time();
    let mut tables = tables();
    // Inception's own size, at which it has its auxiliary head.
    let options = Options { size: 299, ..Options::default() };
    let mut compared = 0;
    for network in subject.family.networks {
        let Some(table) = tables.remove(network.name) else { continue };
        tch::manual_seed(0);
        let backbone = network.build(Values::default(), &options);
        let parameters: Vec<_> = backbone
            .variables()
            .all()
            .into_iter()
            .filter(|variable| variable.role == Role::Parameter)
            .collect();
        assert_eq!(parameters.len(), table.len(), "{}", network.name);
        for parameter in parameters {
            let what = format!("{} {}", network.name, parameter.name);
            same_distribution(&what, &parameter.tensor, table[&parameter.name]);
        }
        compared += 1;
    }
    assert_eq!(compared > 0, subject.every_tensor.is_some(), "{}", subject.family.name);
}

/// Names of the networks that have a table.
#[must_use]
pub fn networks() -> Vec<String> {
    tables().into_keys().collect()
}

fn tables() -> BTreeMap<String, Table> {
    let text = std::fs::read_to_string(folder().join("initialisation.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

fn same_distribution(what: &str, ours: &Tensor, theirs: [f64; 3]) {
    let count = ours.numel() as f64;
    let [mean, deviation, kurtosis] = moments(ours);
    let [their_mean, their_deviation, their_kurtosis] = theirs;
    if their_deviation == 0.0 {
        // The table has five digits.
        let rounding = 1e-5 * their_mean.abs();
        assert!(
            (mean - their_mean).abs() <= rounding && deviation <= rounding,
            "{what}: {mean} ± {deviation}"
        );
        return;
    }
    let two_draws = NOISE * 2f64.sqrt() / count.sqrt();
    assert!((mean - their_mean).abs() <= two_draws * their_deviation, "{what}: mean {mean} and {their_mean}");
    // The deviation of a sample deviation is σ √((kurtosis - 1) / 4n); a small sample underestimates the kurtosis.
    let spread = ((their_kurtosis.max(3.0) - 1.0) / 4.0).sqrt();
    let apart = (deviation / their_deviation).ln().abs();
    assert!(apart <= two_draws * spread, "{what}: deviation {deviation} and {their_deviation}");
    if count >= 2000.0 {
        let apart = (kurtosis - their_kurtosis).abs();
        assert!(apart <= two_draws * 24f64.sqrt(), "{what}: kurtosis {kurtosis} and {their_kurtosis}");
    }
}

fn moments(values: &Tensor) -> [f64; 3] {
    let values = values.detach().to_kind(Kind::Double).flatten(0, -1);
    let mean = values.mean(Kind::Double);
    let centred = &values - &mean;
    let variance = centred.square().mean(Kind::Double);
    let fourth = centred.square().square().mean(Kind::Double) / variance.square();
    [mean, variance.sqrt(), fourth].map(|number| number.double_value(&[]))
}
