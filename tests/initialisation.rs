//! Fresh networks start as TorchVision's do: mean, deviation and kurtosis of every parameter against one draw of
//! TorchVision's (`tests/torchvision/make_initialisation.py`), within the noise of two draws.

use std::collections::BTreeMap;

use backbone::{Options, Role, Variables};
use tch::{Kind, Tensor};

/// Standard errors that two draws may differ by.
const NOISE: f64 = 5.0;

/// Name of a parameter -> mean, deviation, kurtosis.
type Table = BTreeMap<String, [f64; 3]>;

#[test]
fn every_parameter_starts_with_torchvisions_distribution() {
    let golden: BTreeMap<String, Table> =
        serde_json::from_str(include_str!("torchvision/initialisation.json")).unwrap();
    // Inception's own size, at which it has its auxiliary head.
    let options = Options { size: 299, ..Options::default() };
    tch::manual_seed(0);
    for (arch, table) in &golden {
        let variables = Variables::new();
        let _network = (zoo::network(arch).unwrap().build)(&variables.root(), &options);
        let parameters: Vec<_> =
            variables.all().into_iter().filter(|variable| variable.role == Role::Parameter).collect();
        assert_eq!(parameters.len(), table.len(), "{arch}");
        for parameter in parameters {
            let what = format!("{arch} {}", parameter.name);
            same_distribution(&what, &parameter.tensor, table[&parameter.name]);
        }
    }
}

fn same_distribution(what: &str, ours: &Tensor, theirs: [f64; 3]) {
    let count = ours.numel() as f64;
    let [mean, deviation, kurtosis] = moments(ours);
    let [their_mean, their_deviation, their_kurtosis] = theirs;
    if their_deviation == 0.0 {
        assert_eq!((mean, deviation), (their_mean, 0.0), "{what}");
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
