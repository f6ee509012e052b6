//! The linear classifiers against scikit-learn's, and where numbers are hard.

use serde_json::Value;
use tch::{Device, Kind, Tensor};

use super::{numbers, task, whole};
use crate::folds::{Folds, deal, left_out_together};
use crate::{Error, HeldOut, LinearHead, Paired, choose, logistic, ridge};

fn cases() -> Vec<Value> {
    serde_json::from_str(include_str!("linear.json")).unwrap()
}

fn groups(case: &Value) -> Vec<Option<u32>> {
    whole(&case["groups"]).into_iter().map(|group| u32::try_from(group).ok()).collect()
}

fn folds(case: &Value) -> Folds {
    Folds::new(whole(&case["folds"]).into_iter().map(Some).collect())
}

/// The largest difference between log-probabilities and theirs: a row each, or only of the image's own class.
#[track_caller]
fn assert_log_probabilities(ours: &Tensor, labels: &[usize], theirs: &Value, tolerance: f64) {
    let rows = theirs.as_array().unwrap();
    assert_eq!(rows.len() as i64, ours.size()[0]);
    for (row, (theirs, &label)) in (0..).zip(rows.iter().zip(labels)) {
        let ours = Vec::<f64>::try_from(ours.get(row)).unwrap();
        let pairs: Vec<(f64, f64)> = match theirs.as_f64() {
            Some(theirs) => vec![(ours[label], theirs)],
            None => ours.into_iter().zip(numbers(theirs)).collect(),
        };
        for (ours, theirs) in pairs {
            assert!(
                (ours - theirs).abs() <= tolerance * theirs.abs().max(1.0),
                "row {row}: {ours} and not {theirs}"
            );
        }
    }
}

/// Log-probabilities of a head on raw features, `[N, C]`.
fn of_head(head: &LinearHead, features: &Tensor) -> Tensor {
    (features.matmul(&head.weight.tr()) + &head.bias).log_softmax(-1, Kind::Double)
}

#[test]
fn ridge_leaves_out_exactly_what_scikit_learn_fits_without() {
    for case in &cases() {
        let (features, labels, classes) = task(case);
        let head = ridge::fit_groups(&features, &labels, classes, &groups(case)).unwrap();
        let theirs = &case["ridge"];
        let name = &case["name"];
        assert!(
            (head.penalty / theirs["penalty"].as_f64().unwrap() - 1.0).abs() < 1e-12,
            "{name}: {}",
            head.penalty
        );
        assert!((head.held_out.loss() - theirs["loss"].as_f64().unwrap()).abs() < 1e-8, "{name}");
        assert_eq!(head.held_out.images(), whole(&theirs["images"]), "{name}");
        let held: Vec<usize> = head.held_out.images().iter().map(|&image| labels[image]).collect();
        assert_log_probabilities(
            head.held_out.log_probabilities(),
            &held,
            &theirs["log_probabilities"],
            1e-6,
        );
        assert_log_probabilities(&of_head(&head, &features), &labels, &theirs["head"], 1e-6);
    }
}

#[test]
fn logistic_regression_is_scikit_learns_at_every_penalty() {
    for case in cases().iter().filter(|case| !case["logistic"].is_null()) {
        let (features, labels, classes) = task(case);
        let folds = folds(case);
        let theirs = &case["logistic"]["best"];
        let head = logistic::fit_until(1e-10, &features, &labels, classes, &folds).unwrap();
        assert_eq!(head.penalty, theirs["penalty"].as_f64().unwrap());
        assert_log_probabilities(
            head.held_out.log_probabilities(),
            &labels,
            &theirs["log_probabilities"],
            1e-5,
        );
        assert_log_probabilities(&of_head(&head, &features), &labels, &theirs["head"], 1e-5);
        // The fits of the program end earlier, at the same place to three digits.
        let theirs = &case["logistic"]["fixed"];
        let penalty = theirs["penalty"].as_f64().unwrap();
        let held_out = logistic::out_of_fold(&features, &labels, classes, &folds, penalty).unwrap();
        assert_log_probabilities(held_out.log_probabilities(), &labels, &theirs["log_probabilities"], 2e-3);
        assert!((held_out.loss() - theirs["loss"].as_f64().unwrap()).abs() < 1e-4);
    }
}

