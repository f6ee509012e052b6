//! Every figure against NumPy or SciPy. `make_reference.py` and `bootstrap/make_reference.py` made the files.

use serde::Deserialize;
use statistics::bootstrap::{self, Pair};
use statistics::{Confusion, Interval, mean, median, quantile, standard_deviation, wilson};

#[derive(Deserialize)]
struct Reference {
    described: Vec<Described>,
    wilson: Vec<Wilson>,
    confusion: Confused,
}

#[derive(Deserialize)]
struct Described {
    values: Vec<f64>,
    mean: f64,
    standard_deviation: f64,
    median: f64,
    shares: Vec<f64>,
    quantiles: Vec<f64>,
}

#[derive(Deserialize)]
struct Wilson {
    correct: f64,
    total: f64,
    low: f64,
    high: f64,
}

#[derive(Deserialize)]
struct Confused {
    counts: Vec<Vec<u64>>,
    recall: Vec<f64>,
    precision: Vec<f64>,
    accuracy: f64,
    balanced_accuracy: f64,
}

#[derive(Deserialize)]
struct Bootstrapped {
    runs: Vec<String>,
    others: Vec<String>,
    accuracy: [f64; 2],
    difference: [f64; 2],
}

fn reference() -> Reference {
    serde_json::from_str(include_str!("reference.json")).unwrap()
}

fn near(found: f64, expected: f64) {
    assert!((found - expected).abs() < 1e-12, "{found} is not {expected}");
}

#[test]
fn means_deviations_medians_and_quantiles_are_those_of_numpy() {
    let described = reference().described;
    assert!(described.iter().any(|sample| sample.values.len() % 2 == 0), "no even count");
    for sample in described {
        near(mean(&sample.values), sample.mean);
        near(standard_deviation(&sample.values), sample.standard_deviation);
        near(median(&sample.values).unwrap(), sample.median);
        for (&share, &expected) in sample.shares.iter().zip(&sample.quantiles) {
            near(quantile(&sample.values, share).unwrap(), expected);
        }
    }
}

#[test]
fn wilson_intervals_are_those_of_scipy() {
    for expected in reference().wilson {
        let found = wilson(expected.correct, expected.total);
        near(found.low, expected.low);
        near(found.high, expected.high);
    }
}

#[test]
fn a_confusion_matrix_gives_the_figures_of_numpy() {
    let expected = reference().confusion;
    let confusion = Confusion::from_counts(&expected.counts, 0);
    for class in 0..confusion.classes() {
        near(confusion.recall(class).unwrap(), expected.recall[class]);
        near(confusion.precision(class).unwrap(), expected.precision[class]);
    }
    near(confusion.accuracy().unwrap(), expected.accuracy);
    near(confusion.balanced_accuracy().unwrap(), expected.balanced_accuracy);
}

/// 2,000 resamples leave a percentile uncertain by about a tenth of the interval's half width.
fn roughly(found: Option<Interval>, expected: [f64; 2]) {
    let Interval { low, high } = found.unwrap();
    assert!((low - expected[0]).abs() < 0.006, "{low} is not {}", expected[0]);
    assert!((high - expected[1]).abs() < 0.006, "{high} is not {}", expected[1]);
}

#[test]
fn bootstrap_intervals_are_those_of_numpy() {
    let expected: Bootstrapped = serde_json::from_str(include_str!("bootstrap/reference.json")).unwrap();
    let runs: Vec<&str> = expected.runs.iter().map(String::as_str).collect();
    let others = expected.others.iter().map(String::as_str);
    let pairs: Vec<Pair<'_>> =
        runs.iter().zip(others).map(|(setting, baseline)| Pair { setting, baseline }).collect();
    roughly(bootstrap::accuracy(&runs), expected.accuracy);
    roughly(bootstrap::difference(&pairs), expected.difference);
    assert_eq!(bootstrap::accuracy(&runs), bootstrap::accuracy(&runs));
}

#[test]
fn one_run_has_the_binomial_interval() {
    // scipy.stats.binom.ppf([0.025, 0.975], 200, 0.9) / 200
    let run = format!("{}{}", "1".repeat(180), "0".repeat(20));
    roughly(bootstrap::accuracy(&[&run]), [0.855, 0.94]);
}
