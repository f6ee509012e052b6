//! Against published formulas in Python: `transferability.json` was written by `make_transferability.py`, `linear.json` by
//! `make_linear.py`.

mod folds;
mod linear;

use serde_json::Value;
use tch::{Device, Kind, Tensor};

use super::h_score::h_score;
use super::late_stage_gain as gain;
use super::logme::logme;
use super::rule::{Because, Evidence, Verdict, apply_rule};

fn cases() -> Vec<Value> {
    serde_json::from_str(include_str!("transferability.json")).unwrap()
}

fn numbers(value: &Value) -> Vec<f64> {
    value.as_array().unwrap().iter().map(|number| number.as_f64().unwrap()).collect()
}

fn whole(value: &Value) -> Vec<usize> {
    value
        .as_array()
        .unwrap()
        .iter()
        .map(|number| usize::try_from(number.as_u64().unwrap()).unwrap())
        .collect()
}

/// Features `[N, D]`, labels and the number of classes.
fn task(case: &Value) -> (Tensor, Vec<usize>, usize) {
    let shape: Vec<i64> =
        case["shape"].as_array().unwrap().iter().map(|side| side.as_i64().unwrap()).collect();
    let labels = whole(&case["labels"]);
    let classes = labels.iter().max().unwrap() + 1;
    (Tensor::from_slice(&numbers(&case["features"])).view(&shape[..]), labels, classes)
}

#[track_caller]
fn assert_near(ours: f64, theirs: &Value, tolerance: f64) {
    let theirs = theirs.as_f64().unwrap();
    assert!((ours - theirs).abs() <= tolerance, "{ours} and not {theirs}");
}

#[test]
fn logme_is_the_largest_evidence_that_an_optimiser_finds() {
    for case in &cases() {
        let (features, labels, classes) = task(case);
        assert_near(logme(&features, &labels, classes).unwrap(), &case["logme"], 1e-6);
    }
}

#[test]
fn h_score_is_the_trace_on_the_shrunken_covariance() {
    for case in &cases() {
        let (features, labels, classes) = task(case);
        assert_near(h_score(&features, &labels, classes).unwrap(), &case["h_score"], 1e-9);
    }
}

#[test]
fn scores_survive_features_without_spread_and_features_that_say_it_all() {
    let labels = [0, 1, 0, 1, 0, 1, 0, 1, 0, 1];
    let constant = Tensor::ones([10, 3], (Kind::Double, Device::Cpu));
    let labelled: Vec<f64> = labels.iter().flat_map(|&label| [label as f64, 1.0, -(label as f64)]).collect();
    let labelled = Tensor::from_slice(&labelled).view([10, 3]);
    for features in [&constant, &labelled] {
        assert!(logme(features, &labels, 2).unwrap().is_finite());
        assert!(h_score(features, &labels, 2).unwrap().is_finite());
    }
    assert_eq!(h_score(&constant, &labels, 2).unwrap(), 0.0);
    assert!(logme(&labelled, &labels, 2).unwrap() > logme(&constant, &labels, 2).unwrap());
}

fn verdict(pixels: f64, stages: &[f64], images: f64) -> Verdict {
    apply_rule(&Evidence { pixels, stages, images, classes: 2.0, parameters: 6e4, earlier: false })
}

#[test]
fn the_rule_says_what_the_evidence_asks_for() {
    let said = |pixels, stages: &[f64], images| {
        let verdict = verdict(pixels, stages, images);
        (verdict.because, verdict.trained, verdict.rate_scale)
    };
    assert_eq!(said(0.6, &[0.7, 0.9, 0.99], 80.0), (Because::GoodEnough, 0, 0.1));
    assert_eq!(said(0.5, &[0.6, 0.8, 0.85], 200.0), (Because::FewImages, 2, 0.1));
    assert_eq!(said(0.5, &[0.85], 200.0), (Because::FewImages, 1, 0.1));
    assert_eq!(said(0.5, &[0.6, 0.8, 0.85], 2000.0), (Because::ManyImages, 3, 0.3));
    assert_eq!(said(0.5, &[0.6, 0.7, 0.65], 200.0), (Because::Related, 3, 0.5));
    assert_eq!(said(0.5, &[0.6, 0.7, 0.65], 29.0), (Because::TooFew, 2, 0.1));
    assert_eq!(said(0.6, &[0.62, 0.63, 0.61], 100.0), (Because::LittleValue, 3, 1.0));
    assert_eq!(said(0.4, &[0.6, 0.8, 0.42], 50.0), (Because::LateStagesLost(1), 3, 1.0));
    let large = Evidence {
        pixels: 0.4,
        stages: &[0.6, 0.8, 0.5],
        images: 300.0,
        classes: 2.0,
        parameters: 3e6,
        earlier: false,
    };
    assert_eq!((apply_rule(&large).because, apply_rule(&large).trained), (Because::TooLarge, 0));
    assert_eq!(apply_rule(&Evidence { images: 2000.0, ..large }).because, Because::Related);
    assert_eq!(
        verdict(1.0, &[0.9, 0.9], 50.0).similarity,
        records::Similarity::Unlike,
        "nothing to take away"
    );
}

#[test]
fn what_the_probe_gains_is_the_last_third_less_the_first() {
    let near = |stages: &[f64], expected: f64| {
        let found = gain(stages);
        assert!((found - expected).abs() < 1e-12, "{stages:?}: {found}");
    };
    near(&[0.5, 0.7, 0.1, 0.2, 0.8, 0.9], 0.25);
    near(&[0.5, 0.6, 0.7, 0.9], 0.25); // thirds of four are two each
    near(&[0.9, 0.1], -0.8);
    near(&[0.7], 0.0);
    near(&[], 0.0);
}