#[test]
fn doubled_images_left_out_together_are_as_if_left_out_once() {
    let (features, labels, classes) = task(&cases()[0]);
    let twice = Tensor::cat(&[&features, &features], 0);
    let labels_twice = [labels.clone(), labels.clone()].concat();
    let groups: Vec<Option<u32>> = (0..2).flat_map(|_| (0..60).map(Some)).collect();
    let once = ridge::fit(&features, &labels, classes).unwrap();
    let grouped = ridge::fit_groups(&twice, &labels_twice, classes, &groups).unwrap();
    // Neighbours at most: both have nearly the lowest loss.
    assert!((grouped.penalty / once.penalty).log10().abs() < 0.51, "{} {}", grouped.penalty, once.penalty);
    assert!((grouped.held_out.loss() - once.held_out.loss()).abs() < 0.01 * once.held_out.loss());
    let leaking = ridge::fit(&twice, &labels_twice, classes).unwrap();
    assert!(leaking.held_out.loss() < 0.9 * grouped.held_out.loss(), "copies give the answer away");
}

#[test]
fn features_that_say_nothing_give_the_classes_shares_and_those_that_say_it_all_no_errors() {
    let labels: Vec<usize> = (0..20).map(|image| usize::from(image % 4 == 0)).collect();
    let constant = Tensor::full([20, 3], 7.0, (Kind::Double, Device::Cpu));
    let truth: Vec<f64> = labels.iter().flat_map(|&label| [label as f64, 1.0, -(label as f64)]).collect();
    let truth = Tensor::from_slice(&truth).view([20, 3]);
    let folds = deal(&labels, 2, 5, 0);
    let nothing = ridge::fit(&constant, &labels, 2).unwrap();
    // 15 of 20: leaving an image out does not make its class rarer.
    assert_eq!(nothing.held_out.accuracy(), 0.75);
    assert!((nothing.held_out.loss() - 0.5623).abs() < 0.05, "{}", nothing.held_out.loss());
    assert!(nothing.weight.abs().max().double_value(&[]) == 0.0);
    for all in [ridge::fit(&truth, &labels, 2).unwrap(), logistic::fit(&truth, &labels, 2, &folds).unwrap()] {
        assert_eq!(all.held_out.accuracy(), 1.0);
        assert!(all.held_out.loss() > 0.0 && all.held_out.loss() < 0.1, "{}", all.held_out.loss());
        assert!(all.weight.isfinite().all().int64_value(&[]) == 1);
    }
    let nothing = logistic::fit(&constant, &labels, 2, &folds).unwrap();
    assert!((nothing.held_out.loss() - 0.5623).abs() < 0.02, "{}", nothing.held_out.loss());
}

#[test]
fn the_scale_of_features_does_not_matter() {
    let (features, labels, classes) = task(&cases()[0]);
    let scaled = (&features * 1e4 + 3e3).to_kind(Kind::Float);
    let (a, b) =
        (ridge::fit(&features, &labels, classes).unwrap(), ridge::fit(&scaled, &labels, classes).unwrap());
    assert_eq!(a.penalty, b.penalty);
    assert!((a.held_out.loss() - b.held_out.loss()).abs() < 1e-5);
    let difference = of_head(&a, &features) - of_head(&b, &scaled.to_kind(Kind::Double));
    assert!(difference.abs().max().double_value(&[]) < 1e-3);
}

#[test]
fn what_hardly_any_image_shows_does_not_outweigh_the_rest() {
    // The first value tells the classes apart. Each of the others is a little above zero in one image alone.
    let labels: Vec<usize> = (0..20).map(|image| image % 2).collect();
    let features = Tensor::zeros([20, 21], (Kind::Double, Device::Cpu));
    for (image, &label) in (0..).zip(&labels) {
        let _ = features.get(image).get(0).fill_(label as f64 + 0.1 * (image % 3) as f64);
        let _ = features.get(image).get(1 + image).fill_(0.01);
    }
    // A new image of class 1 shows twice as much of each that an image of class 0 showed.
    let new = Tensor::zeros([1, 21], (Kind::Double, Device::Cpu));
    let _ = new.narrow(1, 0, 1).fill_(1.0);
    (0..20).step_by(2).for_each(|image| drop(new.narrow(1, 1 + image, 1).fill_(0.02)));
    let folds = deal(&labels, 2, 5, 0);
    for head in
        [ridge::fit(&features, &labels, 2).unwrap(), logistic::fit(&features, &labels, 2, &folds).unwrap()]
    {
        assert_eq!(of_head(&head, &new).argmax(-1, false).int64_value(&[0]), 1);
    }
}

#[test]
fn what_cannot_be_fitted_is_refused() {
    let features = Tensor::ones([4, 2], (Kind::Float, Device::Cpu));
    assert!(matches!(ridge::fit(&features, &[0, 1, 0], 2), Err(Error::Rows { rows: 4, labels: 3 })));
    assert!(matches!(
        ridge::fit(&features, &[0, 1, 2, 0], 2),
        Err(Error::Label { image: 2, label: 2, classes: 2 })
    ));
    assert!(matches!(ridge::fit(&features, &[0, 0, 0, 1], 2), Err(Error::TooFew)));
    let alone = [Some(0), Some(0), Some(1), Some(1)];
    assert!(matches!(ridge::fit_groups(&features, &[0, 0, 1, 1], 2, &alone), Err(Error::TooFew)));
    let folds = Folds::new(vec![Some(0), Some(1), None, None]);
    assert!(matches!(logistic::fit(&features, &[0, 0, 1, 1], 2, &folds), Err(Error::TooFew)));
    let _ = features.get(1).fill_(f64::NAN);
    assert!(matches!(ridge::fit(&features, &[0, 0, 1, 1], 2), Err(Error::NotFinite(1))));
}

/// Predictions for two classes that give the true one, 0, this loss each.
fn held_out(losses: &[f64]) -> HeldOut {
    let rows: Vec<f64> = losses.iter().flat_map(|loss| [-loss, (1.0 - (-loss).exp()).ln()]).collect();
    let images = losses.len();
    let rows = Tensor::from_slice(&rows).view([images as i64, 2]);
    HeldOut::new(&rows, (0..images).collect(), &vec![0; images]).unwrap()
}

#[test]
fn another_than_the_default_is_better_by_more_than_one_standard_error() {
    let default = held_out(&[0.5, 0.6, 0.4, 0.9]);
    assert_eq!(default.correct(), [true, true, true, false]);
    assert_eq!((default.accuracy(), default.standard_error()), (0.75, 0.1875f64.sqrt() / 2.0));
    let noisy = held_out(&[0.1, 1.0, 0.1, 1.1]); // 0.025 better, standard error 0.21
    let better = held_out(&[0.4, 0.5, 0.3, 0.85]);
    let best = held_out(&[0.3, 0.4, 0.3, 0.8]);
    let paired = Paired::of(default.losses(), noisy.losses());
    assert!(
        (paired.gain - 0.025).abs() < 1e-12 && (paired.standard_error - 0.193_111).abs() < 1e-6,
        "{paired:?}"
    );
    assert_eq!(choose(&[&default, &noisy], 0), 0);
    assert_eq!(choose(&[&default, &noisy], 1), 1);
    assert_eq!(choose(&[&better, &noisy, &default, &best], 2), 3);
    assert_eq!(choose(&[&default], 0), 0);
}

#[test]
fn features_as_many_as_images_seem_good_by_single_images_and_not_by_parts() {
    // Noise, mixed so that its axes are of very different lengths: nothing of a class can be learned from it.
    let labels: Vec<usize> = (0..40).map(|image| image % 2).collect();
    tch::manual_seed(17);
    let [mut single, mut parts] = [0, 1].map(|_| Vec::new());
    for seed in 0..100 {
        let square = || Tensor::randn([40, 40], (Kind::Double, Device::Cpu));
        let noise = square().matmul(&square());
        single.push(ridge::fit(&noise, &labels, 2).unwrap().held_out.accuracy());
        let (together, count) = left_out_together(&labels, 2, &[None; 40], seed);
        assert_eq!(count, 5);
        parts.push(ridge::fit_groups(&noise, &labels, 2, &together).unwrap().held_out.accuracy());
    }
    let fooled = |accuracies: &[f64]| accuracies.iter().filter(|&&accuracy| accuracy >= 0.75).count();
    let (single, parts) = (fooled(&single), fooled(&parts));
    assert!(single >= 5 && parts <= 2, "{single} and {parts} of 100");
}
